"""What became of batches, by their own events alone: whoever posted them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from counterfoil.chain import Chain, LedgerClient, Posted, mined
from counterfoil.errors import BadAnswer, BatchUnseen, ForeignBatch, NoSuchBatch, TransactionFailed
from counterfoil.formats.batch import batch_word
from counterfoil.hashing.types import ZERO, Address, Digest
from counterfoil.journal import Journal, StoredBatch

from .points import hit
from .settlement import Step

LOOK_BACK = 128
"""Blocks behind the head in which a batch that is final is still held against the ledger."""

UNSEEN_FOR = 600.0
"""Seconds for which an event may lag behind the state before the operator is called."""


class Observer:
    """Finds the events of one log's batches."""

    def __init__(
        self, chain: Chain, ledger: LedgerClient, signer: Address, clock: Callable[[], float]
    ) -> None:
        self._chain = chain
        self._ledger = ledger
        self._signer = signer
        self._clock = clock
        self._unseen: dict[int, float] = {}

    def find(self, stored: StoredBatch) -> Posted | None:
        """The event of a batch that the ledger is past; None: the RPC does not show it yet.

        Raises:
            ForeignBatch: the log's key signed another batch there.
            BatchUnseen: the RPC has not shown the event for long.
            BadAnswer: event and state contradict each other.
        """
        first = stored.batch.first
        word = self._ledger.batch_word(self._signer, first)
        found = None if word == ZERO else self._event(stored)
        if word == ZERO and self._ledger.next_sequence(self._signer) > first:
            raise self._foreign(first, "a batch that starts elsewhere covers its number")
        if found is None:
            self._check_patience(first)
            return None
        self._unseen.pop(first, None)
        if (found.root, found.size) != (stored.batch.root, stored.batch.size):
            raise self._foreign(first, f"the ledger's has {found.size} receipts")
        if word != batch_word(found.root, found.size, found.posted_at):
            raise BadAnswer(
                f"{self._chain.host} shows an event of batch {first} that the ledger's word "
                "contradicts: try again or use another RPC"
            )
        return found

    def stands(self, stored: StoredBatch) -> bool:
        """Whether the ledger has a posted batch, with the very time that the journal has.

        A re-org may take a batch back and have it mined again, in another block at another time,
        between two looks: the log's next sequence is then as before.
        """
        batch, posted_at = stored.batch, stored.posted_at
        if posted_at is None:
            return False
        word = self._ledger.batch_word(self._signer, batch.first)
        if word == ZERO:  # of a node that lags behind? As of the head, which such a one lacks
            head = self._chain.block_number()
            read = self._ledger.contract.read
            word = Digest(bytes(read("batch_word", self._signer, batch.first, block=head)))
        return word == batch_word(batch.root, batch.size, posted_at)

    def newest_final(self, journal: Journal) -> list[StoredBatch]:
        """Final batches that lie so near to the head that a re-org may still move them."""
        return journal.final_batches(max(0, self._chain.block_number() - LOOK_BACK))

    def is_deep(self, found: Posted, confirmations: int) -> bool:
        """Whether a batch's block is canonical and has `confirmations`, its own counted."""
        deep = self._chain.block_number() - found.block + 1 >= confirmations
        return deep and self._chain.is_canonical(found.block, found.block_digest)

    def _event(self, stored: StoredBatch) -> Posted | None:
        """The event, looked for where it probably is before everywhere."""
        first = stored.batch.first
        blocks = [stored.block, self._block_of(stored.transaction)]
        for block in dict.fromkeys(blocks):
            if block is not None:
                found = self._ledger.posted_in(self._signer, first, block)
                if found is not None:
                    return found
        return self._ledger.posted(self._signer, first)

    def _block_of(self, transaction: Digest | None) -> int | None:
        if transaction is None:
            return None
        try:
            found = mined(self._chain, transaction)
        except TransactionFailed:
            return None
        return None if found is None else found.block

    def _check_patience(self, first: int) -> None:
        since = self._unseen.setdefault(first, self._clock())
        if self._clock() - since > UNSEEN_FOR:
            raise BatchUnseen(
                f"the ledger is past the batch at {first}, but {self._chain.host} shows no "
                "event of it: use an RPC that serves this chain's old events"
            )

    def _foreign(self, first: int, what: str) -> ForeignBatch:
        return ForeignBatch(
            f"the log holds another batch at number {first} than this journal's ({what}): "
            "the key is in use elsewhere, or stolen; revoke it with `counterfoil log revoke`"
        )


