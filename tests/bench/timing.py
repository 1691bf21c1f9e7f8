"""Times, taken in turns so that a busy machine troubles all alike; medians of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[], Any]


def once(work: Work) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def side_by_side(*works: Work, seconds: float, least: int = 5) -> list[float]:
    """Medians, in seconds, of works done in turns.

    Args:
        seconds: for all of them together, about.
        least: turns, at least.
    """
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    stop = time.perf_counter() + seconds
    while len(times[0]) < least or time.perf_counter() < stop:
        for work, found in zip(works, times, strict=True):
            found.append(once(work))
    return [statistics.median(found) for found in times]


def added(
    bare: Work, more: Work, *, seconds: float, least: int = 20, idle: float = 0.0
) -> tuple[float, float]:
    """(seconds of `bare`, seconds that `more` takes over it), medians of turns.

    Args:
        idle: seconds that this thread turns in a small loop, untimed, before each.
    """
    bare(), more()
    first, over = [], []
    stop = time.perf_counter() + seconds
    while len(first) < least or time.perf_counter() < stop:
        _turn_for(idle)
        a = once(bare)
        _turn_for(idle)
        first.append(a)
        over.append(once(more) - a)
    return statistics.median(first), statistics.median(over)


def _turn_for(seconds: float) -> None:
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        pass
