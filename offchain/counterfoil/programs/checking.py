"""Whether rows are a program: everything that docs/programs.md §6 demands, before the first run."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadProgram
from counterfoil.formats.chunks import CHUNK, chunk_count
from counterfoil.formats.dtypes import NUMBERS

from . import limits
from .rows import (
    PADDING,
    PER_INDEX_ROW,
    WINDOWED,
    WORD,
    Edge,
    Header,
    Kind,
    Operator,
    Weights,
    index_entries,
)

WIDTHS: Final = {
    NUMBERS["float32"]: 4,
    NUMBERS["uint8"]: 1,
    NUMBERS["int8"]: 1,
    NUMBERS["bool"]: 1,
    NUMBERS["int32"]: 4,
    NUMBERS["int64"]: 8,
}
"""Element types at the edges, and their bytes."""

SIZES: Final = {
    Kind.DOT: (1,),
    Kind.DOT32: (4,),
    Kind.LUT1: (1, 4, 8),
    Kind.LUT2: (1, 4),
    Kind.MAX: (1,),
    Kind.ARGMAX: (8,),
    Kind.COPY: (1, 4, 8),
    Kind.GATHER: (1,),
    Kind.QUANT: (1,),
}
"""Bytes of an element that each operator can write."""

_USED: Final = {
    "zero": {Kind.DOT, Kind.QUANT},
    "pad": {Kind.DOT, Kind.DOT32, Kind.COPY},
    "table": set(Kind) - {Kind.MAX, Kind.ARGMAX, Kind.QUANT},
    "source": set(Kind) - {Kind.COPY},
    "source_width": set(Kind) - {Kind.COPY},
}


class Checker:
    """Checks one program's rows.

    Args:
        rows: the program's.
    Attributes:
        header, inputs, outputs, operators: parsed.
        lengths: bytes of every trace row, shape (trace rows,).
    Raises:
        BadProgram: the rows are no program, in one line which and why.
    """

    def __init__(self, rows: Sequence[bytes]) -> None:
        self._rows = rows
        if not 1 <= len(rows) <= limits.PROGRAM_ROWS:
            raise BadProgram(f"a program has 1 to {limits.PROGRAM_ROWS} rows, not {len(rows)}")
        if sum(map(len, rows)) > limits.PROGRAM_BYTES:
            raise BadProgram(f"a program has at most {limits.PROGRAM_BYTES} bytes")
        if not all(rows):
            raise BadProgram("a row is empty")
        self.header = Header.decode(rows[0])
        h = self.header
        first = 1 + h.inputs + h.outputs
        self._data = first + h.operators
        if not h.inputs or not h.outputs or not h.operators or self._data > len(rows):
            raise BadProgram("a program has inputs, outputs and operators, as many as its header")
        if any(len(row) > limits.EDGE for row in rows[1:first]):
            raise BadProgram(f"the row of an input or output has more than {limits.EDGE} bytes")
        self.inputs = tuple(Edge.decode(row, Kind.INPUT) for row in rows[1 : 1 + h.inputs])
        self.outputs = tuple(Edge.decode(row, Kind.OUTPUT) for row in rows[1 + h.inputs : first])
        self.operators = tuple(Operator.decode(row) for row in rows[first : self._data])
        self._kinds = np.frombuffer(b"".join(row[:1] for row in rows), dtype=np.uint8)
        self._sizes = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        self._known: NDArray[np.int64] = np.zeros((2, len(rows)), dtype=np.int64)
        self._read: NDArray[np.bool_] = np.zeros(len(rows), dtype=bool)
        self._read[: self._data] = True
        self._work = self._weights = 0
        self._lay_out()
        for place, operator in enumerate(self.operators):
            try:
                self._operator(operator)
            except BadProgram as error:
                raise BadProgram(f"operator {place}, {operator.kind.name}: {error}") from None
        self._check_outputs()
        unread = np.flatnonzero(~self._read)
        if len(unread):
            raise BadProgram(f"row {unread[0]} is read by no operator")

    # The trace

    def _lay_out(self) -> None:
        """Block behind block, in order: every trace row is written once, reads lie below writes."""
        for edge in (*self.inputs, *self.outputs):
            _check_edge(edge)
        self._bases = [edge.base for edge in self.inputs]
        for edges in (self.inputs, self.outputs):
            if len({e.name for e in edges}) != len(edges):
                raise BadProgram("two edges have one name")
        for place, o in enumerate(self.operators):
            if not o.count or not o.width or o.size not in SIZES[o.kind]:
                raise BadProgram(f"operator {place}, {o.kind.name}: writes elements of no size")
            if o.width * o.size > limits.TRACE_ROW:
                raise BadProgram(
                    f"operator {place}, {o.kind.name}: writes rows of over {limits.TRACE_ROW} bytes"
                )
        written = [
            *((e.base, chunk_count(e.length), CHUNK, e.length) for e in self.inputs),
            *((o.out, o.rows, o.width * o.size, o.count * o.size) for o in self.operators),
        ]
        total = sum(w[1] for w in written)
        if total > limits.TRACE_ROWS or sum(w[3] for w in written) > limits.TRACE_BYTES:
            raise BadProgram(
                f"a trace has at most {limits.TRACE_ROWS} rows of {limits.TRACE_BYTES} bytes"
            )
        self.lengths: NDArray[np.int64] = np.zeros(total, dtype=np.int64)
        end = 0
        for base, count, full, length in written:
            if base != end:
                raise BadProgram(f"a block begins at trace row {base}, its place is {end}")
            end = base + count
            self.lengths[base:end] = full
            self.lengths[end - 1] = length - full * (count - 1)
        self._cuts = np.flatnonzero(np.diff(self.lengths)) + 1

    def _alike(self, first: int, count: int, length: int) -> bool:
        """Whether rows all have a length: not row by row, as any number of operators may read them.

        A program of a few megabytes has a million operators, and rows as many.
        """
        if count < 1:
            return True
        ends = np.searchsorted(self._cuts, (first, first + count - 1), side="right")
        return bool(self.lengths[first] == length and ends[0] == ends[1])

    def _earlier(self, o: Operator, first: int, count: int) -> None:
        """Whether rows are there when `o` runs: those below its own."""
        if not count or first + count > len(self.lengths):
            raise BadProgram(f"reads trace rows {first} to {first + count - 1}, not all there are")
        if first + count > o.out:
            raise BadProgram("reads a trace row that is not yet written")

    def _flat(self, o: Operator, first: int, width: int, size: int, count: int) -> None:
        """`count` elements one after the other, `width` a row, the last row what is left."""
        if not width:
            raise BadProgram("reads rows of no width")
        rows = -(-count // width)
        self._earlier(o, first, rows)
        last, full = (count - width * (rows - 1)) * size, width * size
        if not (
            self._alike(first, rows - 1, full) and last <= self.lengths[first + rows - 1] <= full
        ):
            raise BadProgram(f"reads rows that are not {width} elements of {size} bytes")

    def _whole(self, o: Operator, first: int, width: int, count: int) -> None:
        """Rows of exactly `width` bytes."""
        self._earlier(o, first, count)
        if not width or not self._alike(first, count, width):
            raise BadProgram(f"reads rows that are not {width} bytes")

    # Program rows

    def _tables(self, first: int, count: int) -> Sequence[bytes]:
        if first < self._data or not count or first + count > len(self._rows):
            raise BadProgram(f"names program rows {first} to {first + count - 1}, which hold none")
        self._read[first : first + count] = True
        return self._rows[first : first + count]

    def _of_kind(self, o: Operator, count: int, kind: Kind, length: int) -> None:
        self._tables(o.table, count)
        rows = slice(o.table, o.table + count)
        if (self._kinds[rows] != kind).any() or (self._sizes[rows] != length).any():
            raise BadProgram(f"names a row that is no {kind.name} of {length} bytes")

    # Operators

    def _operator(self, o: Operator) -> None:
        for name, kinds in _USED.items():
            if o.kind not in kinds and getattr(o, name):
                raise BadProgram(f"has a {name}, which means nothing")
        self._weights += o.width * o.depth if o.kind is not Kind.MAX else 0
        self._work += o.count * max(o.depth, 1) + o.entries
        if o.kind is Kind.ARGMAX:
            self._work += o.count * o.source_width
        if self._work > limits.WORK:
            raise BadProgram(f"a run would take more than {limits.WORK} products")
        if self._weights > limits.WEIGHTS:
            raise BadProgram(f"the operators use more than {limits.WEIGHTS} weights")
        opened = 64 + o.width * o.size
        if o.kind in WINDOWED:
            opened += self._window(o)
        elif o.kind is Kind.COPY:
            opened += self._copy(o)
        elif o.kind is Kind.ARGMAX:
            self._whole(o, o.source, o.source_width, o.count)
            opened += o.source_width
        elif o.kind is Kind.GATHER:
            opened += self._gather(o)
        elif o.kind is Kind.QUANT:
            _check_float(o.scale, limits.SCALE, "scale")
            self._flat(o, o.source, o.source_width, 4, o.count)
            opened += 4 * o.source_width
        else:
            opened += self._look_up(o)
        if opened > limits.STEP:
            raise BadProgram(f"a step opens {opened} bytes, over {limits.STEP}")

    def _window(self, o: Operator) -> int:
        sizes = (o.in_h, o.in_w, o.out_h, o.out_w, o.k_h, o.k_w, o.stride_h, o.stride_w,
                 o.dilation_h, o.dilation_w, o.columns, o.per_group)  # fmt: skip
        long = o.kind is not Kind.MAX and o.depth > limits.DEPTH
        if not all(sizes) or o.taps > limits.TAPS or long:
            raise BadProgram(
                f"has a window without a size, over {limits.TAPS} taps or {limits.DEPTH} bytes"
            )
        if o.count != o.out_h * o.out_w * o.width:
            raise BadProgram("writes another number of elements than its window has places")
        self._whole(o, o.source, o.source_width, o.in_h * o.in_w)
        opened = o.taps * o.source_width
        if o.kind is Kind.MAX:
            if not o.width == o.columns == o.per_group == o.source_width:
                raise BadProgram("has other channels than its source")
            return opened
        if ((o.width - 1) // o.per_group + 1) * o.columns > o.source_width:
            raise BadProgram("reads channels past its source's")
        length = 12 + -(-o.depth // WORD) * WORD
        rows = self._tables(o.table, o.width)
        known = self._known[int(o.kind is Kind.DOT32), o.table : o.table + o.width]
        for number in np.flatnonzero(known != o.depth):  # each row is looked at once
            weights = Weights.decode(rows[number], o.depth)
            if abs(weights.constant) + 255 * 255 * o.depth >= limits.SUM:
                raise BadProgram("has sums that can leave 32 bits")
            if o.kind is Kind.DOT:
                _check_float(weights.multiplier, limits.MULTIPLIER, "multiplier")
            elif weights.multiplier:
                raise BadProgram("has a multiplier, which means nothing")
        known[:] = o.depth
        return opened + length

    def _look_up(self, o: Operator) -> int:
        self._flat(o, o.source, o.source_width, 1, o.count)
        table = 1 + 256 * o.size
        if o.kind is Kind.LUT1:
            self._of_kind(o, 1, Kind.TABLE, table)
            return o.source_width + table
        self._of_kind(o, 256, Kind.TABLE2, table)
        if not o.divisor or not o.modulus:
            raise BadProgram("divides by zero to find its second source")
        self._flat(o, o.second, o.second_width, 1, o.modulus)
        return o.source_width + o.second_width + table

    def _copy(self, o: Operator) -> int:
        wanted = -(-o.count // PER_INDEX_ROW)
        rows = self._tables(o.table, wanted)
        for number, row in enumerate(rows):
            entries = min(PER_INDEX_ROW, o.count - number * PER_INDEX_ROW)
            if len(row) != 1 + 6 * entries or row[0] != Kind.INDEX:
                raise BadProgram(f"names a row that is no INDEX of {entries} entries")
        sources, columns = index_entries(b"".join(row[1:] for row in rows))
        padded = sources == PADDING
        if columns[padded].any():
            raise BadProgram("has a column where it pads")
        sources, columns = sources[~padded], columns[~padded]
        if (sources >= len(self.lengths)).any():
            raise BadProgram("copies from a trace row that is not there")
        if (sources >= o.out).any():
            raise BadProgram("reads a trace row that is not yet written")
        if ((columns + 1) * o.size > self.lengths[sources]).any():
            raise BadProgram("copies from past a row's end")
        longest = int(self.lengths[sources].max(initial=0))
        return longest + 1 + 6 * PER_INDEX_ROW

    def _gather(self, o: Operator) -> int:
        indices, rest = divmod(o.count, o.width)
        if rest or not o.entries:
            raise BadProgram("writes part of a row, or has no rows to choose from")
        self._flat(o, o.source, o.source_width, max(o.index_size, 1), indices)
        dtype = {4: NUMBERS["int32"], 8: NUMBERS["int64"]}.get(o.index_size)
        end = o.source + -(-indices // o.source_width)
        e = self.inputs[bisect_right(self._bases, o.source) - 1]
        if e.dtype != dtype or end > e.base + chunk_count(e.length):
            raise BadProgram("takes its indices from other than an input of int32 or int64")
        self._of_kind(o, o.entries, Kind.EMBEDDING, 1 + o.width)
        return o.source_width * o.index_size + 1 + o.width

    def _check_outputs(self) -> None:
        for edge in self.outputs:
            count = chunk_count(edge.length)
            lengths = self.lengths[edge.base : edge.base + count]
            last = edge.length - CHUNK * (count - 1)
            if len(lengths) != count or (lengths[:-1] != CHUNK).any() or lengths[-1] != last:
                raise BadProgram(f"the output {edge.name[:50]!r} is not whole chunks of the trace")


def _check_edge(edge: Edge) -> None:
    width = WIDTHS.get(edge.dtype)
    length = width or 0
    for size in edge.shape:
        length *= size
        if length > limits.TRACE_BYTES:
            break
    if not length or length != edge.length or not edge.name:
        raise BadProgram(
            f"the edge {edge.name[:50]!r} is no named tensor of float32, int8, uint8, bool, int32 "
            "or int64 with at least one element"
        )


def _check_float(bits: int, exponents: tuple[int, int], what: str) -> None:
    if bits >> 31 or not exponents[0] <= bits >> 23 <= exponents[1]:
        raise BadProgram(f"has a {what} that is negative, no number or out of range")
