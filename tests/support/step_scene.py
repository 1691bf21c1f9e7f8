"""Rows of a program and a trace that need not be valid, in full trees, and what shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from counterfoil.hashing import merkle
from counterfoil.hashing.merkle import Tree
from counterfoil.programs import Kind, Operator, Weights
from counterfoil.programs.proving import shown, siblings

HEIGHT = 6
"""Of both trees: 64 rows, and whatever is not named is a row of one byte that means nothing."""

HALF = 0x3F000000
"""The bits of a half."""


def tree(rows: dict[int, bytes], height: int = HEIGHT) -> Tree:
    """The full tree over some rows."""
    leaves = [merkle.leaf(rows.get(number, b"\x99")) for number in range(2**height)]
    return Tree(np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32))


@dataclass(frozen=True)
class Scene:
    """One step, and how it is shown; what a test changes it changes here.

    Attributes:
        operator: the descriptor, or bytes in its place.
        data: data rows by number.
        trace: trace rows by number, the written one too.
        at: the descriptor's number.
        row, element: of the step.
        data_shown, read_shown: numbers of the rows that the proof carries.
        program_rows, trace_rows: what the program says of its trees.
    """

    operator: Any
    data: dict[int, bytes]
    trace: dict[int, bytes]
    row: int
    element: int
    data_shown: Sequence[int] = ()
    read_shown: Sequence[int] = ()
    at: int = 8
    program_rows: int = 2**HEIGHT
    trace_rows: int = 2**HEIGHT
    rows: bytes | None = None
    more_siblings: Sequence[bytes] = ()
    fewer_siblings: int = 0
    program: dict[int, bytes] = field(default_factory=dict)

    def change(self, **fields: Any) -> Scene:
        """With other fields of the descriptor."""
        return replace(self, operator=replace(self.operator, **fields))

    def but(self, **attributes: Any) -> Scene:
        """With other attributes."""
        return replace(self, **attributes)

    def descriptor(self) -> bytes:
        """The descriptor's row."""
        return self.operator if isinstance(self.operator, bytes) else self.operator.encode()

    def arguments(self) -> tuple[Any, bytes, Any]:
        """What `step_is_wrong` takes."""
        program = {**self.data, self.at: self.descriptor()}
        trees = tree(program), tree(self.trace)
        numbers = [self.at, *self.data_shown], [*self.read_shown, self.row]
        rows = [
            *(program[number] for number in numbers[0]),
            *(self.trace[number] for number in numbers[1]),
        ]
        found = [
            each
            for made, shown_ones in zip(trees, numbers, strict=True)
            for each in siblings(
                lambda layer, index, made=made: made.layers[layer][index].tobytes(),
                shown_ones,
                HEIGHT,
            )
        ]
        found = [*found[: len(found) - self.fewer_siblings], *self.more_siblings]
        proof = (
            self.at,
            self.row,
            self.element,
            shown(rows) if self.rows is None else self.rows,
            found,
        )
        return (trees[0].root, self.program_rows, self.trace_rows), trees[1].root, proof


def dot(wide: bool = False) -> Scene:
    """A right step of DOT or DOT32: a window of 1 × 2 on rows 4 to 7 of 4 bytes, two groups."""
    weights = [
        Weights(zero=3, multiplier=0 if wide else HALF, constant=-20, values=bytes([5, 2, 9, 1])),
        Weights(zero=3, multiplier=0 if wide else HALF, constant=-20, values=bytes([5, 2, 9, 1])),
    ]
    operator = Operator(
        kind=Kind.DOT32 if wide else Kind.DOT, zero=0 if wide else 7, width=2, out=16, count=8,
        source=4, source_width=4, size=4 if wide else 1, pad=2, table=40,
        in_h=2, in_w=2, out_h=2, out_w=2, k_h=1, k_w=2, stride_h=1, stride_w=1,
        dilation_h=1, dilation_w=1, columns=2, per_group=1,
    )  # fmt: skip
    # place 0, channel 1: taps 4 and 5, columns 2 and 3
    total = -20 + 10 * 2 + 20 * -1 + 30 * 6 + 40 * -2
    byte = 7 + total // 2
    written = [0, total] if wide else [0, byte]
    return Scene(
        operator=operator,
        data={40 + n: row.encode() for n, row in enumerate(weights)},
        trace={
            4: bytes([1, 1, 10, 20]),
            5: bytes([1, 1, 30, 40]),
            16: b"".join(n.to_bytes(4 if wide else 1, "little") for n in written),
        },
        row=16, element=1, data_shown=[41], read_shown=[4, 5],
    )  # fmt: skip


