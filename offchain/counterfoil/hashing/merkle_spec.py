"""The tree of docs/format.md §1 as it is defined: slow, and the specification.

Source: RFC 9162 §2.1.1 (tree), §2.1.3.1 (path), §2.1.3.2 (verification).
"""

from __future__ import annotations

from collections.abc import Sequence

from .keccak import keccak
from .types import Digest


def split(n: int) -> int:
    """The largest power of two smaller than n, n ≥ 2."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def tree_root(leaves: Sequence[bytes]) -> Digest:
    """Root over leaf hashes, by recursion."""
    if len(leaves) == 1:
        return Digest(leaves[0])
    k = split(len(leaves))
    return keccak(b"\x01" + tree_root(leaves[:k]) + tree_root(leaves[k:]))


def tree_path(leaves: Sequence[bytes], index: int) -> list[Digest]:
    """Siblings from leaf `index` upwards, by recursion."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*tree_path(leaves[:k], index), tree_root(leaves[k:])]
    return [*tree_path(leaves[k:], index - k), tree_root(leaves[:k])]


def accepts(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2, step by step."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = keccak(b"\x01" + p + r)
            if not fn & 1:
                while fn and not fn & 1:
                    fn >>= 1
                    sn >>= 1
        else:
            r = keccak(b"\x01" + r + p)
        fn >>= 1
        sn >>= 1
    return sn == 0 and r == root
