"""The executor again, compiled: the same bytes as `programs.executor`, which is what they mean.

A program becomes a list of kernels and their numbers, and a run is one call that does not hold
the interpreter. Threads may share one: each run has its own trace and scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.formats.tensor import Tensor
from counterfoil.programs.executor import table_of
from counterfoil.programs.given import check_inputs
from counterfoil.programs.program import ExactProgram
from counterfoil.programs.rows import (
    PADDING,
    PER_INDEX_ROW,
    WINDOWED,
    Kind,
    Operator,
    Weights,
    index_entries,
)
from counterfoil.programs.trace import Trace

from .build import Kernels
from .fields import FIELDS, LANES, SCRATCH, SLACK, WIDE

PACKED: Final = 2**29
"""Bytes of weights and tables, laid out for the kernels, up to which a program is taken."""


class TooLarge(Exception):
    """A program whose weights, laid out, would take too much: few channels in many groups."""


class CompiledExecutor:
    """Runs one program.

    Args:
        kernels: of this processor.
    Raises:
        TooLarge: it is left to `Executor`.
    """

    def __init__(self, program: ExactProgram, kernels: Kernels) -> None:
        self.program = program
        self._kernels = kernels
        self._kept: list[NDArray[Any]] = []
        self._tables: dict[tuple[int, int], int] = {}
        self._packed = 0
        steps: NDArray[np.uint64] = np.zeros((len(program.operators), 2), dtype=np.uint64)
        for place, o in enumerate(program.operators):
            name, numbers = self._step(o)
            values = [int(numbers[field]) for field in FIELDS[name]]
            steps[place] = kernels.address[name], self._keep(np.array(values, dtype=np.int64))
        self._steps = steps

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """As `Executor.run`."""
        return self.trace(inputs).outputs()

    def trace(self, inputs: Sequence[Tensor]) -> Trace:
        """As `Executor.trace`."""
        program = self.program
        given = {tensor.name: tensor for tensor in inputs}
        check_inputs(program, given)
        size = int(program.offsets[-1])
        data: NDArray[np.uint8] = np.zeros(size + SLACK, dtype=np.uint8)
        scratch: NDArray[np.uint8] = np.empty(SCRATCH, dtype=np.uint8)
        for edge in program.inputs:
            start = int(program.offsets[edge.base])
            data[start : start + edge.length] = np.frombuffer(given[edge.name].data, np.uint8)
        self._kernels.run(_at(data), _at(scratch), _at(self._steps), len(self._steps))
        return Trace(program, data[:size])

    def _keep(self, array: NDArray[Any]) -> int:
        """The address of an array that lives as long as this."""
        self._kept.append(array)
        return _at(array)

    def _step(self, o: Operator) -> tuple[str, dict[str, int]]:
        """A kernel and its numbers."""
        offsets = self.program.offsets
        numbers = {
            name: getattr(o, name) for name in Operator.__slots__ if name not in ("kind", "size")
        }
        numbers |= {"source": int(offsets[o.source]), "out": int(offsets[o.out])}
        numbers["second"] = int(offsets[o.second])
        if o.kind in WINDOWED:
            return self._window(o, numbers)
        if o.kind is Kind.COPY:
            padding = np.full(o.size, o.pad, dtype=np.uint8)
            numbers |= {"padding": self._keep(padding), "places": self._places(o)}
            return f"copy{o.size}", numbers
        if o.kind is Kind.GATHER:
            table = self._table(o.table, o.entries)
            numbers |= {"count": o.count // o.width, "table": table}
            return f"gather{o.index_size}", numbers
        if o.kind in (Kind.LUT1, Kind.LUT2):
            count = 1 if o.kind is Kind.LUT1 else 256
            numbers["table"] = self._table(o.table, count)
            return f"{'look_up' if count == 1 else 'look_up_two'}{o.size}", numbers
        return {Kind.ARGMAX: "largest_place", Kind.QUANT: "quantise"}[o.kind], numbers

    def _table(self, first: int, count: int) -> int:
        """Entries of data rows, laid out once for all operators that name the same."""
        if (first, count) not in self._tables:
            table = table_of(self.program.rows, first, count)
            self._count(len(table))
            self._tables[first, count] = self._keep(table)
        return self._tables[first, count]

    def _places(self, o: Operator) -> int:
        rows = self.program.rows[o.table :][: -(-o.count // PER_INDEX_ROW)]
        sources, columns = index_entries(b"".join(row[1:] for row in rows))
        padded = sources == PADDING
        sources[padded] = 0
        places = self.program.offsets[sources] + columns * o.size
        places[padded] = -1
        return self._keep(places.astype(np.int32))

    # Windows

    def _window(self, o: Operator, numbers: dict[str, int]) -> tuple[str, dict[str, int]]:
        padding = np.full(o.source_width + SLACK, o.pad, dtype=np.uint8)
        self._count(len(padding))
        numbers |= {"padding": self._keep(padding), "places": o.out_h * o.out_w}
        if o.kind is Kind.MAX:
            return "largest", numbers
        rows = self.program.rows[o.table : o.table + o.width]
        channels = [Weights.decode(row, o.depth) for row in rows]
        if o.columns == o.per_group == 1:
            return self._apart(o, channels, numbers)
        return self._dot(o, channels, numbers)

    def _apart(
        self, o: Operator, channels: list[Weights], numbers: dict[str, int]
    ) -> tuple[str, dict[str, int]]:
        """Weights of two taps side by side: [taps / 2][channels][2]."""
        row = -(-o.width // WIDE) * WIDE
        pairs = -(-o.taps // 2)
        self._count(4 * pairs * row)
        laid: NDArray[np.int16] = np.zeros((2 * pairs, row), dtype=np.int16)
        laid[: o.taps, : o.width] = _weights(channels).T
        laid = np.ascontiguousarray(laid.reshape(pairs, 2, row).swapaxes(1, 2))
        places = np.arange(o.width)
        numbers |= {"row": row, "weights": self._keep(laid)}
        numbers |= self._ends(channels, places, row)
        return "apart" if o.kind is Kind.DOT else "apart32", numbers

    def _dot(
        self, o: Operator, channels: list[Weights], numbers: dict[str, int]
    ) -> tuple[str, dict[str, int]]:
        """Weights of two bytes side by side: [groups][blocks][K / 2][channels of a block][2]."""
        per_group = min(o.per_group, o.width)
        groups, blocks = -(-o.width // per_group), -(-per_group // LANES)
        pairs = -(-o.depth // 2)
        padded = groups * blocks * LANES
        self._count(4 * pairs * padded)
        group, within = np.divmod(np.arange(o.width), per_group)
        places = group * blocks * LANES + within
        laid: NDArray[np.int16] = np.zeros((padded, 2 * pairs), dtype=np.int16)
        laid[places, : o.depth] = _weights(channels)
        laid = laid.reshape(groups * blocks, LANES, pairs, 2).swapaxes(1, 2)
        numbers |= {"per_group": per_group, "groups": groups, "blocks": blocks, "pairs": pairs}
        numbers["weights"] = self._keep(np.ascontiguousarray(laid))
        numbers |= self._ends(channels, places, padded)
        return "dot" if o.kind is Kind.DOT else "dot32", numbers

    def _ends(
        self, channels: list[Weights], places: NDArray[np.int64], padded: int
    ) -> dict[str, int]:
        constants: NDArray[np.int32] = np.zeros(padded, dtype=np.int32)
        constants[places] = [c.constant for c in channels]
        multipliers: NDArray[np.uint32] = np.zeros(padded, dtype=np.uint32)
        multipliers[places] = [c.multiplier for c in channels]
        return {"constants": self._keep(constants), "multipliers": self._keep(multipliers)}

    def _count(self, size: int) -> None:
        self._packed += size
        if self._packed > PACKED:
            raise TooLarge("its weights and tables, laid out for the kernels, take too much memory")


def _weights(channels: list[Weights]) -> NDArray[np.int16]:
    """w − zero, shape (channels, K): from −255 to 255."""
    values = np.frombuffer(b"".join(c.values for c in channels), dtype=np.uint8)
    zeros = np.array([c.zero for c in channels], dtype=np.int16)
    return values.reshape(len(channels), -1).astype(np.int16) - zeros[:, None]


def _at(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
