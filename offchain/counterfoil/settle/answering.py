"""Answers to demands: whoever pays for a path gets it from the journal, and the fee is ours."""

from __future__ import annotations

import logging
from collections.abc import Callable

from eth_account.signers.local import LocalAccount

from counterfoil.chain import (
    Call,
    Chain,
    CourtClient,
    LogRecord,
    Prepared,
    UnderWay,
    send_in,
    slot_after,
)
from counterfoil.chain.events import block_at
from counterfoil.errors import (
    NonceTaken,
    NoSuchBatch,
    NoSuchReceipt,
    Refused,
    SettlingError,
    Underpriced,
)
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address
from counterfoil.journal import Journal

from .observing import Observer, corrected

REORG = 64
"""Blocks that are read again: a demand may have moved to another."""

log = logging.getLogger(__name__)


class Answerer:
    """Answers the demands on one log.

    It keeps nothing that it needs: after a restart it finds the open demands again. Two that
    answer at once waste a transaction's gas, no more.
    """

    def __init__(
        self,
        journal: Journal,
        chain: Chain,
        court: CourtClient,
        clock: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._journal = journal
        self._chain = chain
        self._court = court
        self._clock = clock
        self._observer = observer
        self._next_block: int | None = None
        self._open: set[int] = set()
        self._under_way: dict[int, UnderWay] = {}

    def answer(
        self, record: LogRecord, payer: LocalAccount | None
    ) -> tuple[tuple[int, ...], list[str]]:
        """Send the path of every demanded number.

        Returns:
            The numbers for which an answer was sent now, and what is worth knowing.
        """
        signer = self._journal.signer
        if self._court.bond(signer).cases == 0:
            self._open.clear()
            return (), []
        self._look(record)
        sent, notes = [], []
        for number in sorted(self._open):
            demand = self._court.demand_of(signer, number)
            if demand.deadline == 0:
                self._open.discard(number)
                self._under_way.pop(number, None)
                continue
            left = demand.deadline - self._chain.now()
            note = self._send(number, payer)
            if note is None:
                sent.append(number)
            else:
                notes.append(f"the path of number {number} is demanded, {left} s are left: {note}")
                log.warning("%s", notes[-1])
        return tuple(sent), notes

    def _look(self, record: LogRecord) -> None:
        """Read which numbers were demanded since the last look."""
        if self._next_block is None:
            self._next_block = block_at(self._chain, record.opened_at)
        stop = self._chain.block_number()
        for event in self._court.events(
            self._journal.signer,
            from_block=max(0, self._next_block - REORG),
            to_block=stop,
            names=("PathDemanded",),
        ):
            self._open.add(event.number)
        self._next_block = stop + 1

    def _send(self, number: int, payer: LocalAccount | None) -> str | None:
        """Send one answer; or why none was sent."""
        file = self._file(number)
        if isinstance(file, str):
            return file
        assert file.inclusion is not None
        if payer is None:
            return "the profile names no payer to answer it with"
        leaf = file.receipt.leaf(self._journal.chain_id, self._journal.ledger)
        call = self._court.answer_call(self._journal.signer, number, leaf, file.inclusion)
        try:
            return self._post(number, call, payer)
        except Refused as refusal:
            return f"the court refuses the answer ({refusal.reason})"
        except (NonceTaken, Underpriced) as error:
            self._under_way.pop(number, None)
            return f"{error}; trying again"

    def _file(self, number: int) -> ReceiptFile | str:
        """The receipt with an inclusion that the ledger has; or why there is none."""
        try:
            file = self._journal.receipt_file(number, openings=False)
            if file.inclusion is None:
                return "its batch is not this journal's as far as is known"
            if corrected(self._journal, self._observer, file.inclusion.first):
                file = self._journal.receipt_file(number, openings=False)
                if file.inclusion is not None:
                    return file
        except NoSuchReceipt:
            return "this journal has no such receipt: the key is in use elsewhere, or stolen"
        except (SettlingError, NoSuchBatch) as error:
            return str(error)
        return "a re-org took its batch out of the chain: it is looked for again"

    def _post(self, number: int, call: Call, payer: LocalAccount) -> str | None:
        now, last = self._clock(), self._under_way.get(number)
        slot = slot_after(self._chain, Address(payer.address), last, now)
        if slot is None:
            return "the answer waits for a block"

        def remember(made: Prepared) -> None:
            self._under_way[number] = UnderWay(
                transaction=made.digest, nonce=made.nonce, sent_at=now
            )

        send_in(slot, self._chain, call, payer, remember)
        return None
