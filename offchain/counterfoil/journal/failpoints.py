"""Named points at which a test may kill the process.

COUNTERFOIL_FAILPOINT=NAME kills it at the first time it comes by NAME, NAME:3 at the third.
The variable is read once, at import; without it `hit` is an empty function.
"""

from __future__ import annotations

import os
import signal

NAMES = (
    "seal.begun",
    "seal.signed",
    "seal.inserted",
    "seal.committed",
    "cut.signed",
    "cut.inserted",
    "cut.committed",
    "open.key_made",
    "open.journal_made",
    "rotate.retired",
    "migrate.stepped",
)
"""Every point of the journal, in the order in which a receipt meets them."""

_NAME, _, _count = os.environ.get("COUNTERFOIL_FAILPOINT", "").partition(":")
_left = int(_count or 1)


def _nothing(name: str) -> None:
    """Pass by."""


def _armed(name: str) -> None:
    global _left  # noqa: PLW0603 (one process, one failpoint)
    if name == _NAME:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


hit = _armed if _NAME else _nothing
"""hit(name): the process came by the point `name`."""
