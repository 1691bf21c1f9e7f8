"""Sealing: numbers, times, promises, what is kept, and who may call at once."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from types import SimpleNamespace

import pytest
from counterfoil.errors import (
    BadDraft,
    ClockWrong,
    JournalClosed,
    JournalLocked,
    JournalRetired,
    NoSuchReceipt,
    RestoredBackup,
    UncleanBoot,
)
from counterfoil.formats.model import Model
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing.signature import recover
from counterfoil.journal import Journal, rules, sealer, statements
from support import journals
from support.journals import GENESIS, NOW, draft, log


def test_seal__first__numbered_signed_and_found_again(journal):
    sealed = journal.seal(draft())
    assert sealed.receipt.sequence == 0
    assert sealed.receipt.issued_at == NOW
    assert sealed.receipt.settle_by == 0
    assert recover(sealed.digest, sealed.signature) == journal.signer == sealed.receipt.signer
    assert journal.get(0) == sealed
    assert journal.get(sealed.digest) == sealed


def test_seal__fields__those_of_the_draft(journal):
    given = draft("x")
    receipt = journal.seal(given).receipt
    for name in ("model", "runtime", "request", "inputs", "outputs"):
        assert getattr(receipt, name) == getattr(given, name)


def test_seal__reopened__goes_on(opened, profile):
    with opened(profile) as first:
        signer = first.signer
        first.seal(draft(1))
        first.seal(draft(2))
    second = opened(profile)
    assert second.signer == signer
    assert second.seal(draft(3)).receipt.sequence == 2


def test_seal_many__consecutive(journal):
    sealed = journal.seal_many([draft(i) for i in range(300)])
    assert [s.receipt.sequence for s in sealed] == list(range(300))
    assert list(journal.iterate()) == sealed
    assert list(journal.iterate(7, 9)) == sealed[7:9]
    assert journal.seal_many([]) == []


def test_seal_many__more_than_a_group__in_one_piece(journal):
    sealed = journal.seal_many([draft(i) for i in range(2500)])
    assert len(list(journal.iterate())) == 2500
    assert sealed[-1].receipt.sequence == 2499


@pytest.mark.parametrize("name", ["model", "runtime", "request", "inputs", "outputs"])
@pytest.mark.parametrize("value", [b"", bytes(31), bytes(33), "0" * 32, None, bytearray(32)])
def test_seal__bad_digest__refused(journal, name, value):
    with pytest.raises(BadDraft, match=name):
        journal.seal(draft(**{name: value}))
    assert journal.next_sequence() == 0


def test_seal__closed__refused(opened, profile):
    journal = opened(profile)
    journal.seal(draft())
    journal.close()
    with pytest.raises(JournalClosed):
        journal.seal(draft())
    with pytest.raises(JournalClosed):
        journal.next_sequence()


def test_get__missing__refused(journal):
    for which in (0, bytes(32)):
        with pytest.raises(NoSuchReceipt):
            journal.get(which)


# Threads, processes, forks


def test_seal__eight_threads__no_gap_no_double(journal):
    found: list = []

    def work(name):
        for i in range(40):
            found.append(journal.seal(draft((name, i))))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_number = {s.receipt.sequence: s for s in found}
    assert sorted(by_number) == list(range(320))
    assert all(journal.get(n) == s for n, s in by_number.items())


def test_seal__one_bad_caller_in_a_group__others_sealed(journal):
    """A number that no database takes fails its own call alone."""
    bad = {"inputs_tensors": (), "keep_until": 2**70}
    failed, sealed = [], []
    gate = threading.Barrier(6)

    def work(n):
        gate.wait()
        for i in range(20):
            try:
                if n == 0:
                    journal.seal(draft((n, i), **bad))
                else:
                    sealed.append(journal.seal(draft((n, i))))
            except Exception as error:
                failed.append((n, error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n for n, _ in failed} == {0}, failed
    assert len(failed) == 20
    assert sorted(s.receipt.sequence for s in sealed) == list(range(100))


def test_seal__two_journal_objects__one_log(opened, profile):
    first, second = opened(profile), opened(profile)
    assert first.signer == second.signer
    numbers = [j.seal(draft(i)).receipt.sequence for i in range(6) for j in (first, second)]
    assert numbers == list(range(12))


def test_seal__in_forked_children__shares_the_log(journal):
    journal.seal(draft())
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            journal.seal(draft("parent"))

    thread = threading.Thread(target=busy)
    thread.start()
    children = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                for i in range(20):
                    journal.seal(draft((child, i)))
                os._exit(0)
            except BaseException:
                os._exit(1)
        children.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    stop.set()
    thread.join()
    assert codes == [0] * 4
    receipts = [s.receipt for s in journal.iterate()]
    assert [r.sequence for r in receipts] == list(range(len(receipts)))
    for child in range(4):
        for i in range(20):
            assert sum(r.request == draft((child, i)).request for r in receipts) == 1


# Time and promise


def test_seal__clock_back_a_little__last_time_again(journal, clock):
    clock.at = NOW + 200
    journal.seal(draft())
    clock.at = NOW
    assert journal.seal(draft()).receipt.issued_at == NOW + 200


@pytest.mark.parametrize("at", [0, 1_500_000_000, 5_000_000_000])
def test_seal__absurd_clock__refused(journal, clock, at):
    clock.at = at
    with pytest.raises(ClockWrong, match="set it"):
        journal.seal(draft())


def test_seal__clock_far_behind_last_receipt__refused(journal, clock):
    clock.at = NOW + 301
    journal.seal(draft())
    clock.at = NOW
    with pytest.raises(ClockWrong, match=r"last receipt.*counterfoil key rotate"):
        journal.seal(draft())
    assert journal.next_sequence() == 1


def test_seal__clock_far_behind_chain__refused(journal):
    journal.note_chain(GENESIS, None, NOW + 301)
    with pytest.raises(ClockWrong, match="chain"):
        journal.seal(draft())


def test_seal__clock_far_ahead_of_a_chain_just_seen__refused(opened, tmp_path, clock):
    journal = opened(journals.profile(tmp_path, chain_id=5))
    journal.note_chain(GENESIS, log(), NOW - 301)
    with pytest.raises(ClockWrong, match="301 s ahead of the chain"):
        journal.seal(draft(0))
    assert isinstance(journal.refusal(), ClockWrong)
    journal.note_chain(GENESIS, log(), NOW - 300)
    assert journal.refusal() is None
    assert journal.seal(draft(0)).receipt.issued_at == NOW


def test_seal__chain_stands_still__sealed_and_soon_without_a_promise(
    opened, tmp_path, clock, monkeypatch
):
    journal = opened(journals.profile(tmp_path, chain_id=5))
    journal.note_chain(GENESIS, log(), NOW)
    start = time.monotonic()
    for waited, promised in ((600, True), (901, False), (2_000, False)):
        passed = SimpleNamespace(monotonic=lambda waited=waited: start + waited, time=time.time)
        monkeypatch.setattr(sealer, "time", passed)
        clock.at = NOW + waited
        journal.note_chain(GENESIS, log(), NOW)
        settle_by = journal.seal(draft(waited)).receipt.settle_by
        assert bool(settle_by) is promised
    journal.note_chain(GENESIS, log(), NOW + 2_000)
    assert journal.seal(draft()).receipt.settle_by


def test_seal__clock_jumps_years_ahead__refused_until_it_is_back(opened, tmp_path, clock):
    journal = opened(journals.profile(tmp_path, chain_id=5))
    journal.note_chain(GENESIS, log(), NOW)
    journal.seal(draft(0))
    clock.at = NOW + 3 * 365 * 86_400
    with pytest.raises(ClockWrong, match="ahead of the chain"):
        journal.seal(draft(1))
    clock.at = NOW + 1
    assert journal.seal(draft(1)).receipt.issued_at == NOW + 1


def test_seal__chain_of_development_stands__sealed(journal, clock):
    journal.note_chain(GENESIS, log(), NOW - 5_000)
    assert journal.seal(draft()).receipt.issued_at == NOW


def test_contact__not_looked_for_long__says_nothing():
    contact = rules.Contact()
    assert contact.expected(None, None, NOW, 0.0) is None
    assert contact.expected(NOW - 10, NOW - 12, NOW, 50.0) == NOW - 2
    assert contact.expected(NOW - 10, NOW - 12, NOW + 10**9, 60.0) == NOW + 8
    assert contact.expected(NOW - 10, NOW - 12, NOW, 50.0 + 891) is None
    assert contact.expected(NOW + 900, NOW + 898, NOW + 900, 950.0) == NOW + 898
    assert rules.Contact().expected(NOW - 901, NOW - 901, NOW, 0.0) is None


@pytest.mark.parametrize(("age", "given"), [(60, True), (61, False)])
def test_promise__contact_older_than_a_closes_notice__none(journal, clock, age, given):
    """A log may be closed with maxDelay's notice between two looks."""
    journal.note_chain(GENESIS, log(max_delay=60), NOW)
    clock.at = NOW + age
    assert bool(journal.seal(draft()).receipt.settle_by) is given


