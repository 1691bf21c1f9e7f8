"""A log as the chain has it now: its record and its batches, re-orgs followed."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from counterfoil.chain import Chain, LedgerClient, LogRecord, Posted
from counterfoil.errors import BadAnswer
from counterfoil.formats.batch import batch_word
from counterfoil.hashing.types import Address

from .store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One log at one look.

    Attributes:
        record: None: never opened.
        batches: in order, without a gap, each equal to the ledger's word.
        reorged: firsts of batches that a re-org took, or moved, since the last look.
    """

    signer: Address
    record: LogRecord | None
    batches: tuple[Posted, ...]
    reorged: tuple[int, ...] = ()

    def covering(self, sequence: int) -> Posted | None:
        """The batch that covers a number."""
        place = bisect.bisect_right(self.batches, sequence, key=lambda b: b.first) - 1
        if place < 0:
            return None
        found = self.batches[place]
        return found if sequence < found.first + found.size else None

    @property
    def following(self) -> int:
        """The first number that no batch covers."""
        return 0 if self.record is None else self.record.next_sequence


def follow(chain: Chain, ledger: LedgerClient, store: Store, signer: Address) -> Log:
    """Look at a log, and keep its batches in the store as the chain has them now.

    Raises:
        BadAnswer: the RPC's events and state contradict each other; look again later.
    """
    record = ledger.log_record(signer)
    known = [each for each, _ in store.batches(signer)]
    reorged: list[int] = []
    while known and not chain.is_canonical(known[-1].block, known[-1].block_digest):
        reorged.append(known.pop().first)
    if reorged:
        store.drop_batches(signer, min(reorged))
    if record is None:
        return Log(signer=signer, record=None, batches=(), reorged=tuple(sorted(reorged)))
    end = known[-1].first + known[-1].size if known else 0
    if end != record.next_sequence:
        start = known[-1].block if known else None
        fresh = sorted(ledger.batches(signer, from_block=start), key=lambda b: b.first)
        fresh = [each for each in fresh if end <= each.first < record.next_sequence]
        _check(ledger, fresh, end, record.next_sequence)
        store.add_batches(fresh)
        known += fresh
    return Log(signer=signer, record=record, batches=tuple(known), reorged=tuple(sorted(reorged)))


def _check(ledger: LedgerClient, found: Sequence[Posted], start: int, stop: int) -> None:
    """Hold new batches against each other and against the ledger's words."""
    host = ledger.chain.host
    for each in found:
        if each.first != start:
            break
        if ledger.batch_word(each.signer, each.first) != batch_word(
            each.root, each.size, each.posted_at
        ):
            raise BadAnswer(
                f"{host} shows an event of batch {each.first} that the ledger's word "
                "contradicts: try again or use another RPC"
            )
        start += each.size
    if start != stop:
        raise BadAnswer(
            f"{host} shows no event of the batch at {start}, which the ledger is past: try "
            "again, or use an RPC that serves this chain's old events"
        )
