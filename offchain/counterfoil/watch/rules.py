"""What the court takes of a promise, and when a holder should be told: no chain, no files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from counterfoil.chain import LogRecord, Posted
from counterfoil.formats.receipt import Receipt
from counterfoil.hashing.types import Seconds

NEAR = 4
"""A promise is near its end when a fourth of its time is left."""

Progress = Literal["pending", "near", "late", "broken", "settled", "settled-late"]
"""`late`: past `settleBy`, and the grace is running; `broken`: past that too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The court's and the ledger's times, in seconds."""

    grace: Seconds
    claim: Seconds


def due(receipt: Receipt, record: LogRecord, grace: int) -> int | None:
    """The last second at which a receipt is settled in time; None: the court takes no claim.

    Source: PromiseCourt.vy, `_due`.
    """
    end = record.closes_at
    if record.revoked_at:
        end = min(end, record.revoked_at)
    if receipt.settle_by == 0 or not record.opened_at <= receipt.issued_at <= end:
        return None
    return min(receipt.settle_by, receipt.issued_at + record.max_delay) + grace


def progress(receipt: Receipt, due_at: int | None, batch: Posted | None, now: int) -> Progress:
    """How far a receipt is at a time.

    Args:
        due_at: as `due` says.
        batch: what covers its number, None: nothing yet.
        now: Unix seconds, the chain's.
    """
    if batch is not None:
        late = due_at is not None and batch.posted_at > due_at
        return "settled-late" if late else "settled"
    if due_at is None:
        return "pending"
    if now > due_at:
        return "broken"
    if now > receipt.settle_by:
        return "late"
    span = max(receipt.settle_by - receipt.issued_at, 0)
    return "near" if receipt.settle_by - now <= span // NEAR else "pending"


def claimable(due_at: int, claim_window: int, now: int) -> bool:
    """Whether a late settlement can still be proved."""
    return now <= due_at + claim_window
