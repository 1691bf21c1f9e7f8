"""Trees of a million rows of which a few are known: the other nodes are made up."""

from __future__ import annotations

from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from counterfoil.programs.proving import siblings


class TallTree:
    """A full tree over a few rows.

    Args:
        rows: by number.
        height: of the tree.
        name: two trees of other names have other nodes.
    """

    def __init__(self, rows: dict[int, bytes], height: int, name: bytes) -> None:
        self.numbers = sorted(rows)
        self._name = name
        self.siblings = list(siblings(self._made_up, self.numbers, height))
        known = {number: merkle.leaf(row) for number, row in rows.items()}
        for layer in range(height):
            above: dict[int, bytes] = {}
            for index in known:
                left, right = (
                    known.get(side) or self._made_up(layer, side)
                    for side in (index & ~1, index | 1)
                )
                above[index >> 1] = merkle.node(left, right)
            known = above
        self.root = known[0]

    def _made_up(self, layer: int, index: int) -> bytes:
        return keccak(self._name + b"%d %d" % (layer, index))
