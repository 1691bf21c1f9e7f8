"""Named points of a challenge at which a test may kill the process."""

from counterfoil.journal.failpoints import hit

NAMES = (
    "challenge.decided",
    "challenge.prepared",
    "challenge.remembered",
    "challenge.sent",
)
"""Every point, in the order in which each transaction meets them."""

__all__ = ["NAMES", "hit"]
