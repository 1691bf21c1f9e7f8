"""Keccak-256 of many messages side by side, where llvmlite is installed (extra `fast`).

The kernels are made in a thread of their own once a program has hashed enough for them to pay.
Until they are there, and wherever they cannot be made, every function here says so by None, and
its caller takes the plain way to the same digests.
"""

from __future__ import annotations

import os
import threading
from ctypes import c_char
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .lanes_build import Kernels, build
from .lanes_ir import RATE
from .lanes_threads import SHARED, part_of, share

Bytes = NDArray[np.uint8]

PAYS: Final = 16_384
"""Permutations of a program after which the kernels are made: some 20 ms of plain hashing."""

FEW: Final = 256
"""Chunks up to which a tensor is hashed without giving the interpreter away: 0.2 ms."""

_Digest = c_char * 32

_kernels: Kernels | None = None
_building: threading.Thread | None = None
_failed = False
_hashed = 0
_lock = threading.Lock()


def kernels(permutations: int = 0) -> Kernels | None:
    """The kernels; None: not there, or not yet.

    Args:
        permutations: how many the caller is about to need.
    """
    global _hashed  # noqa: PLW0603 (a process has one set of kernels)
    if _kernels is None and not _failed:
        _hashed += permutations
        if _hashed >= PAYS and _building is None:
            _begin()
    return _kernels


def available(wait: float = 60.0) -> bool:
    """Make the kernels now. For tests and measurements: a program has no need of it.

    Args:
        wait: seconds, at most.
    Returns:
        Whether they are there.
    """
    if _kernels is None and not _failed:
        thread = _building or _begin()
        if thread is not None:
            thread.join(wait)
    return _kernels is not None


def _begin() -> threading.Thread | None:
    global _building  # noqa: PLW0603
    with _lock:
        if _building is None:
            # No daemon: LLVM must not be at work while the process takes it down.
            thread = threading.Thread(target=_make, name="counterfoil-kernels")
            try:
                thread.start()
            except RuntimeError:  # the interpreter ends, or has no thread left
                return None
            _building = thread
        return _building


def _make() -> None:
    global _kernels, _failed  # noqa: PLW0603
    try:
        made = build()
        _check(made)
    except Exception:
        _failed = True  # the plain way does it too
    else:
        _kernels = made


