"""Group commit and the turnstile by themselves."""

from __future__ import annotations

import threading
import time

import pytest
from counterfoil.errors import JournalFailed, JournalFull, JournalLocked
from counterfoil.journal.group import LIMIT, Group
from counterfoil.journal.lock import Turnstile
from support.journals import draft


def together(group, calls):
    """Make calls at once, the first of them leading; returns results or errors by place."""
    found: list = [None] * len(calls)

    def work(place):
        try:
            found[place] = group.seal(calls[place])
        except BaseException as error:
            found[place] = error

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(calls))]
    threads[0].start()
    time.sleep(0.05)
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return found


def slow(commits, action):
    def commit(group):
        time.sleep(0.15 if not commits else 0)
        commits.append([len(t.drafts) for t in group])
        return action([d for t in group for d in t.drafts])

    return commit


def test_seal__callers_at_once__one_transaction_for_those_who_waited():
    commits: list = []
    found = together(Group(slow(commits, list)), [[draft(n)] for n in range(6)])
    assert [r[0].request for r in found] == [draft(n).request for n in range(6)]
    assert commits[0] == [1]
    assert commits[1:] == [[1] * 5]


def test_seal__more_than_fits__next_transaction():
    commits: list = []
    found = together(Group(slow(commits, list)), [[draft(n)] * 600 for n in range(4)])
    assert all(len(r) == 600 for r in found)
    assert all(sum(c) <= LIMIT for c in commits)


def test_seal__journal_error__each_caller_gets_its_own():
    def full(_):
        raise JournalFull("the disk is full")

    found = together(Group(slow([], full)), [[draft(n)] for n in range(4)])
    assert all(type(error) is JournalFull for error in found)
    assert len({id(error) for error in found}) == 4


def test_seal__one_callers_fault__the_others_are_sealed():
    def picky(drafts):
        if any(d.request == draft(2).request for d in drafts):
            raise JournalFailed("a number too large")
        return list(drafts)

    found = together(Group(slow([], picky)), [[draft(n)] for n in range(5)])
    assert [isinstance(r, JournalFailed) for r in found] == [False, False, True, False, False]


def test_seal__leader_interrupted__another_takes_over():
    calls = []

    def commit(group):
        time.sleep(0.15)
        calls.append(len(group))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return [d for t in group for d in t.drafts]

    found = together(Group(commit), [[draft(n)] for n in range(5)])
    assert sum(isinstance(r, KeyboardInterrupt) for r in found) == 1
    assert sum(isinstance(r, list) for r in found) == 4


def test_seal__leader_interrupted_after_the_commit__the_others_have_their_receipts():
    calls = []

    class Receipts(list):
        """Ctrl-C comes as the first is taken out."""

        def __getitem__(self, place):
            if calls[-1] > 1 and not interrupted:
                interrupted.append(place)
                raise KeyboardInterrupt
            return super().__getitem__(place)

    def commit(group):
        time.sleep(0.15)
        calls.append(len(group))
        return Receipts(d for t in group for d in t.drafts)

    interrupted: list = []
    found = together(Group(commit), [[draft(n)] for n in range(5)])
    assert calls == [1, 4]
    assert sum(isinstance(r, KeyboardInterrupt) for r in found) == len(interrupted) == 1
    for place, result in enumerate(found):
        if not isinstance(result, KeyboardInterrupt):
            assert [d.request for d in result] == [draft(place).request]


def test_turnstile__held__waits_no_longer_than_told(tmp_path):
    one, two = Turnstile(tmp_path / "l"), Turnstile(tmp_path / "l")
    one.acquire(1)
    start = time.monotonic()
    with pytest.raises(JournalLocked):
        two.acquire(0.2)
    assert 0.2 <= time.monotonic() - start < 2
    one.release()
    two.acquire(1)
    two.release()
    for turnstile in (one, two):
        turnstile.close()


def test_turnstile__one_who_comes_round_at_once__lets_the_waiting_one_in(tmp_path):
    """Four greedy holders: nobody's share is below half of what is fair."""
    turns = [0] * 4
    end = time.monotonic() + 1.5

    def work(n):
        turnstile = Turnstile(tmp_path / "l")
        while time.monotonic() < end:
            turnstile.acquire(10)
            time.sleep(0.0005)
            turns[n] += 1
            turnstile.release()
        turnstile.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(turns) > sum(turns) / 8
