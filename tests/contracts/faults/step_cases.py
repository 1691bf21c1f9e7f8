"""Operators as the judges' modules take them, and the window's rule as docs/programs.md says it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from counterfoil.programs import Kind, Operator

OUTSIDE = 2**256 - 1
"""In place of a tap's row, or of its offset: padding."""

SLACK = bytes(64)
"""Behind data: modules read whole words."""


def words(o: Operator) -> tuple[int, ...]:
    """`IFaultJudges.Operator`."""
    row = o.encode()
    return (
        o.kind, o.zero, o.width, o.out, o.count, o.source, o.source_width, o.size, o.pad, o.table,
        int.from_bytes(row[24:56], "big"),
    )  # fmt: skip


def window(kind: Kind = Kind.DOT, **fields: Any) -> Operator:
    """An operator with a window of one place on a grid of one, but for what is said."""
    sizes = dict.fromkeys(
        ("in_h", "in_w", "out_h", "out_w", "k_h", "k_w", "stride_h", "stride_w",
         "dilation_h", "dilation_w", "columns", "per_group"), 1
    )  # fmt: skip
    made = {"width": 1, "source_width": 1, "out": 2**31, "source": 9, **sizes, **fields}
    o = Operator(kind=kind, count=0, **made)
    return replace(o, count=o.out_h * o.out_w * o.width)


def taps_of(o: Operator, place: int) -> list[int]:
    """The trace row of every tap of a place, or OUTSIDE (docs/programs.md, section 5)."""
    y, x = divmod(place, o.out_w)
    found = []
    for t in range(o.k_h * o.k_w):
        i, j = divmod(t, o.k_w)
        row = y * o.stride_h + i * o.dilation_h - o.pad_h
        column = x * o.stride_w + j * o.dilation_w - o.pad_w
        inside = 0 <= row < o.in_h and 0 <= column < o.in_w
        found.append(o.source + row * o.in_w + column if inside else OUTSIDE)
    return found


def random_window(rng: np.random.Generator, kind: Kind, **fields: Any) -> Operator:
    """A window with strides, dilations and a rim, on a grid that it may pass on every side."""
    k_h, k_w = (int(n) for n in rng.integers(1, 5, 2))
    in_h, in_w, out_h, out_w = (int(n) for n in rng.integers(1, 7, 4))
    steps = {
        name: int(rng.integers(1, 4))
        for name in ("stride_h", "stride_w", "dilation_h", "dilation_w")
    }
    pads = {name: int(rng.integers(0, 5)) for name in ("pad_h", "pad_w")}
    return window(
        kind, in_h=in_h, in_w=in_w, out_h=out_h, out_w=out_w, k_h=k_h, k_w=k_w,
        **steps, **pads, **fields,
    )  # fmt: skip