def test_promise__log_open_and_chain_in_reach__given(journal):
    journal.note_chain(GENESIS, log(), NOW)
    assert journal.seal(draft()).receipt.settle_by == NOW + 3600


def test_promise__over_max_delay__bounded(journal):
    journal.note_chain(GENESIS, log(max_delay=60), NOW)
    assert journal.seal(draft()).receipt.settle_by == NOW + 60


@pytest.mark.parametrize(
    "state",
    [None, log(revoked_at=NOW - 1), log(closes_at=NOW), log(opened_at=NOW + 1)],
    ids=["never opened", "revoked", "closed", "not open yet"],
)
def test_promise__log_not_open__none(journal, state):
    journal.note_chain(GENESIS, state, NOW)
    assert journal.seal(draft()).receipt.settle_by == 0


def test_promise__chain_not_seen_for_long__none(journal, clock):
    journal.note_chain(GENESIS, log(), NOW)
    clock.at = NOW + 901
    assert journal.seal(draft()).receipt.settle_by == 0


def test_promise__profile_promises_nothing__none(opened, tmp_path):
    from support import journals

    journal = opened(journals.profile(tmp_path, promise=0))
    journal.note_chain(GENESIS, log(), NOW)
    assert journal.seal(draft()).receipt.settle_by == 0