def _check(made: Kernels) -> None:
    """Hold new kernels against the plain way: they may come from a disk.

    Raises:
        ValueError: they are wrong.
    """
    from .keccak import keccak

    given = np.arange(64 * 11, dtype=np.uint32).astype(np.uint8).reshape(-1, 32)
    leaf = [keccak(b"\0" + row.tobytes()) for row in given]
    if leaves(given, made).tobytes() != b"".join(leaf):
        raise ValueError("the kernels hash wrongly")
    node = [keccak(b"\1" + a + b) for a, b in zip(leaf[::2], leaf[1::2], strict=True)]
    above = np.frombuffer(b"".join(leaf), dtype=np.uint8).reshape(-1, 32)
    out = np.empty((len(above) // 2, 32), dtype=np.uint8)
    made.nodes(_address(above), _address(out), len(out))
    if out.tobytes() != b"".join(node):
        raise ValueError("the kernels hash wrongly")


# Forks: a child has none of its parent's threads


def _before() -> None:
    if _building is not None and _building.is_alive():
        _building.join(2.0)  # LLVM's lock must not be held for ever in the child


def _in_child() -> None:
    global _lock, _failed  # noqa: PLW0603
    _lock = threading.Lock()
    if _kernels is None and _building is not None:
        _failed = True


os.register_at_fork(before=_before, after_in_child=_in_child)


def _address(array: Bytes) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


# Messages


def rows(given: Bytes, made: Kernels) -> Bytes:
    """Keccak-256 of every row, shape (n, length) → (n, 32), n ≥ 1."""
    given = np.ascontiguousarray(given)
    count, length = given.shape
    blocks, rest = divmod(length, RATE)
    tails = np.zeros((count, RATE), dtype=np.uint8)
    tails[:, :rest] = given[:, blocks * RATE :]
    tails[:, rest] = 1
    tails[:, RATE - 1] |= 0x80
    out = np.empty((count, 32), dtype=np.uint8)
    source, ends, target = _address(given), _address(tails), _address(out)

    def work(start: int, stop: int) -> None:
        made.rows(
            source + start * length, length, blocks,
            ends + start * RATE, target + start * 32, stop - start,
        )  # fmt: skip

    share(count, work)
    return out


def leaves(digests: Bytes, made: Kernels) -> Bytes:
    """keccak(0x00 ‖ digest), shape (n, 32) → (n, 32), n ≥ 1."""
    digests = np.ascontiguousarray(digests)
    out = np.empty((len(digests), 32), dtype=np.uint8)
    source, target = _address(digests), _address(out)

    def work(start: int, stop: int) -> None:
        made.leaves(source + 32 * start, target + 32 * start, stop - start)

    share(len(digests), work)
    return out


# Trees


def layers(given: Bytes, made: Kernels) -> list[Bytes]:
    """All layers over leaf hashes, shape (n, 32), n ≥ 1; the given one is the first."""
    found = [np.ascontiguousarray(given)]
    while len(found[-1]) > 1:
        found.append(np.empty(((len(found[-1]) + 1) // 2, 32), dtype=np.uint8))
    where = [_address(layer) for layer in found]
    shared = min(part_of(len(given)).bit_length() - 1, len(found) - 1)

    def step(level: int, start: int, stop: int) -> None:
        """The nodes over start … stop−1 of a layer, start even."""
        pairs = (stop - start) // 2
        if pairs:
            made.nodes(where[level] + 32 * start, where[level + 1] + 16 * start, pairs)
        if (stop - start) % 2:  # the layer's last, which has no pair
            found[level + 1][-1] = found[level][-1]

    def work(start: int, stop: int) -> None:
        for level in range(shared):
            step(level, start, stop)
            start, stop = start // 2, (stop + 1) // 2

    share(len(given), work)
    for level in range(shared, len(found) - 1):
        step(level, 0, len(found[level]))
    return found


def root(given: Bytes, made: Kernels) -> bytes:
    """Root over leaf hashes, shape (n, 32), n ≥ 1."""
    given = np.ascontiguousarray(given)
    source, size = _address(given), part_of(len(given))
    tops = np.empty((-(-len(given) // size), 32), dtype=np.uint8)

    def work(start: int, stop: int) -> None:
        count = stop - start
        # One layer out of place, as the leaves are the caller's; the rest over itself.
        buffer = np.empty(((count + 1) // 2, 32), dtype=np.uint8)
        there = _address(buffer)
        if count > 1:
            made.nodes(source + 32 * start, there, count // 2)
        if count % 2:
            buffer[-1] = given[stop - 1]
        made.climb(there, len(buffer))
        tops[start // size] = buffer[0]

    share(len(given), work)
    made.climb(_address(tops), len(tops))
    return bytes(tops[0])


def chunk_leaves(data: bytes, head: bytes, last: bytes | None, made: Kernels) -> Bytes:
    """Leaves of a tensor's chunks, shape (n, 32).

    Args:
        head: the master and the tensor's position, 40 bytes.
        last: the leaf of the last chunk where that is cut short.
    """
    whole = len(data) // 256
    out = np.empty((whole + (last is not None), 32), dtype=np.uint8)
    if whole:
        source, target = _address(np.frombuffer(data, dtype=np.uint8)), _address(out)

        def work(start: int, stop: int) -> None:
            made.chunks(source + 256 * start, head, start, target + 32 * start, stop - start)

        share(whole, work)
    if last is not None:
        out[-1] = np.frombuffer(last, dtype=np.uint8)
    return out


def tensor_root(data: bytes, head: bytes, last: bytes | None, made: Kernels) -> bytes:
    """Root over a tensor's chunks; arguments as `chunk_leaves`."""
    whole = len(data) // 256
    count = whole + (last is not None)
    if count < SHARED:
        buffer = np.empty(32 * count, dtype=np.uint8)
        if last is not None:
            buffer[-32:] = np.frombuffer(last, dtype=np.uint8)
        made.tensor(data, head, whole, _address(buffer), count)
        return bytes(buffer[:32])
    source, size = _address(np.frombuffer(data, dtype=np.uint8)), part_of(count)
    tops = np.empty((-(-count // size), 32), dtype=np.uint8)

    def work(start: int, stop: int) -> None:
        buffer = np.empty((stop - start, 32), dtype=np.uint8)
        there, full = _address(buffer), min(stop, whole) - start
        if full:
            made.chunks(source + 256 * start, head, start, there, full)
        if stop > whole:
            buffer[-1] = np.frombuffer(last or b"", dtype=np.uint8)
        made.climb(there, stop - start)
        tops[start // size] = buffer[0]

    share(count, work)
    made.climb(_address(tops), len(tops))
    return bytes(tops[0])


def tensor_leaf(data: bytes, head: bytes, front: bytes, made: Kernels) -> bytes:
    """Leaf of a tensor in its set, for no more than `FEW` chunks.

    Args:
        head: the master and the tensor's position, 40 bytes.
        front: hashStruct(Tensor)'s words before `chunks`, 160 bytes.
    """
    out = _Digest()
    made.leaf_of(data, len(data), head, front, out)
    leaf: bytes = out.raw
    return leaf


def only_set(data: bytes, head: bytes, front: bytes, made: Kernels) -> bytes:
    """hashStruct(TensorSet) of a tensor alone in its set, for no more than `FEW` chunks.

    Args:
        head: the master and the tensor's position, which is 0, 40 bytes.
        front: as of `tensor_leaf`; then hashStruct(TensorSet)'s words before `root`, 64 bytes.
    """
    out = _Digest()
    made.set_of(data, len(data), head, front, out)
    digest: bytes = out.raw
    return digest
