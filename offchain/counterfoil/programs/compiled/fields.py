"""What the kernels are given, and sizes that they share with whoever calls them."""

from __future__ import annotations

from typing import Final

from counterfoil.programs import limits

SLACK: Final = 64
"""Bytes that must be there behind a trace, and behind a row of padding."""

NEAR: Final = 8
"""Places whose products share the weights that are loaded."""

LANES: Final = 8
"""Channels side by side: 32-bit sums in 256 bits; LLVM splits or joins them."""

WIDE: Final = 16
"""Bytes side by side where channels stay apart."""

STRIDE: Final = limits.DEPTH + 2 * WIDE
"""16-bit values of a place that is laid out in scratch."""

SCRATCH: Final = 2 * NEAR * STRIDE + SLACK

_WINDOW: Final = ("source", "source_width", "in_h", "in_w", "out_w", "k_h", "k_w", "stride_h",
                  "stride_w", "dilation_h", "dilation_w", "pad_h", "pad_w", "padding", "places",
                  "width", "out")  # fmt: skip
_ROUNDED: Final = ("constants", "multipliers", "zero")

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "dot": (*_WINDOW, *_ROUNDED, "weights", "columns", "per_group", "groups", "blocks", "pairs"),
    "dot32": (*_WINDOW, *_ROUNDED, "weights", "columns", "per_group", "groups", "blocks", "pairs"),
    "apart": (*_WINDOW, *_ROUNDED, "weights", "row"),
    "apart32": (*_WINDOW, *_ROUNDED, "weights", "row"),
    "largest": _WINDOW,
    **{f"look_up{size}": ("source", "out", "count", "table") for size in (1, 4, 8)},
    **{
        f"look_up_two{size}": ("source", "out", "count", "table", "second", "divisor", "modulus")
        for size in (1, 4)
    },
    "largest_place": ("source", "out", "count", "source_width"),
    **{f"copy{size}": ("out", "count", "places", "padding") for size in (1, 4, 8)},
    **{f"gather{size}": ("source", "out", "count", "table", "width") for size in (4, 8)},
    "quantise": ("source", "out", "count", "scale", "zero"),
}
"""Of each kernel: its numbers. Offsets count bytes of the trace; tables are addresses."""
