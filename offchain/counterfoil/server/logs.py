"""The journals behind a server, read for whoever asks about receipts."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from counterfoil.config import Profile
from counterfoil.errors import JournalMissing, NoSuchBatch, NoSuchReceipt, RequestRefused
from counterfoil.formats.fields import number_out
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.journal import Journal, ReceiptState

from .gate import overloaded

REMEMBERED: Final = 2**17
"""Receipts whose place is remembered: of others every receipt is looked at to find one."""

AGAIN: Final = 5.0
"""Seconds between two looks for logs that were begun since."""

SEARCH_WAIT: Final = 5.0
"""Seconds that a search waits for the one before it."""


class Logs:
    """Every log of a profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._journals: dict[str, Journal] = {}
        self._looked = float("-inf")
        self._lock = threading.Lock()
        self._placing = threading.Lock()  # held by the event loop too, so for an instant only
        self._searching = threading.Lock()
        self._places: OrderedDict[bytes, tuple[str, int]] = OrderedDict()

    def remember(self, digest: bytes, signer: str, sequence: int) -> None:
        """Know where a receipt is without searching."""
        with self._placing:
            self._places[digest] = (signer, sequence)
            if len(self._places) > REMEMBERED:
                self._places.popitem(last=False)

    def journals(self, *, look: bool = True) -> list[Journal]:
        """Journals as of some seconds ago."""
        with self._lock:
            if look and time.monotonic() - self._looked > AGAIN:
                self._looked = time.monotonic()
                try:
                    found = Journal.open_all(self._profile)
                except JournalMissing:
                    found = []
                for journal in found:
                    if journal.signer in self._journals:
                        journal.close()
                    else:
                        self._journals[journal.signer] = journal
            return list(self._journals.values())

    def journal(self, signer: str) -> Journal:
        """The journal of a log.

        Raises:
            RequestRefused: 404.
        """
        for journal in self.journals():
            if journal.signer.lower() == signer.lower():
                return journal
        raise RequestRefused(404, "there is no such log here")

    def receipt(self, digest: bytes) -> tuple[ReceiptFile, ReceiptState]:
        """A receipt's file without openings, complete if it is settled, and how far it is.

        Raises:
            RequestRefused: 404; 503: another search goes on.
        """
        journal, sequence = self._find(digest)
        return journal.receipt_file(sequence, openings=False), journal.state(sequence)

    def _find(self, digest: bytes) -> tuple[Journal, int]:
        with self._placing:
            place = self._places.get(digest)
        if place is not None:
            return self.journal(place[0]), place[1]
        with self._one_search():
            for journal in self.journals():
                try:
                    receipt = journal.get(digest).receipt
                except NoSuchReceipt:
                    continue
                self.remember(digest, receipt.signer, receipt.sequence)
                return journal, receipt.sequence
        raise RequestRefused(404, "there is no such receipt here")

    @contextmanager
    def _one_search(self) -> Iterator[None]:
        if not self._searching.acquire(timeout=SEARCH_WAIT):
            raise overloaded("another search for a receipt goes on")
        try:
            yield
        finally:
            self._searching.release()

    def batch_file(self, signer: str, first: int) -> bytes:
        """A batch's file.

        Raises:
            RequestRefused: 404.
        """
        try:
            return self.journal(signer).batch_file(first).dump()
        except NoSuchBatch:
            raise RequestRefused(404, "no batch of this log begins there") from None

    def state(self, journal: Journal) -> dict[str, Any]:
        """A log as the journal knows it, for JSON."""
        log, pending, refusal = journal.log_state(), journal.pending(), journal.refusal()
        return {
            "signer": journal.signer,
            "chainId": number_out(journal.chain_id),
            "ledger": journal.ledger,
            "sealed": journal.next_sequence(),
            "pending": {
                "first": pending.first,
                "count": pending.count,
                "oldestIssuedAt": pending.oldest_issued_at,
                "earliestSettleBy": pending.earliest_settle_by,
            },
            "batches": [
                {"first": b.batch.first, "size": b.batch.size, "state": b.state}
                for b in journal.unsettled_batches()
            ],
            "log": None
            if log is None
            else {
                "operator": log.operator,
                "openedAt": log.opened_at,
                "closesAt": log.closes_at,
                "revokedAt": log.revoked_at,
                "maxDelay": log.max_delay,
                "nextSequence": log.next_sequence,
            },
            "refusal": None if refusal is None else " ".join(str(refusal).split()),
        }

    def close(self) -> None:
        """Close every journal."""
        with self._lock:
            for journal in self._journals.values():
                journal.close()
            self._journals.clear()
            self._looked = float("inf")