def observe(
    journal: Journal, observer: Observer, step: Step, following: int, confirmations: int
) -> None:
    """Sort the batches that are not final into posted and unposted, by the chain alone.

    Args:
        following: the log's next sequence on chain.
    """
    _reopen_final(journal, step, following, confirmations)
    _reopen_moved(journal, observer, step, confirmations)
    step.unposted, step.unconfirmed = [], 0
    for stored in journal.unsettled_batches():
        try:
            if stored.batch.first >= following:
                _unposted(journal, step, stored)
            else:
                _posted(journal, observer, step, stored, confirmations)
        except NoSuchBatch:  # it moved on between our look and our mark
            step.notes.append(f"another settler was quicker with the batch at {stored.batch.first}")
            step.unconfirmed += 1


def _unposted(journal: Journal, step: Step, stored: StoredBatch) -> None:
    first = stored.batch.first
    if stored.state == "posted":
        journal.mark_reorged(first)
        hit("settle.reorged")
        step.reorged.append(first)
        step.notes.append(f"a re-org took the batch at {first} out of the chain")
        stored = replace(stored, state="sent")
    step.unposted.append(stored)


def _posted(
    journal: Journal, observer: Observer, step: Step, stored: StoredBatch, confirmations: int
) -> None:
    first = stored.batch.first
    found = observer.find(stored)
    if found is None:
        step.unconfirmed += 1
        step.notes.append(f"the event of the batch at {first} is not visible yet")
        return
    hit("settle.seen")
    known = (stored.state, stored.block, stored.posted_at)
    if known != ("posted", found.block, found.posted_at):
        journal.mark_posted(first, found.posted_at, found.transaction, found.block)
        hit("settle.posted")
        step.posted.append(first)
    if observer.is_deep(found, confirmations):
        journal.mark_final(first)
        hit("settle.final")
        step.final.append(first)
    else:
        step.unconfirmed += 1


def _reopen_final(journal: Journal, step: Step, first: int, confirmations: int) -> None:
    """Take back batches that were final and that a re-org deeper than that removed."""
    unsettled = journal.unsettled_batches()
    settled = unsettled[0].batch.first if unsettled else journal.pending().first
    while first < settled:
        size = journal.stored_batch(first).batch.size
        journal.mark_reorged(first)
        step.reorged.append(first)
        step.notes.append(
            f"a re-org deeper than {confirmations} blocks took the final batch at {first} out "
            "of the chain: set more confirmations"
        )
        first += size


def _reopen_moved(journal: Journal, observer: Observer, step: Step, confirmations: int) -> None:
    """Take back final batches that such a re-org moved: they are looked for anew."""
    for stored in observer.newest_final(journal):
        if observer.stands(stored):
            continue
        first = stored.batch.first
        journal.mark_reorged(first)
        hit("settle.reorged")
        step.reorged.append(first)
        step.notes.append(
            f"a re-org deeper than {confirmations} blocks moved the final batch at {first}: set "
            "more confirmations, and export its receipts again"
        )


def corrected(journal: Journal, observer: Observer, first: int) -> bool:
    """Hold one posted batch against the ledger, and look for it anew where a re-org moved it.

    Returns:
        Whether the journal's inclusions of it are the ledger's now.
    Raises:
        ForeignBatch, BatchUnseen, BadAnswer: as `Observer.find`.
    """
    stored = journal.stored_batch(first)
    if observer.stands(stored):
        return True
    journal.mark_reorged(first)
    hit("settle.reorged")
    found = observer.find(replace(stored, state="sent", posted_at=None, block=None))
    if found is None:
        return False
    journal.mark_posted(first, found.posted_at, found.transaction, found.block)
    return True
