"""A tensor's bytes in chunks, salted and under one root (docs/format.md §2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from counterfoil.hashing import lanes, merkle
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Digest

CHUNK = 256
"""Bytes per chunk (docs/format.md §2)."""

FEW = 3
"""Chunks up to which the kernels' set-up costs more than they save."""

PERMUTATIONS = 5
"""Of a chunk: one for its salt, three for its leaf, one for its share of the tree."""

TURN = 512
"""Chunks hashed the plain way before the kernels are asked for again."""


def chunk_count(byte_length: int) -> int:
    """Chunks of a tensor of `byte_length` bytes: at least one."""
    return max(1, -(-byte_length // CHUNK))


def salt(master: bytes, position: int, index: int) -> Digest:
    """Salt of chunk `index` of the tensor at `position` in its set (docs/format.md §2)."""
    return keccak(master + position.to_bytes(8, "big") + index.to_bytes(8, "big"))


def chunk_leaf(salt: bytes, chunk: bytes) -> Digest:
    """Leaf of one chunk."""
    return keccak(b"\x00" + salt + chunk)


def chunk_leaves(data: bytes, master: bytes, position: int) -> list[bytes]:
    """Leaves of all chunks of a tensor's bytes, in order: the plain way, and the definition."""
    return _leaves(data, master + position.to_bytes(8, "big"), 0, chunk_count(len(data)))


def _leaves(data: bytes, head: bytes, first: int, stop: int) -> list[bytes]:
    return [
        keccak(
            b"\x00"
            + keccak(head + index.to_bytes(8, "big"))
            + data[index * CHUNK : (index + 1) * CHUNK]
        )
        for index in range(first, stop)
    ]


def _short(data: bytes, head: bytes) -> bytes | None:
    """The leaf of the last chunk where that is cut short; None: it is whole."""
    whole = len(data) // CHUNK
    return None if data and len(data) % CHUNK == 0 else _leaves(data, head, whole, whole + 1)[0]


def chunk_root(data: bytes, master: bytes, position: int) -> Digest:
    """Root over a tensor's chunks: with the kernels as soon as they are there."""
    head = master + position.to_bytes(8, "big")
    count = chunk_count(len(data))
    if count <= FEW:
        return merkle.root_of(_leaves(data, head, 0, count))
    leaves: list[bytes] = []
    for first in range(0, count, TURN):
        stop = min(first + TURN, count)
        made = lanes.kernels(PERMUTATIONS * (stop - first))
        if made is not None:  # then what was done without is done again: it is little beside it
            return Digest(lanes.tensor_root(data, head, _short(data, head), made))
        leaves += _leaves(data, head, first, stop)
    return merkle.root(_rows(leaves))


def chunk_tree(data: bytes, master: bytes, position: int) -> merkle.Tree:
    """The tree over a tensor's chunks."""
    head = master + position.to_bytes(8, "big")
    count = chunk_count(len(data))
    made = lanes.kernels(PERMUTATIONS * count) if count > FEW else None
    if made is not None:
        return merkle.Tree(lanes.chunk_leaves(data, head, _short(data, head), made))
    return merkle.Tree(_rows(_leaves(data, head, 0, count)))


def _rows(leaves: Sequence[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32)
