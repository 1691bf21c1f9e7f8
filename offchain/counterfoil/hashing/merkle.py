"""RFC 9162 trees over Keccak-256 (docs/format.md §1).

The tree is built layer by layer: pairs are hashed, an odd last node moves up
unchanged, which gives the shape of RFC 9162 §2.1.1. `merkle_spec` states the
same by recursion; a test holds the two equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadPath, EmptyTree

from . import lanes
from .keccak import keccak, keccak_rows
from .types import Digest

MAX_PATH: Final = 32
"""Longest path of a batch: docs/format.md §7, at most 2^32 leaves."""

FEW: Final = 8
"""Nodes below which a tree is built one by one."""

Nodes = NDArray[np.uint8]


def leaf(data: bytes) -> Digest:
    """keccak(0x00 ‖ data)."""
    return keccak(b"\x00" + data)


def node(left: bytes, right: bytes) -> Digest:
    """keccak(0x01 ‖ left ‖ right)."""
    return keccak(b"\x01" + left + right)


def leaves(digests: Nodes) -> Nodes:
    """Leaf hashes of `digests`, shape (n, length) → (n, 32)."""
    count, length = digests.shape
    if length == 32 and count >= FEW:
        made = lanes.kernels(count)
        if made is not None:
            return lanes.leaves(digests, made)
    rows = np.zeros((count, length + 1), dtype=np.uint8)
    rows[:, 1:] = digests
    return keccak_rows(rows)


def _above(layer: Nodes) -> Nodes:
    pairs = len(layer) // 2
    rows = np.empty((pairs, 65), dtype=np.uint8)
    rows[:, 0] = 1
    rows[:, 1:] = layer[: 2 * pairs].reshape(pairs, 64)
    hashed = keccak_rows(rows)
    return np.concatenate([hashed, layer[-1:]]) if len(layer) % 2 else hashed


class Tree:
    """All layers of one tree, from the leaves to the root.

    Args:
        leaves: leaf hashes, shape (n, 32), n ≥ 1.
    Raises:
        EmptyTree: n is 0.
    Source: docs/format.md §1; RFC 9162 §2.1.1.
    """

    __slots__ = ("layers",)

    def __init__(self, leaves: Nodes) -> None:
        if len(leaves) == 0:
            raise EmptyTree("a tree needs at least one leaf")
        self.layers = [np.ascontiguousarray(leaves, dtype=np.uint8)]
        while (count := len(self.layers[-1])) > 1:
            made = lanes.kernels(count) if count >= FEW else None
            if made is not None:
                self.layers[-1:] = lanes.layers(self.layers[-1], made)
            else:
                self.layers.append(_above(self.layers[-1]))

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self.layers[0])

    @property
    def root(self) -> Digest:
        """The root, 32 bytes."""
        return Digest(self.layers[-1][0].tobytes())

    def path(self, index: int) -> list[Digest]:
        """Siblings from leaf `index` upwards.

        Raises:
            BadPath: `index` is no leaf's.
        """
        if not 0 <= index < self.size:
            raise BadPath(f"leaf {index} of a tree of {self.size}")
        path = []
        for layer in self.layers[:-1]:
            sibling = index ^ 1
            if sibling < len(layer):
                path.append(Digest(layer[sibling].tobytes()))
            index >>= 1
        return path


def root(leaves: Nodes) -> Digest:
    """Root of the tree over `leaves`, in their order.

    Args:
        leaves: leaf hashes, shape (n, 32), n ≥ 1.
    Raises:
        EmptyTree: n is 0.
    Source: docs/format.md §1; RFC 9162 §2.1.1.
    """
    if len(leaves) == 0:
        raise EmptyTree("a tree needs at least one leaf")
    layer = leaves
    while (count := len(layer)) > 1:
        made = lanes.kernels(count) if count >= FEW else None
        if made is not None:
            return Digest(lanes.root(layer, made))
        layer = _above(layer)
    return Digest(layer[0].tobytes())


def root_of(leaves: Sequence[bytes]) -> Digest:
    """`root` of leaf hashes given as a sequence of 32-byte strings: quicker for few."""
    if not leaves:
        raise EmptyTree("a tree needs at least one leaf")
    layer: Sequence[bytes] = leaves
    while len(layer) > 1:
        above = [keccak(b"\x01" + a + b) for a, b in zip(layer[::2], layer[1::2], strict=False)]
        if len(layer) % 2:
            above.append(Digest(layer[-1]))
        layer = above
    return Digest(layer[0])


def tree_of(leaves: Sequence[bytes]) -> Tree:
    """The tree over leaf hashes given as a sequence of 32-byte strings.

    Raises:
        EmptyTree: there are none.
    """
    return Tree(np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32))


def path_length(index: int, size: int) -> int:
    """Number of siblings on the path of leaf `index` in a tree of `size` leaves.

    Raises:
        BadPath: `index` is no leaf's.
    """
    if not 0 <= index < size:
        raise BadPath(f"leaf {index} of a tree of {size}")
    inner = (index ^ (size - 1)).bit_length()
    return inner + (index >> inner).bit_count()


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> Digest:
    """The root to which `path` leads from `leaf`.

    Args:
        leaf: leaf hash, 32 bytes.
        index: the leaf's place, 0 ≤ index < size.
        size: leaves in the tree; MUST come from committed data, never from the path's bearer.
        path: siblings from the leaf upwards, 32 bytes each.
    Raises:
        BadPath: the path is too long or too short for (index, size), or index ≥ size.
    Source: docs/format.md §1; RFC 9162 §2.1.3.2.
    """
    expected = path_length(index, size)
    if len(path) != expected:
        raise BadPath(f"a path of {len(path)} for leaf {index} of {size}, which has {expected}")
    inner = (index ^ (size - 1)).bit_length()
    value = Digest(leaf)
    for level, sibling in enumerate(path):
        if len(sibling) != 32:
            raise BadPath("a node of a path is not 32 bytes")
        # Above `inner` the leaf lies on the tree's right edge: siblings are all to the left.
        if level >= inner or index >> level & 1:
            value = node(sibling, value)
        else:
            value = node(value, sibling)
    return value
