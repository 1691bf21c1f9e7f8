"""The watchtower: it completes receipts, checks batches, warns, and proves broken promises."""

from .claims import Limits
from .notices import Notice, Report
from .sources import Missing, Sources
from .store import Store
from .tower import Tower

__all__ = ["Limits", "Missing", "Notice", "Report", "Sources", "Store", "Tower"]
