"""Which runs get a receipt."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from typing import Any

from counterfoil.errors import BadDraft

Sample = float | int | Callable[[Mapping[str, Any]], bool] | None
"""A share from 0.0 to 1.0, every n-th run, or whatever says so of a feed; None: every run."""

Sampler = Callable[[Any], bool]

_random = random.SystemRandom()  # the same numbers in no two forks


def sampler(given: Sample) -> Sampler | None:
    """What chooses runs; None: all of them.

    Args:
        given: a float is a share, an int n ≥ 1 every n-th run with the first, a callable gets
            the feed and says.
    Raises:
        BadDraft: none of these.
    """
    if given is None:
        return None
    if callable(given):
        return lambda feed: bool(given(feed))
    if isinstance(given, float) and 0 <= given <= 1:
        share = given
        return None if share == 1 else lambda _feed: _random.random() < share
    if isinstance(given, int) and not isinstance(given, bool) and given >= 1:
        count, step = itertools.count(), given
        return None if step == 1 else lambda _feed: next(count) % step == 0
    raise BadDraft(
        "`sample` is a share such as 0.1, a whole number n for every n-th run, or a callable"
    )