def largest() -> Scene:
    """A right step of MAX: a window of 2 × 1 on rows 4 to 7 of 2 bytes."""
    operator = Operator(
        kind=Kind.MAX, width=2, out=16, count=4, source=4, source_width=2,
        in_h=2, in_w=2, out_h=1, out_w=2, k_h=2, k_w=1, stride_h=1, stride_w=1,
        dilation_h=1, dilation_w=1, columns=2, per_group=2,
    )  # fmt: skip
    return Scene(
        operator=operator,
        data={},
        trace={4: b"\x01\x07", 6: b"\x09\x08", 16: b"\x09\x08"},
        row=16, element=1, read_shown=[4, 6],
    )  # fmt: skip


def arg_max() -> Scene:
    """A right step of ARGMAX: row 5 of 40 bytes, the largest at 35 and again at 38."""
    operator = Operator(
        kind=Kind.ARGMAX, width=4, out=16, count=4, source=4, source_width=40, size=8
    )
    read = bytes([3] * 35 + [200, 4, 4, 200, 4])
    written = b"".join(n.to_bytes(8, "little") for n in (0, 35, 0, 0))
    return Scene(
        operator=operator, data={}, trace={5: read, 16: written}, row=16, element=1, read_shown=[5]
    )


def look_up(size: int = 4) -> Scene:
    """A right step of LUT1: the second byte of row 5, of tables of any size."""
    operator = Operator(
        kind=Kind.LUT1, width=3, out=16, count=6, source=4, source_width=3, size=size, table=40
    )
    table = bytes(n * 7 % 256 for n in range(256 * size))
    entry = table[17 * size : 18 * size]
    return Scene(
        operator=operator,
        data={40: bytes([Kind.TABLE]) + table},
        trace={5: bytes([9, 17, 9]), 17: bytes(size) + entry + bytes(size)},
        row=17, element=1, data_shown=[40], read_shown=[5],
    )  # fmt: skip


def look_up_two(one: int = 4, other: int = 6) -> Scene:
    """A right step of LUT2: bytes 2 of both sources' first rows; they may be one row."""
    operator = Operator(
        kind=Kind.LUT2, width=4, out=16, count=4, source=one, source_width=4, table=20,
        second=other, second_width=3, divisor=1, modulus=3,
    )  # fmt: skip
    table = bytes(n * 3 % 256 for n in range(256))
    rows = {one: bytes([9, 9, 21, 9])}
    rows[other] = rows.get(other, bytes([5, 6, 8]))
    return Scene(
        operator=operator,
        data={20 + 21: bytes([Kind.TABLE2]) + table},
        trace={**rows, 16: bytes([0, 0, table[rows[other][2]], 0])},
        row=16, element=2, data_shown=[41], read_shown=sorted(rows),
    )  # fmt: skip


def copy(padded: bool = False) -> Scene:
    """A right step of COPY: element 66 is element 1 of row 5, or padding."""
    operator = Operator(kind=Kind.COPY, width=34, out=16, count=68, size=4, pad=8, table=40)
    entries = [(2**32 - 1, 0) if padded else (5, 1)] * 4
    index = bytes([Kind.INDEX]) + b"".join(
        row.to_bytes(4, "big") + column.to_bytes(2, "big") for row, column in entries
    )
    value = b"\x08" * 4 if padded else b"\x01\x02\x03\x04"
    return Scene(
        operator=operator,
        data={41: index},
        trace={5: b"\xff" * 4 + b"\x01\x02\x03\x04", 17: value * 34},
        row=17, element=32, data_shown=[41], read_shown=[] if padded else [5],
    )  # fmt: skip


def gather(index: int = 3, size: int = 8) -> Scene:
    """A step of GATHER: right where the index is 3, of 5."""
    operator = Operator(
        kind=Kind.GATHER, width=3, out=16, count=12, source=4, source_width=2, table=40,
        entries=5, index_size=size,
    )  # fmt: skip
    fine = 0 <= index < 5
    return Scene(
        operator=operator,
        data={43: bytes([Kind.EMBEDDING, 50, 60, 70])},
        trace={5: bytes(size) + index.to_bytes(size, "little", signed=True), 19: b"\x01\x3c\x02"},
        row=19, element=1, data_shown=[43] if fine else [], read_shown=[5],
    )  # fmt: skip


def quant() -> Scene:
    """A right step of QUANT: 2.5 in halves is 5, and a zero of 7."""
    operator = Operator(
        kind=Kind.QUANT, zero=7, width=3, out=16, count=3, source=5, source_width=3, scale=HALF
    )
    return Scene(
        operator=operator,
        data={},
        trace={5: bytes(4) + bytes.fromhex("00002040") + bytes(4), 16: bytes([0, 12, 0])},
        row=16, element=1, read_shown=[5],
    )  # fmt: skip


ALL = {
    "dot": dot,
    "dot32": lambda: dot(wide=True),
    "lut1": look_up,
    "lut2": look_up_two,
    "max": largest,
    "argmax": arg_max,
    "copy": copy,
    "gather": gather,
    "quant": quant,
}
"""A right step of every operator."""
