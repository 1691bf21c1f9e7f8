"""The watchtower: it completes receipts, checks batches, warns, and proves broken promises."""

from .claims import Claimant, Limits
from .notices import Notice, Report
from .proving import Prover
from .sources import Missing, Sources
from .store import Store
from .tower import Tower

__all__ = [
    "Claimant",
    "Limits",
    "Missing",
    "Notice",
    "Prover",
    "Report",
    "Sources",
    "Store",
    "Tower",
]
