"""Tensors: committed, salts included.

The plain way is the same commitment with the kernels off, as it is where llvmlite is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from counterfoil.formats import chunks
from counterfoil.formats.tensor import Tensor, TensorCommitment, TensorSet, commitment
from counterfoil.hashing import lanes, merkle

from .rows import Row
from .timing import side_by_side

MASTER = bytes(range(32))


def plainly(tensor: Tensor) -> bytes:
    """The set's digest by the definition: one hash after the other."""
    root = merkle.root_of(chunks.chunk_leaves(tensor.data, MASTER, 0))
    committed = TensorCommitment(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        byte_length=len(tensor.data),
        chunks=root,
    )
    return TensorSet(tensors=(committed,)).digest


def rows(quick: bool) -> Iterator[Row]:
    """Sizes from one chunk to many megabytes."""
    lanes.available()
    for size, seconds in ((256, 0.3), (8_192, 0.5), (150_528, 1), (1_000_000, 2)):
        times = _pair(_tensor(size), seconds if quick else 4 * seconds)
        yield Row(what=f"{size:,} bytes", ours=times[0] * 1e6, unit="µs", peer="the plain way",
                  peers=times[1] * 1e6, target=2000 if size == 1_000_000 else None)  # fmt: skip
    large = _tensor(64_000_000)
    seconds = side_by_side(lambda: commitment([large], MASTER), seconds=1 if quick else 8, least=3)
    yield Row(what="64 MB", ours=64 / seconds[0], unit="MB/s", more=True, target=500)


def _tensor(size: int) -> Tensor:
    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    return Tensor.of("x", data)


def _pair(tensor: Tensor, seconds: float) -> list[float]:
    works: tuple[Callable[[], Any], ...] = (
        lambda: commitment([tensor], MASTER),
        lambda: plainly(tensor),
    )
    return side_by_side(*works, seconds=seconds)
