"""The journal against plain dicts: whatever the order of sealing, settling and restarts."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from counterfoil import keys
from counterfoil.errors import NoSuchBatch, PromiseInDanger, RestoredBackup
from counterfoil.hashing import merkle
from counterfoil.hashing.signature import recover
from counterfoil.journal import Journal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support import journals
from support.journals import GENESIS, NOW, digest, draft, log
from support.postgres import shared

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "slow"


class JournalMachine(RuleBasedStateMachine):
    """The model: receipts and batches by number, in dicts; the log's state; the time."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = journals.Clock()
        self.profile = journals.profile(Path(self.folder.name), **self.place())
        self.journal = self.opened()
        self.receipts: dict[int, object] = {}
        self.batches: dict[int, dict] = {}
        self.known_log = None
        self.contact = None
        self.halted = False

    def place(self):
        """Where the journal is, if not in a file of the folder."""
        return {}

    def opened(self):
        return Journal.open(self.profile, clock=self.clock)

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()

    @initialize()
    def first(self):
        self.journal.unlock()

    # What the program does

    def promised(self):
        if self.contact is None or self.clock.at - self.contact > 900 or self.known_log is None:
            return 0
        if self.known_log.revoked_at or self.clock.at >= self.known_log.closes_at:
            return 0
        return self.clock.at + min(self.profile.promise, self.known_log.max_delay)

    def in_danger(self):
        """Whether a promise that no posted batch keeps has less than a quarter of a span left."""
        kept = {
            number
            for first, batch in self.batches.items()
            if batch["posted_at"] is not None
            for number in range(first, first + batch["size"])
        }
        promises = [
            sealed.receipt.settle_by
            for number, sealed in self.receipts.items()
            if number not in kept and sealed.receipt.settle_by
        ]
        span = min(self.profile.promise, self.known_log.max_delay)
        return bool(promises) and min(promises) - self.clock.at < span / 4

    @rule(count=st.integers(1, 5), of=st.integers(0, 3))
    def seal(self, count, of):
        drafts = [draft((of, i)) for i in range(count)]
        if self.halted:
            with pytest.raises(RestoredBackup):
                self.journal.seal_many(drafts)
            return
        try:
            made = self.journal.seal_many(drafts)
        except PromiseInDanger:
            assert self.in_danger()
            return
        for given, sealed in zip(drafts, made, strict=True):
            receipt = sealed.receipt
            assert receipt.sequence == len(self.receipts)
            assert receipt.request == given.request
            assert receipt.issued_at == self.clock.at
            assert receipt.settle_by == self.promised()
            self.receipts[receipt.sequence] = sealed

    @rule(limit=st.integers(1, 6))
    def cut(self, limit):
        cut = sum(b["size"] for b in self.batches.values())
        file = self.journal.cut_batch(limit=limit)
        if cut == len(self.receipts):
            assert file is None
            return
        assert file.batch.first == cut
        assert file.batch.size == min(limit, len(self.receipts) - cut)
        self.batches[cut] = {
            "size": file.batch.size,
            "root": file.batch.root,
            "state": "cut",
            "posted_at": None,
        }

    @rule(data=st.data(), move=st.sampled_from(["sent", "posted", "final", "reorged"]))
    @precondition(lambda self: self.batches)
    def move(self, data, move):
        first = data.draw(st.sampled_from(sorted(self.batches)))
        batch = self.batches[first]
        allowed = {
            "sent": ("cut", "sent"),
            "posted": ("cut", "sent", "posted"),
            "final": ("posted", "final"),
            "reorged": ("posted", "final"),
        }[move]
        act = {
            "sent": lambda: self.journal.mark_sent(first, digest("t"), 1, self.clock.at),
            "posted": lambda: self.journal.mark_posted(first, self.clock.at, digest("t"), 9),
            "final": lambda: self.journal.mark_final(first),
            "reorged": lambda: self.journal.mark_reorged(first),
        }[move]
        if batch["state"] not in allowed:
            with pytest.raises(NoSuchBatch):
                act()
            return
        act()
        batch["state"] = "sent" if move == "reorged" else move
        if move == "posted":
            batch["posted_at"] = self.clock.at
        if move == "reorged":
            batch["posted_at"] = None

    @rule(
        opened=st.booleans(),
        revoked=st.booleans(),
        max_delay=st.integers(60, 7200),
        ahead=st.sampled_from([0, 0, 0, 0, 0, 1]),
    )
    def look_at_chain(self, opened, revoked, max_delay, ahead):
        state = log(
            revoked_at=NOW if revoked else 0,
            max_delay=max_delay,
            next_sequence=len(self.receipts) + ahead if ahead else 0,
        )
        if opened:
            self.known_log = state
        self.contact = self.clock.at
        if opened and ahead:
            self.halted = True
            with pytest.raises(RestoredBackup):
                self.journal.note_chain(GENESIS, state, self.clock.at)
        else:
            self.journal.note_chain(GENESIS, state if opened else None, self.clock.at)

    @rule(seconds=st.integers(1, 1000))
    def wait(self, seconds):
        self.clock.at += seconds

    @rule(cleanly=st.booleans())
    def restart(self, cleanly):
        if cleanly:
            self.journal.close()
        else:  # the process ended without a word
            self.journal._sealer.close()
            self.journal._store.close()
        self.journal = self.opened()

    @rule()
    def rotate(self):
        old = self.journal
        self.journal = old.rotate()
        assert self.journal.signer != old.signer
        old.close()
        self.receipts, self.batches = {}, {}
        self.known_log = self.contact = None
        self.halted = False

    # What must always hold

    @invariant()
    def numbers_without_a_gap_and_nothing_changed(self):
        assert {s.receipt.sequence: s for s in self.journal.iterate()} == self.receipts
        assert self.journal.next_sequence() == len(self.receipts)

    @invariant()
    def signatures_recover(self):
        for sealed in list(self.receipts.values())[-3:]:
            assert recover(sealed.digest, sealed.signature) == self.journal.signer

    @invariant()
    def batches_as_they_were_cut(self):
        stored = {b.batch.first: b for b in self.journal.batches()}
        assert set(stored) == set(self.batches)
        for first, batch in self.batches.items():
            assert stored[first].batch.size == batch["size"]
            assert stored[first].batch.root == batch["root"]
            assert stored[first].state == batch["state"]
            assert stored[first].posted_at == batch["posted_at"]

    @invariant()
    def pending_is_the_rest(self):
        cut = sum(b["size"] for b in self.batches.values())
        pending = self.journal.pending()
        rest = [self.receipts[n].receipt for n in range(cut, len(self.receipts))]
        assert (pending.first, pending.count) == (cut, len(rest))
        assert pending.oldest_issued_at == (rest[0].issued_at if rest else None)
        promised = [r.settle_by for r in rest if r.settle_by]
        assert pending.earliest_settle_by == min(promised, default=None)

    @invariant()
    def inclusions_lead_to_their_roots(self):
        for first, batch in list(self.batches.items())[-2:]:
            sequence = first + batch["size"] // 2
            inclusion = self.journal.receipt_file(sequence).inclusion
            if batch["posted_at"] is None:
                assert inclusion is None
            else:
                leaf = merkle.leaf(self.receipts[sequence].digest)
                assert inclusion.root(leaf, sequence) == batch["root"]


@pytest.fixture(autouse=True, scope="module")
def no_keyring():
    before, keys._keyring = keys._keyring, lambda: None
    yield
    keys._keyring = before


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(
    max_examples=150 if LONG else 6, stateful_step_count=20, deadline=None
)


class PostgresJournalMachine(JournalMachine):
    """The same, in a database of a server; keys are in a home for each example."""

    def place(self):
        self.name = shared().database()
        self.home = os.environ.get("COUNTERFOIL_HOME")
        os.environ["COUNTERFOIL_HOME"] = self.folder.name
        return {"journal": shared().url(self.name)}

    def teardown(self):
        super().teardown()
        shared().drop(self.name)
        if self.home is None:
            del os.environ["COUNTERFOIL_HOME"]
        else:
            os.environ["COUNTERFOIL_HOME"] = self.home


TestPostgresJournal = pytest.mark.slow(PostgresJournalMachine.TestCase)
TestPostgresJournal.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
