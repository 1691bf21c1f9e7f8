"""What a program means: every operator in NumPy, exact on every machine (docs/programs.md §5).

Sums are matrix products of whole numbers in floating point, where every partial sum is below
2^24 (float32) or 2^53 (float64): no order of adding and no fused operation can change one. The
two roundings are single float32 operations of IEEE 754.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.formats.tensor import Tensor

from .given import check_edges, check_indices
from .program import ExactProgram
from .rows import PADDING, WINDOWED, Kind, Operator, Weights, index_entries
from .trace import Trace

Bytes = NDArray[np.uint8]
Step = Callable[[Bytes], None]
"""One operator: it reads and writes the bytes of a trace."""

SLAB: Final = 2**22
"""Elements of a window's product that are laid out at once."""

LAID_OUT: Final = 2**20
"""Taps of a window's places that are looked up once; of more, anew for each slab: a program of
some hundred bytes can have 2^28."""

EXACT32: Final = 2**24
"""Whole numbers up to here are float32's. Source: IEEE 754, 24 bits of significand."""


class Executor:
    """Runs one program."""

    def __init__(self, program: ExactProgram) -> None:
        self.program = program
        self._steps = [_MAKE[o.kind](program, o) for o in program.operators]

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The outputs, in the program's order.

        Args:
            inputs: one for each of the program's, by name.
        Raises:
            InputRefused: not these inputs, or an index past its table.
        """
        return self.trace(inputs).outputs()

    def trace(self, inputs: Sequence[Tensor], *, any_index: bool = False) -> Trace:
        """A run with everything in between.

        Args:
            any_index: take the first entry for an index past its table: that step is a fault
                whatever it gives, and whoever shows it needs the rest.
        Raises:
            InputRefused: as `run`; with `any_index` for no index.
        """
        program = self.program
        given = {tensor.name: tensor for tensor in inputs}
        check_edges(program, given)
        if not any_index:
            check_indices(program, given)
        data = np.zeros(int(program.offsets[-1]), dtype=np.uint8)
        for edge in program.inputs:
            start = int(program.offsets[edge.base])
            data[start : start + edge.length] = np.frombuffer(given[edge.name].data, np.uint8)
        with np.errstate(all="ignore"):
            for step in self._steps:
                step(data)
        return Trace(program, data)


def _span(program: ExactProgram, first: int, length: int) -> slice:
    start = int(program.offsets[first])
    return slice(start, start + length)


def _output(program: ExactProgram, o: Operator) -> slice:
    return _span(program, o.out, o.count * o.size)


# Windows


def taps(o: Operator, start: int, stop: int) -> NDArray[np.int32]:
    """The source row of every tap of some places, shape (places, taps); past the last: none."""
    y, x = np.divmod(np.arange(start, min(stop, o.out_h * o.out_w)), o.out_w)
    i, j = np.divmod(np.arange(o.taps), o.k_w)
    row = y[:, None] * o.stride_h + i * o.dilation_h - o.pad_h
    column = x[:, None] * o.stride_w + j * o.dilation_w - o.pad_w
    inside = (row >= 0) & (row < o.in_h) & (column >= 0) & (column < o.in_w)
    return np.where(inside, row * o.in_w + column, o.in_h * o.in_w).astype(np.int32)


def _windowed(program: ExactProgram, o: Operator) -> Step:
    """Slabs of places, each laid out with its taps, shape (places, taps, source width)."""
    source = _span(program, o.source, o.in_h * o.in_w * o.source_width)
    target = _output(program, o)
    simple = o.taps == 1 and o.pad_h == o.pad_w == 0 and (o.stride_h, o.stride_w) == (1, 1)
    simple = simple and (o.in_h, o.in_w) == (o.out_h, o.out_w)
    count = o.out_h * o.out_w
    known = taps(o, 0, count) if not simple and count * o.taps <= LAID_OUT else None
    last = np.full((1, o.source_width), o.pad, dtype=np.uint8)
    # a source that is large beside what is read of it is not copied to get a row of padding
    padded = not simple and o.in_h * o.in_w <= 4 * count * o.taps
    reduce = _largest if o.kind is Kind.MAX else _product(program, o)
    places = max(1, SLAB // (o.taps * o.source_width))

    def step(data: Bytes) -> None:
        rows = data[source].reshape(-1, o.source_width)
        out = data[target].reshape(-1, o.width * o.size)
        if padded:
            rows = np.concatenate([rows, last])
        for start in range(0, len(out), places):
            stop = start + places
            if simple:
                window = rows[start:stop, None]
            else:
                chosen = taps(o, start, stop) if known is None else known[start:stop]
                window = np.take(rows, chosen, axis=0, mode="clip")
                if not padded:
                    window[chosen == len(rows)] = o.pad
            out[start:stop] = reduce(window).view(np.uint8).reshape(-1, o.width * o.size)

    return step


def _largest(window: Bytes) -> Bytes:
    largest: Bytes = window.max(axis=1)
    return largest


def _product(program: ExactProgram, o: Operator) -> Callable[[Bytes], NDArray[Any]]:
    channels = [Weights.decode(row, o.depth) for row in program.rows[o.table :][: o.width]]
    size = 255 * 255 * o.depth + max(abs(c.constant) for c in channels)
    kind = np.float32 if size < EXACT32 else np.float64
    values = np.frombuffer(b"".join(c.values for c in channels), np.uint8)
    weights: NDArray[Any] = values.reshape(o.width, o.taps, o.columns).astype(kind)
    weights = weights - np.array([c.zero for c in channels], dtype=kind)[:, None, None]
    constant = np.array([c.constant for c in channels], dtype=kind)
    multiplier = np.array([c.multiplier for c in channels], dtype=np.uint32).view(np.float32)
    add = _sums(o, weights)
    low, high = np.float32(-o.zero), np.float32(255 - o.zero)

    def product(window: Bytes) -> NDArray[Any]:
        total = add(window.astype(kind))
        total += constant
        if o.kind is Kind.DOT32:
            return total.astype("<i4")
        value = total.astype(np.float32, copy=False)
        value *= multiplier
        np.clip(value, low, high, out=value)
        np.rint(value, out=value)
        value += np.float32(o.zero)
        return value.astype(np.uint8)

    return product


def _sums(o: Operator, weights: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Σ a · (w − zero) over a window, shape (places, width)."""
    if o.per_group >= o.width:  # one group: a matrix product
        matrix = np.ascontiguousarray(weights.reshape(o.width, -1).T)
        return lambda window: window[:, :, : o.columns].reshape(len(window), -1) @ matrix
    if o.columns == o.per_group == 1:  # a channel for itself
        each = np.ascontiguousarray(weights[:, :, 0].T)
        return lambda window: np.einsum("ptc,tc->pc", window[:, :, : o.width], each)
    groups = -(-o.width // o.per_group)
    parts = [weights[g * o.per_group : (g + 1) * o.per_group] for g in range(groups)]
    matrices = [part.reshape(len(part), -1).T for part in parts]

    def grouped(window: NDArray[Any]) -> NDArray[Any]:
        sums = []
        for g, matrix in enumerate(matrices):
            part = window[:, :, g * o.columns : (g + 1) * o.columns]
            sums.append(part.reshape(len(window), -1) @ matrix)
        return np.concatenate(sums, axis=1)

    return grouped


# Element by element


def table_of(rows: Sequence[bytes], first: int, count: int) -> Bytes:
    """The entries of data rows, one after the other, without the rows' kinds."""
    return np.frombuffer(b"".join(row[1:] for row in rows[first : first + count]), dtype=np.uint8)


def _data(program: ExactProgram, first: int, count: int) -> Bytes:
    """Data rows of one length as they lie, shape (count, length), no copy of them.

    Many operators may name the same rows, so none keeps its own.
    """
    start, length = int(program.starts[first]), len(program.rows[first])
    return program.joined[start : start + count * length].reshape(count, length)


def _look_up(program: ExactProgram, o: Operator) -> Step:
    source, target = _span(program, o.source, o.count), _output(program, o)
    table = _data(program, o.table, 1)[0, 1:].view(f"<u{o.size}")

    def step(data: Bytes) -> None:
        data[target] = np.take(table, data[source]).view(np.uint8)

    return step


def _look_up_two(program: ExactProgram, o: Operator) -> Step:
    source, target = _span(program, o.source, o.count), _output(program, o)
    second = _span(program, o.second, o.modulus)
    table = _data(program, o.table, 256)
    flat, length = table.ravel(), table.shape[1]
    plain = o.divisor == 1 and o.modulus == o.count
    which = None if plain else np.arange(o.count) // o.divisor % o.modulus

    def step(data: Bytes) -> None:
        other = data[second] if which is None else data[second][which]
        place = data[source].astype(np.intp)
        place *= length
        place += 1
        place += other if o.size == 1 else other.astype(np.intp) * o.size
        out = data[target].reshape(-1, o.size)
        for byte in range(o.size):
            out[:, byte] = np.take(flat, place + byte if byte else place)

    return step


def _largest_place(program: ExactProgram, o: Operator) -> Step:
    source, target = _span(program, o.source, o.count * o.source_width), _output(program, o)

    def step(data: Bytes) -> None:
        rows = data[source].reshape(-1, o.source_width)
        data[target] = rows.argmax(axis=1).astype("<i8").view(np.uint8)  # the first of equals

    return step


def _copy(program: ExactProgram, o: Operator) -> Step:
    target = _output(program, o)
    joined = b"".join(row[1:] for row in program.rows[o.table :][: -(-o.count // 64)])
    rows, columns = index_entries(joined)
    padded = rows == PADDING
    rows[padded] = 0
    places = program.offsets[rows] + columns * o.size

    def step(data: Bytes) -> None:
        out = data[target].reshape(-1, o.size)
        for byte in range(o.size):
            out[:, byte] = np.take(data, places + byte if byte else places)
        out[padded] = o.pad

    return step


def _gather(program: ExactProgram, o: Operator) -> Step:
    source = _span(program, o.source, o.count // o.width * o.index_size)
    target = _output(program, o)
    table = _data(program, o.table, o.entries)[:, 1:]

    def step(data: Bytes) -> None:
        index = data[source].view(f"<i{o.index_size}")
        inside = (index >= 0) & (index < o.entries)
        data[target] = table[np.where(inside, index, 0)].ravel()

    return step


def _quantise(program: ExactProgram, o: Operator) -> Step:
    source, target = _span(program, o.source, 4 * o.count), _output(program, o)
    scale = np.array([o.scale], dtype=np.uint32).view(np.float32)[0]
    low, high = np.float32(-o.zero), np.float32(255 - o.zero)

    def step(data: Bytes) -> None:
        value = data[source].view("<f4") / scale
        value = np.where(np.isnan(value), low, np.clip(value, low, high))
        data[target] = (np.rint(value) + np.float32(o.zero)).astype(np.uint8)

    return step


_MAKE: dict[Kind, Callable[[ExactProgram, Operator], Step]] = {
    **dict.fromkeys(WINDOWED, _windowed),
    Kind.LUT1: _look_up,
    Kind.LUT2: _look_up_two,
    Kind.ARGMAX: _largest_place,
    Kind.COPY: _copy,
    Kind.GATHER: _gather,
    Kind.QUANT: _quantise,
}
