"""Named points of watching at which a test may kill the process."""

from counterfoil.journal.failpoints import hit

NAMES = (
    "watch.claimed",
    "watch.prepared",
    "watch.remembered",
    "watch.sent",
    "watch.completed",
)
"""Every point, in the order in which a proof, and then a file, meets them."""

__all__ = ["NAMES", "hit"]
