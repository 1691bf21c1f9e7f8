"""The durable log: number, make durable, sign; then batches and how far they are."""

from .journal import Journal
from .values import (
    BatchState,
    Draft,
    LogRecord,
    LogState,
    OnlyForCourt,
    Pending,
    ReceiptState,
    Sealed,
    StoredBatch,
)

__all__ = [
    "BatchState",
    "Draft",
    "Journal",
    "LogRecord",
    "LogState",
    "OnlyForCourt",
    "Pending",
    "ReceiptState",
    "Sealed",
    "StoredBatch",
]