# What is kept


def test_receipt_file__tensors_not_asked_for__no_opening(journal):
    journal.seal(draft())
    file = journal.receipt_file(0)
    assert file.opening is None
    assert file.preimage is None
    assert journal.masters(0) == (draft().input_master, draft().output_master)


def test_receipt_file__kept__opens_what_was_committed(journal):
    given = draft()
    inputs = (Tensor(name="a", dtype=1, shape=(2,), data=bytes(8)),)
    model = Model.of({"model.onnx": b"m"})
    runtime = Runtime(engine="e", version="1", providers="p", machine="m", options="{}")
    journal.seal(
        draft(
            inputs=commit(inputs, given.input_master).digest,
            outputs=commit((), given.output_master).digest,
            inputs_tensors=inputs,
            outputs_tensors=(),
            model=model.digest,
            runtime=runtime.digest,
            model_preimage=model,
            runtime_preimage=runtime,
        )
    )
    file = journal.receipt_file(0)
    assert file.opening.inputs.commitment().digest == file.receipt.inputs
    assert file.opening.outputs.commitment().digest == file.receipt.outputs
    assert file.preimage.model.digest == file.receipt.model
    assert file.preimage.runtime.digest == file.receipt.runtime
    assert type(file).parse(file.dump()) == file
    assert journal.receipt_file(0, openings=False).opening is None


