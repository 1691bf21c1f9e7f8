"""Batches to the ledger, inclusions back; and the operations on a log."""

from .logs import close_log, open_log, revoke_log
from .settlement import Danger, Settlement
from .settler import Settler

__all__ = [
    "Danger",
    "Settlement",
    "Settler",
    "close_log",
    "open_log",
    "revoke_log",
]
