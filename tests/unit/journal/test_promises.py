"""A promise in danger stops further promises, until it is kept."""

from __future__ import annotations

import pytest
from counterfoil.errors import PromiseInDanger
from counterfoil.hashing.types import Seconds
from counterfoil.journal import danger
from support.journals import GENESIS, NOW, digest, draft, log, profile

SPAN = 400
QUARTER = SPAN // 4


pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def promising(opened, tmp_path):
    """A journal that promises 400 s."""
    journal = opened(profile(tmp_path, promise=Seconds(SPAN)))
    journal.note_chain(GENESIS, log(), NOW)
    return journal


def post(journal, first: int, at: int) -> None:
    journal.mark_sent(first, digest("transaction", first), 0, Seconds(at))
    journal.mark_posted(first, Seconds(at), digest("transaction", first), 1)


@pytest.mark.parametrize("cut", [False, True])
def test_seal__earliest_promise_under_a_quarter__refused_until_posted(promising, clock, cut):
    assert promising.seal(draft(0)).receipt.settle_by == NOW + SPAN
    if cut:
        promising.cut_batch()
    clock.at = NOW + SPAN - QUARTER
    promising.seal(draft(1))
    clock.at += 1
    for _ in range(2):
        with pytest.raises(PromiseInDanger, match=rf"due in {QUARTER - 1} s.*goes on by itself"):
            promising.seal(draft(2))
    assert isinstance(promising.refusal(), PromiseInDanger)
    assert promising.next_sequence() == 2
    if not cut:
        promising.cut_batch()
    post(promising, 0, clock.at)
    if not cut:
        assert promising.refusal() is None
    assert promising.seal(draft(2)).receipt.settle_by == clock.at + SPAN


def test_seal__promise_late__refused_until_posted(promising, clock):
    promising.seal(draft(0))
    promising.cut_batch()
    clock.at = NOW + SPAN + 7
    with pytest.raises(PromiseInDanger, match="due 7 s ago"):
        promising.seal(draft(1))
    post(promising, 0, clock.at)
    assert promising.seal(draft(1)).receipt.sequence == 1


def test_seal__posted_batch_reorged_away__refused_again(promising, clock):
    promising.seal(draft(0))
    promising.cut_batch()
    post(promising, 0, NOW)
    clock.at = NOW + SPAN - 1
    promising.seal(draft(1))
    promising.mark_reorged(0)
    clock.at += 1
    promising._sealer._promises.forget()  # as a second later: till then a look counts
    with pytest.raises(PromiseInDanger):
        promising.seal(draft(2))


def test_seal__chain_out_of_reach__seals_without_promise(promising, clock):
    promising.seal(draft(0))
    clock.at = NOW + 10_000
    receipt = promising.seal(draft(1)).receipt
    assert (receipt.sequence, receipt.settle_by) == (1, 0)
    assert promising.refusal() is None


def test_seal__another_process_promised__seen_within_a_second(opened, tmp_path, clock):
    ours, theirs = (opened(profile(tmp_path, promise=Seconds(SPAN))) for _ in range(2))
    ours.note_chain(GENESIS, log(), NOW)
    theirs.seal(draft(0))
    clock.at = NOW + SPAN - 1
    with pytest.raises(PromiseInDanger):
        ours.seal(draft(1))
    theirs.cut_batch()
    post(theirs, 0, clock.at)
    assert ours.seal(draft(1)).receipt.sequence == 1


def test_seal__promises_shortened_while_others_wait__the_earliest_counts(opened, tmp_path, clock):
    long, short = (opened(profile(tmp_path, promise=Seconds(s))) for s in (4000, 40))
    long.note_chain(GENESIS, log(), NOW)
    long.seal(draft(0))
    short.seal(draft(1))
    fresh = opened(profile(tmp_path, promise=Seconds(40)))
    assert fresh.earliest_promise() == NOW + 40
    clock.at = NOW + 31
    with pytest.raises(PromiseInDanger, match="due in 9 s"):
        fresh.seal(draft(2))


def test_look__more_than_a_page_waits__each_receipt_looked_at_once(promising, monkeypatch):
    monkeypatch.setattr(danger, "PAGE", 4)
    promising.seal_many([draft(n) for n in range(9)])
    sql, asked = promising._sealer._sql, []
    promises = danger.Promises(promising._number)
    with promising._store.reading() as connection:

        def ask(text, parameters):
            asked.append(parameters)
            return connection.exec_driver_sql(text, parameters)

        for clock in (0, 0.5, 1, 2, 3):
            assert promises.earliest(ask, sql, clock) == NOW + SPAN
    pages = [parameters[1:] for parameters in asked if len(parameters) == 3]
    assert pages == [(0, 4), (4, 8), (8, 12), (9, 13)]


def test_span__bounded_by_max_delay__no_false_alarm(opened, tmp_path, clock):
    journal = opened(profile(tmp_path, promise=Seconds(10_000)))
    journal.note_chain(GENESIS, log(max_delay=100), NOW)
    assert journal.seal(draft(0)).receipt.settle_by == NOW + 100
    clock.at = NOW + 74
    assert journal.seal(draft(1)).receipt.settle_by == NOW + 174
    clock.at = NOW + 76
    with pytest.raises(PromiseInDanger):
        journal.seal(draft(2))


@pytest.mark.parametrize(
    ("ahead", "max_delay", "promised"),
    [
        (0, 7200, SPAN),
        (-1000, 7200, SPAN),
        (250, 7200, SPAN + 250),
        (250, SPAN + 100, SPAN + 100),
        (250, SPAN, 0),
        (200, SPAN, SPAN),
    ],
)
def test_promise__chain_s_clock_ahead__counted_by_that(
    opened, tmp_path, clock, ahead, max_delay, promised
):
    """The later the chain's clock, the later the promise; never past `maxDelay`; else none."""
    journal = opened(profile(tmp_path, promise=Seconds(SPAN)))
    journal.note_chain(GENESIS, log(max_delay=max_delay), NOW + ahead)
    receipt = journal.seal(draft(0)).receipt
    assert receipt.issued_at == NOW
    assert receipt.settle_by == (NOW + promised if promised else 0)


def test_promise__looked_at_the_chain_before__its_clock_went_on(opened, tmp_path, clock):
    journal = opened(profile(tmp_path, promise=Seconds(SPAN)))
    journal.note_chain(GENESIS, log(), NOW + 100)
    clock.at += 50
    assert journal.seal(draft(0)).receipt.settle_by == NOW + 150 + SPAN
