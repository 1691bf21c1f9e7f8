"""Keccak-256, one message at a time and many of one length at once.

Source: the Keccak submission with padding 0x01 (Ethereum's keccak256, not SHA3-256).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from . import lanes
from .lanes_ir import RATE
from .types import Digest

LANES: Final = 16
"""Permutations from which rows are worth the kernels' set-up."""

TURN: Final = 4096
"""Permutations done the plain way before the kernels are asked for again."""

_hash: Callable[[bytes], Any]

try:
    from sha3 import keccak_256 as _hash
except ImportError:  # not CPython, or no wheel: slower, the same digests
    from Crypto.Hash import keccak as _keccak

    def _hash(data: bytes) -> Any:
        return _keccak.new(digest_bits=256, data=data)


def keccak(data: bytes) -> Digest:
    """Keccak-256 of `data`, 32 bytes."""
    digest: Digest = _hash(data).digest()
    return digest


def keccak_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keccak-256 of every row.

    Args:
        rows: messages of one length, shape (n, length), C order.
    Returns:
        Digests, shape (n, 32).
    """
    count, length = rows.shape
    each = length // RATE + 1
    if count * each < LANES:
        return _plain_rows(rows)
    turn = max(1, TURN // each)
    parts = []
    for start in range(0, count, turn):
        made = lanes.kernels(min(turn, count - start) * each)
        if made is not None:
            parts.append(lanes.rows(rows[start:], made))
            break
        parts.append(_plain_rows(rows[start : start + turn]))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _plain_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    count, length = rows.shape
    data = rows.tobytes()
    one = keccak
    out = b"".join(one(data[i : i + length]) for i in range(0, count * length, length or 1))
    if length == 0:
        out = one(b"") * count
    return np.frombuffer(out, dtype=np.uint8).reshape(count, 32)
