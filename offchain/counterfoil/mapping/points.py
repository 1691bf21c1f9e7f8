"""Named points of mapping at which a test may kill the process."""

from counterfoil.journal.failpoints import hit

NAMES = ("map.begun", "map.worked", "map.outputs", "map.sealed", "map.receipts")
"""Every point, in the order in which a block meets them; `map.worked` is in a worker."""

__all__ = ["NAMES", "hit"]
