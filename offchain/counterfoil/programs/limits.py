"""What a program of version 1 may ask for (docs/programs.md §7): the court's bounds too."""

from __future__ import annotations

from typing import Final

PROGRAM_ROWS: Final = 2**22
TRACE_ROWS: Final = 2**22
"""Rows of the program and of a trace: trees of 22 levels."""

PROGRAM_BYTES: Final = 2**27
TRACE_BYTES: Final = 2**27
"""All rows together."""

WEIGHTS: Final = 2**27
"""Weights of all operators, counted for each that uses them: what a runner unpacks."""

TRACE_ROW: Final = 4096
"""Bytes of a trace row: what one reveal carries at most."""

EDGE: Final = 4096
"""Bytes of an edge's row: a judge is shown it, with the name."""

DEPTH: Final = 4608
"""Bytes of a dot product, K: nine taps of 512 channels."""

TAPS: Final = 64
"""Places of a window: a step opens as many source rows at most."""

STEP: Final = 12_288
"""Bytes of all rows that one step opens, descriptor, tables and written row included."""

SUM: Final = 2**31
"""|constant| + 255 · 255 · K is below it: no sum leaves 32 bits."""

WORK: Final = 2**36
"""Products and elements of a whole run, and rows that are chosen from."""

MULTIPLIER: Final = (27, 190)
SCALE: Final = (27, 227)
"""Exponent fields of float32: 2^-100 up to 2^64, and up to 2^101. Inside, neither a denormal
operand nor a denormal result can become another byte (docs/programs.md §4)."""
