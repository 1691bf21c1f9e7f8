"""Putting a program together: trace rows given out in order, equal tables kept once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadProgram
from counterfoil.formats.chunks import CHUNK, chunk_count

from .checking import WIDTHS
from .program import ExactProgram
from .rows import Edge, Header, Kind, Operator, Weights, index_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Elements one after the other in trace rows.

    Attributes:
        base: first trace row.
        count: elements.
        width: elements a row; the last row has what is left.
        size: bytes of an element.
    """

    base: int
    count: int
    width: int
    size: int = 1

    def addresses(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Trace row and column of every element."""
        rows, columns = np.divmod(np.arange(self.count), self.width)
        return rows + self.base, columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where a DOT or MAX looks, as ONNX has it: (height, width) each."""

    source: tuple[int, int]
    out: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int] = (0, 0)

    def fields(self) -> dict[str, int]:
        """As a descriptor has it."""
        pairs = {
            "in": self.source, "out": self.out, "k": self.kernel, "stride": self.strides,
            "dilation": self.dilations, "pad": self.pads,
        }  # fmt: skip
        return {
            f"{name}_{side}": value
            for name, pair in pairs.items()
            for side, value in zip("hw", pair, strict=True)
        }


class Builder:
    """Collects operators and their rows."""

    def __init__(self) -> None:
        self._inputs: list[Edge] = []
        self._outputs: list[Edge] = []
        self._operators: list[Operator] = []
        self._data: list[bytes] = []
        self._known: dict[tuple[bytes, ...], int] = {}
        self._next = 0

    def input(self, name: str, dtype: int, shape: Sequence[int]) -> Block:
        """A tensor that a run is given; all of them come before the first operator.

        Raises:
            BadProgram: an operator was put in.
        """
        if self._operators:
            raise BadProgram(f"the input {name!r} comes behind an operator")
        size = WIDTHS[dtype]
        count = int(np.prod(shape, dtype=np.int64))
        edge = Edge(
            name=name, dtype=dtype, shape=tuple(shape), base=self._next, length=count * size
        )
        self._inputs.append(edge)
        self._next += chunk_count(edge.length)
        return Block(base=edge.base, count=count, width=CHUNK // size, size=size)

    def output(self, name: str, dtype: int, shape: Sequence[int], block: Block) -> None:
        """A tensor that a run gives: a block in whole chunks, in C order."""
        self._outputs.append(
            Edge(
                name=name,
                dtype=dtype,
                shape=tuple(shape),
                base=block.base,
                length=block.count * block.size,
            )
        )

    def rows(self, rows: Sequence[bytes]) -> int:
        """Put data rows in, once where they are equal; the number of the first."""
        key = tuple(rows)
        if key not in self._known:
            self._known[key] = len(self._data)
            self._data += key
        return self._known[key]

    def add(self, kind: Kind, *, count: int, width: int, size: int = 1, **fields: Any) -> Block:
        """Put an operator in. `table` counts among the data rows here."""
        operator = Operator(
            kind=kind, out=self._next, count=count, width=width, size=size, **fields
        )
        self._operators.append(operator)
        self._next += operator.rows
        return Block(base=operator.out, count=count, width=width, size=size)

    def dot(
        self,
        source: Block,
        window: Window,
        channels: Sequence[Weights],
        *,
        columns: int,
        per_group: int | None = None,
        zero: int = 0,
        pad: int = 0,
        wide: bool = False,
    ) -> Block:
        """DOT, or DOT32 where `wide`."""
        return self.add(
            Kind.DOT32 if wide else Kind.DOT,
            count=window.out[0] * window.out[1] * len(channels),
            width=len(channels),
            size=4 if wide else 1,
            zero=zero,
            pad=pad,
            source=source.base,
            source_width=source.width,
            table=self.rows([c.encode() for c in channels]),
            columns=columns,
            per_group=per_group or len(channels),
            **window.fields(),
        )

    def max(self, source: Block, window: Window) -> Block:
        """MAX."""
        return self.add(
            Kind.MAX,
            count=window.out[0] * window.out[1] * source.width,
            width=source.width,
            source=source.base,
            source_width=source.width,
            columns=source.width,
            per_group=source.width,
            **window.fields(),
        )

    def look_up(self, source: Block, table: NDArray[Any], width: int | None = None) -> Block:
        """LUT1: 256 entries of 1, 4 or 8 bytes."""
        return self.add(
            Kind.LUT1,
            count=source.count,
            width=width or source.width,
            size=table.itemsize,
            source=source.base,
            source_width=source.width,
            table=self.rows([bytes([Kind.TABLE]) + table.tobytes()]),
        )

    def look_up_two(
        self,
        source: Block,
        second: Block,
        table: NDArray[Any],
        *,
        divisor: int = 1,
        modulus: int | None = None,
        width: int | None = None,
    ) -> Block:
        """LUT2: 256 × 256 entries of 1 or 4 bytes, the first source's byte first."""
        return self.add(
            Kind.LUT2,
            count=source.count,
            width=width or source.width,
            size=table.itemsize,
            source=source.base,
            source_width=source.width,
            table=self.rows([bytes([Kind.TABLE2]) + row.tobytes() for row in table]),
            second=second.base,
            second_width=second.width,
            divisor=divisor,
            modulus=modulus or source.count,
        )

    def arg_max(self, source: Block, width: int = 32) -> Block:
        """ARGMAX over every row."""
        return self.add(
            Kind.ARGMAX,
            count=source.count // source.width,
            width=width,
            size=8,
            source=source.base,
            source_width=source.width,
        )

    def copy(
        self,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        *,
        width: int,
        size: int = 1,
        pad: int = 0,
    ) -> Block:
        """COPY: a trace row, or `PADDING`, and a column for every element."""
        return self.add(
            Kind.COPY,
            count=len(rows),
            width=width,
            size=size,
            pad=pad,
            table=self.rows(index_rows(rows, columns)),
        )

    def gather(self, source: Block, table: NDArray[np.uint8]) -> Block:
        """GATHER: a row of the table for every index."""
        return self.add(
            Kind.GATHER,
            count=source.count * table.shape[1],
            width=table.shape[1],
            source=source.base,
            source_width=source.width,
            table=self.rows([bytes([Kind.EMBEDDING]) + row.tobytes() for row in table]),
            entries=len(table),
            index_size=source.size,
        )

    def quantise(self, source: Block, scale: Any, zero: int, width: int | None = None) -> Block:
        """QUANT."""
        return self.add(
            Kind.QUANT,
            count=source.count,
            width=width or source.width,
            zero=zero,
            source=source.base,
            source_width=source.width,
            scale=bits(scale),
        )

    def build(self) -> list[bytes]:
        """The rows, in their order, not checked."""
        edges = len(self._inputs) + len(self._outputs)
        first = 1 + edges + len(self._operators)
        header = Header(
            inputs=len(self._inputs), outputs=len(self._outputs), operators=len(self._operators)
        )
        without = {Kind.MAX, Kind.ARGMAX, Kind.QUANT}
        return [
            header.encode(),
            *(e.encode(Kind.INPUT) for e in self._inputs),
            *(e.encode(Kind.OUTPUT) for e in self._outputs),
            *(
                (o if o.kind in without else replace(o, table=o.table + first)).encode()
                for o in self._operators
            ),
            *self._data,
        ]

    def program(self) -> ExactProgram:
        """The program.

        Raises:
            BadProgram: what was put in is none.
        """
        return ExactProgram(self.build())


def bits(value: Any) -> int:
    """A float32's bits."""
    return int(np.asarray(value, dtype=np.float32).view(np.uint32))
