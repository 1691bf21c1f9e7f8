"""Threads that share a large hash: the kernels do not hold the interpreter."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

SMALLEST_PART: Final = 256
LARGEST_PART: Final = 8_192
"""Leaves that one thread takes at a time: worth a call of Python's, and no more than its cache."""

SHARED: Final = 1_024
"""Leaves from which threads share the work: below it waking them takes longer."""

THREADS: Final = 4

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def _in_child() -> None:
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


os.register_at_fork(after_in_child=_in_child)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def part_of(count: int) -> int:
    """Leaves in a part of so many: a power of two, so that a part is a whole subtree."""
    wanted = 1 << (count >> 4).bit_length()
    return min(max(wanted, SMALLEST_PART), LARGEST_PART)


def share(
    count: int, work: Callable[[int, int], None], *, size: int = 0, least: int = SHARED
) -> None:
    """Have threads do `work(start, stop)` for all parts of 0 … count−1.

    Whoever is free takes the next part, so a core that others use delays nobody.

    Args:
        size: of a part; 0: as `part_of` has it.
        least: the count from which it is worth waking threads.
    """
    global _pool  # noqa: PLW0603
    size = size or part_of(count)
    parts = -(-count // size)
    following = itertools.count()

    def take() -> None:
        while (part := next(following)) < parts:
            work(part * size, min(count, (part + 1) * size))

    helpers: list[Future[None]] = []
    wanted = min(THREADS, _cores(), parts) - 1
    if count >= least and wanted > 0:
        try:
            with _lock:
                if _pool is None:
                    _pool = ThreadPoolExecutor(THREADS - 1, thread_name_prefix="counterfoil-lanes")
            helpers = [_pool.submit(take) for _ in range(wanted)]
        except RuntimeError:  # the interpreter ends
            pass
    try:
        take()
    finally:
        for helper in helpers:
            if not helper.cancel():
                helper.result()
