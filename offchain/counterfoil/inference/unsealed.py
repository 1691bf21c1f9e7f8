"""Runs that went through without a receipt: counted, and told once.

A library cannot set its process's exit code; who owns the process asks `unsealed_count()`
at its end and exits with `errors.Unsealed.exit_code`, as the commands do.
"""

from __future__ import annotations

import logging
import threading

_log = logging.getLogger("counterfoil")
_lock = threading.Lock()
_count = 0


def unsealed_count() -> int:
    """Runs of this process that gave outputs and no receipt."""
    return _count


def note_unsealed(error: BaseException, *, quiet: bool = False) -> None:
    """Count one such run; the process's first is told to the log `counterfoil`, unless quiet."""
    global _count  # noqa: PLW0603
    with _lock:
        _count += 1
        first = _count == 1
    if first and not quiet:
        reason = " ".join(str(error).split())
        _log.warning("a run got no receipt (this is said once): %s", reason)