def test_forget__time_over__tensors_gone_masters_kept(journal, clock):
    tensor = (Tensor(name="a", dtype=2, shape=(), data=b"\x07"),)
    journal.seal(draft(1, inputs_tensors=tensor, keep_until=NOW + 10))
    journal.seal(draft(2, inputs_tensors=tensor, keep_until=NOW + 20))
    journal.seal(draft(3, inputs_tensors=tensor))
    assert journal.forget() == 0
    clock.at = NOW + 10
    assert journal.forget() == 1
    assert [journal.receipt_file(n).opening is None for n in range(3)] == [True, False, False]
    assert journal.masters(0) == (draft(1).input_master, draft(1).output_master)
    assert journal.forget(everything=True) == 2
    assert journal.receipt_file(2).opening is None


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_forget__bytes__in_no_file_any_more(journal, profile, tmp_path):
    secret = b"a secret that somebody wants to be forgotten" * 8
    tensor = (Tensor(name="a", dtype=2, shape=(len(secret),), data=secret),)
    journal.seal(draft(1, inputs_tensors=tensor))

    def found():
        # SQLite's own files are read by another process: to close them here drops its locks.
        import subprocess
        import sys

        code = "import sys,pathlib;print(any(sys.argv[2].encode() in p.read_bytes() for p in pathlib.Path(sys.argv[1]).iterdir() if p.is_file()))"  # noqa: E501
        out = subprocess.check_output(
            [sys.executable, "-c", code, str(tmp_path / "data"), secret[:44].decode()]
        )
        return out.strip() == b"True"

    assert found()
    journal.forget(everything=True)
    assert not found()


def test_forget_masters__named_receipts__only_theirs(journal):
    journal.seal_many([draft(i) for i in range(4)])
    assert journal.forget_masters(1, 3) == 2
    assert [journal.masters(n)[0] is None for n in range(4)] == [False, True, True, False]


def test_export__files__one_a_receipt(journal, tmp_path):
    from counterfoil.formats.receipt_file import ReceiptFile

    sealed = journal.seal_many([draft(i) for i in range(5)])
    seen: list[int] = []
    assert journal.export(tmp_path / "out", first=1, progress=seen.append) == 4
    files = sorted((tmp_path / "out").iterdir())
    assert [ReceiptFile.load(f).digest for f in files] == [s.digest for s in sealed[1:]]
    assert seen == [1, 2, 3, 4]
    with pytest.raises(NoSuchReceipt, match="ends before"):
        journal.export(tmp_path / "out", stop=6)


def test_repr__no_key_in_it(journal: Journal):
    assert re.match("<Journal (sqlite|postgresql[+]psycopg):", repr(journal))


# One statement, where the log stands as it did


@pytest.fixture
def in_file(opened, tmp_path):
    return opened(journals.profile(tmp_path / "file"))


def statements_of(journal, work):
    """What the writing connection is asked while `work` is done."""
    asked = []
    raw = journal._store._raw
    raw.set_trace_callback(asked.append)
    try:
        work()
    finally:
        raw.set_trace_callback(None)
    return [statement.split()[0] for statement in asked]


def other_program(journal, statement, *given):
    """A program that does not queue with ours, and moves no mark."""
    raw = sqlite3.connect(journal.profile.journal.removeprefix("sqlite:///"))
    with raw:
        raw.execute(statement, given)
    raw.close()


def test_seal__log_stands_as_it_did__one_statement(in_file):
    in_file.seal(draft(0))
    assert statements_of(in_file, lambda: in_file.seal(draft(1))) == ["INSERT"]
    assert statements_of(in_file, lambda: in_file.seal(draft(2))) == ["INSERT"]
    assert "BEGIN" in statements_of(in_file, lambda: in_file.seal_many([draft(3), draft(4)]))
    assert statements_of(in_file, lambda: in_file.seal(draft(5))) == ["INSERT"]
    assert [s.receipt.sequence for s in in_file.iterate()] == list(range(6))
    assert in_file.get(5).receipt == in_file.get(in_file.get(5).digest).receipt


