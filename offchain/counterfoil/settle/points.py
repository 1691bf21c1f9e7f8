"""Named points of settling at which a test may kill the process."""

from counterfoil.journal.failpoints import hit

NAMES = (
    "settle.contacted",
    "settle.cut",
    "settle.prepared",
    "settle.remembered",
    "settle.sent",
    "settle.seen",
    "settle.posted",
    "settle.final",
    "settle.reorged",
)
"""Every point, in the order in which a batch meets them."""

__all__ = ["NAMES", "hit"]
