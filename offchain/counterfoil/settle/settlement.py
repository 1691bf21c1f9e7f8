"""What one step of settling did."""

from __future__ import annotations

from dataclasses import dataclass, field

from counterfoil.chain import LogRecord
from counterfoil.hashing.types import Digest, Seconds
from counterfoil.journal import StoredBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Danger:
    """The earliest promise, when half of its time is gone and it is not kept yet.

    Attributes:
        settle_by: Unix seconds.
        left: seconds until then; negative: the promise is late, and its grace is running.
    """

    settle_by: Seconds
    left: int

    def __str__(self) -> str:
        if self.left < 0:
            return f"the earliest promise is broken since {-self.left} s: post at once"
        return f"the earliest promise is due in {self.left} s and not posted yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What one step did; batches by their first number.

    Attributes:
        log: the log as the ledger has it; None: it is not open, so nothing is posted.
        cut: batches that were signed.
        sent: batches in a transaction that was sent.
        transaction: that transaction's hash.
        posted: batches that were seen in a block.
        final: batches that are deep enough.
        reorged: batches that a re-org took out of the chain again.
        waiting: receipts that no posted batch holds.
        unconfirmed: batches that are posted and not final.
        danger: the earliest promise, where it is in danger.
        answered: demanded numbers for whose path an answer was sent.
        duties: what else was sent, a line each: answers to a fault court.
        notes: what is worth knowing, a sentence each.
    """

    log: LogRecord | None
    cut: tuple[int, ...] = ()
    sent: tuple[int, ...] = ()
    transaction: Digest | None = None
    posted: tuple[int, ...] = ()
    final: tuple[int, ...] = ()
    reorged: tuple[int, ...] = ()
    waiting: int = 0
    unconfirmed: int = 0
    danger: Danger | None = None
    answered: tuple[int, ...] = ()
    duties: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether every receipt is in a final batch."""
        return self.waiting == 0 and self.unconfirmed == 0

    @property
    def moved(self) -> bool:
        """Whether the step did anything."""
        return bool(self.cut or self.sent or self.posted or self.final or self.reorged)


@dataclass(slots=True, kw_only=True)
class Step:
    """What one step has found and done so far."""

    log: LogRecord | None
    now: Seconds
    behind: bool = False
    cut: list[int] = field(default_factory=list)
    sent: tuple[int, ...] = ()
    transaction: Digest | None = None
    posted: list[int] = field(default_factory=list)
    final: list[int] = field(default_factory=list)
    reorged: list[int] = field(default_factory=list)
    unposted: list[StoredBatch] = field(default_factory=list)
    unconfirmed: int = 0
    notes: list[str] = field(default_factory=list)
    danger: Danger | None = None
    answered: tuple[int, ...] = ()
    duties: tuple[str, ...] = ()

    def result(self, waiting: int) -> Settlement:
        """The step as the caller gets it; `waiting` as there."""
        return Settlement(
            log=self.log,
            cut=tuple(self.cut),
            sent=self.sent,
            transaction=self.transaction,
            posted=tuple(dict.fromkeys(self.posted)),
            final=tuple(self.final),
            reorged=tuple(self.reorged),
            waiting=waiting,
            unconfirmed=self.unconfirmed,
            danger=self.danger,
            answered=self.answered,
            duties=self.duties,
            notes=tuple(dict.fromkeys(self.notes)),
        )