def test_seal__other_journal_object_sealed_meanwhile__looks_before_it_signs(
    in_file, opened, monkeypatch
):
    other = opened(in_file.profile)
    in_file.seal(draft(0))
    assert other.seal(draft(1)).receipt.sequence == 1
    signed, sign = [], in_file._sealer._signing.sign
    monkeypatch.setattr(
        type(in_file._sealer._signing), "sign",
        lambda self, drafts, first, *more: signed.append(first) or sign(drafts, first, *more),
    )  # fmt: skip
    assert in_file.seal(draft(2)).receipt.sequence == 2
    assert signed == [2]
    assert other.seal(draft(3)).receipt.sequence == 3
    assert [s.receipt.sequence for s in in_file.iterate()] == list(range(4))


def test_seal__row_that_no_mark_tells_of__next_number(in_file):
    in_file.seal(draft(0))
    in_file.seal(draft(1))
    other_program(
        in_file,
        "INSERT INTO receipts SELECT journal, 2, digest, model, runtime, request, inputs, outputs, "
        "issued_at + 5, settle_by, signature, input_master, output_master "
        "FROM receipts WHERE sequence = 1",
    )
    sealed = in_file.seal(draft(2)).receipt
    assert (sealed.sequence, sealed.issued_at) == (3, NOW + 5)


def test_seal__last_receipt_gone__not_sealed_over_a_gap(in_file):
    """As after a file was put back by its content: the marks know more than it holds."""
    in_file.seal(draft(0))
    in_file.seal(draft(1))
    other_program(in_file, "DELETE FROM receipts WHERE sequence = 1")
    with pytest.raises(RestoredBackup):
        in_file.seal(draft(2))
    assert len(list(in_file.iterate())) == 1


@pytest.mark.parametrize(("column", "value", "error"), [
    ("halted", "'restored'", RestoredBackup), ("retired_at", "1", JournalRetired),
    ("dirty_boot", "'another'", UncleanBoot), ("chain_time", str(NOW + 1000), ClockWrong),
])  # fmt: skip
def test_seal__standing_changed_by_another_program__noticed(in_file, column, value, error):
    in_file.seal(draft(0))
    in_file.seal(draft(1))
    other_program(in_file, f"UPDATE journals SET {column} = {value}")
    with pytest.raises(error):
        in_file.seal(draft(2))
    assert in_file.next_sequence() == 2


def test_seal__file_held_by_another_program__nothing_sealed_then_goes_on(opened, tmp_path):
    journal = opened(journals.profile(tmp_path / "file"), wait=0.2)
    journal.seal(draft(0))
    other = sqlite3.connect(tmp_path / "file/journal.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalLocked):
        journal.seal(draft(1))
    other.execute("ROLLBACK")
    other.close()
    assert journal.seal(draft(1)).receipt.sequence == 1
    assert journal.seal(draft(2)).receipt.sequence == 2


@pytest.mark.parametrize("halted", [None, "it's", "a ? and :b"])
def test_insert_next__standing_of_every_kind__inserts_where_it_is_that(in_file, halted):
    in_file.seal(draft(0))
    store, sql = in_file._store, in_file._sealer._sql
    with store.writing() as transaction:
        cursor, number = transaction.cursor, in_file._number
        row = cursor.execute("SELECT * FROM receipts").fetchone()
        cursor.execute("UPDATE journals SET halted = ?, log_next = 7, contact_at = -3", (halted,))
        *standing, last, issued = cursor.execute(sql.head, (number,)).fetchone()
        insert = statements.insert_next(store.dialect, standing)
        other = statements.insert_next(store.dialect, ["other", *standing[1:]])
        following = (number, 1, *row[2:])

        def inserted(statement, *was):
            given = (*following[:3], number, *was, *following[3:])
            return cursor.execute(statement, given).rowcount

        assert inserted(other, last, issued) == 0
        assert inserted(insert, last, issued + 1) == 0
        assert inserted(insert, last + 1, issued) == 0
        assert inserted(insert, last, issued) == 1
        assert inserted(insert, last, issued) == 0
        assert cursor.execute("SELECT * FROM receipts WHERE sequence = 1").fetchone() == following
