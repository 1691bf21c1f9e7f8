"""One step as a court sees it: the right bytes of one element, from the rows that it opens.

Written against docs/programs.md alone, in whole numbers, byte by byte. It shares nothing with the
executor but the rows' layout; tests hold the two together.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from counterfoil.errors import BadTrace

from . import float32
from .program import ExactProgram
from .rows import PADDING, PER_INDEX_ROW, WINDOWED, Kind, Operator, Weights
from .trace import Trace

Read = Callable[[int], bytes]
"""From a row's number to the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a proof of one step carries beside its paths.

    Attributes:
        operator: the descriptor's program row.
        program: further program rows, ascending.
        trace: trace rows read, ascending; without the row that was written.
        expected: the element's right bytes.
    """

    operator: int
    program: tuple[int, ...]
    trace: tuple[int, ...]
    expected: bytes


def opened(trace: Trace, row: int, element: int) -> Opened:
    """The step that wrote one element of a trace.

    Args:
        row, element: a trace row that an operator writes, and which of its elements.
    Raises:
        BadTrace: no operator writes it, or an index in the trace is past its table.
    """
    program = trace.program
    place, o = writer(program, row)
    read_program: set[int] = set()
    read_trace: set[int] = set()

    def program_row(number: int) -> bytes:
        read_program.add(number)
        return program.rows[number]

    def trace_row(number: int) -> bytes:
        read_trace.add(number)
        return trace.row(number)

    k = (row - o.out) * o.width + element
    if not 0 <= element < o.width or k >= o.count:
        raise BadTrace(f"row {row} has no element {element}")
    expected = right(o, k, program_row, trace_row)
    return Opened(
        operator=program.first_operator + place,
        program=tuple(sorted(read_program)),
        trace=tuple(sorted(read_trace)),
        expected=expected,
    )


def writer(program: ExactProgram, row: int) -> tuple[int, Operator]:
    """The operator that writes a trace row, and its place.

    Raises:
        BadTrace: none does.
    """
    for place, o in enumerate(program.operators):
        if o.out <= row < o.out + o.rows:
            return place, o
    raise BadTrace(f"no operator writes row {row}")


def faults(trace: Trace) -> Iterator[tuple[int, int]]:
    """Row and element of every step of a trace that is wrong. Slow: it is for tests."""
    for o in trace.program.operators:
        for k in range(o.count):
            row, element = o.out + k // o.width, k % o.width
            written = trace.row(row)[element * o.size : (element + 1) * o.size]
            try:
                wrong = opened(trace, row, element).expected != written
            except BadTrace:
                wrong = True
            if wrong:
                yield row, element


def right(o: Operator, k: int, program: Read, trace: Read) -> bytes:
    """The bytes that element `k` of an operator's output should have."""
    if o.kind in WINDOWED:
        return _window(o, k, program, trace)
    if o.kind is Kind.COPY:
        return _copied(o, k, program, trace)
    if o.kind is Kind.ARGMAX:
        row = trace(o.source + k)
        return row.index(max(row)).to_bytes(8, "little")
    if o.kind is Kind.GATHER:
        return _gathered(o, k, program, trace)
    place, column = divmod(k, o.source_width)
    row = trace(o.source + place)
    if o.kind is Kind.QUANT:
        value = int.from_bytes(row[4 * column : 4 * column + 4], "little")
        return bytes([float32.quantise(value, o.scale, o.zero)])
    table, entry = program(o.table) if o.kind is Kind.LUT1 else b"", row[column]
    if o.kind is Kind.LUT2:
        place, column = divmod(k // o.divisor % o.modulus, o.second_width)
        table, entry = program(o.table + entry), trace(o.second + place)[column]
    return table[1 + entry * o.size : 1 + (entry + 1) * o.size]


def _window(o: Operator, k: int, program: Read, trace: Read) -> bytes:
    place, channel = divmod(k, o.width)
    y, x = divmod(place, o.out_w)
    start = channel // o.per_group * o.columns
    parts = []
    for tap in range(o.k_h * o.k_w):
        i, j = divmod(tap, o.k_w)
        row = y * o.stride_h + i * o.dilation_h - o.pad_h
        column = x * o.stride_w + j * o.dilation_w - o.pad_w
        if 0 <= row < o.in_h and 0 <= column < o.in_w:
            parts.append(trace(o.source + row * o.in_w + column))
        else:
            parts.append(bytes([o.pad]) * o.source_width)
    if o.kind is Kind.MAX:
        return bytes([max(part[channel] for part in parts)])
    values = b"".join(part[start : start + o.columns] for part in parts)
    w = Weights.decode(program(o.table + channel), len(values))
    total = w.constant + sum(a * (b - w.zero) for a, b in zip(values, w.values, strict=True))
    if o.kind is Kind.DOT32:
        return struct.pack("<i", total)
    return bytes([float32.requantise(total, w.multiplier, o.zero)])


def _copied(o: Operator, k: int, program: Read, trace: Read) -> bytes:
    number, entry = divmod(k, PER_INDEX_ROW)
    row, column = struct.unpack_from(">IH", program(o.table + number), 1 + 6 * entry)
    if row == PADDING:
        return bytes([o.pad]) * o.size
    return trace(row)[column * o.size : (column + 1) * o.size]


def _gathered(o: Operator, k: int, program: Read, trace: Read) -> bytes:
    number, column = divmod(k, o.width)
    place, at = divmod(number, o.source_width)
    raw = trace(o.source + place)[at * o.index_size : (at + 1) * o.index_size]
    index = int.from_bytes(raw, "little", signed=True)
    if not 0 <= index < o.entries:
        raise BadTrace(f"row {o.source + place} has the index {index} of {o.entries}")
    return program(o.table + index)[1 + column : 2 + column]
