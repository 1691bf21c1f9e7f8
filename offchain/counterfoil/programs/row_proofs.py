"""What `RowJudge` reads of a fault: rows, tensors and siblings (docs/faults.md §5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final

from counterfoil.formats.chunks import chunk_count

from . import step
from .program import ExactProgram
from .proving import Node, Rows, height, shown, siblings

SIDE: Final = 2**32
"""Outputs' positions begin here. Source: docs/faults.md §5."""

Shown = tuple[bytes, int, bytes, int, bytes]
"""A tensor of a set: nameHash, dtype, shapeHash, byteLength, chunks."""


class _Proof:
    __slots__ = ()

    def abi(self) -> tuple[Any, ...]:
        """The struct's fields, in order."""
        return astuple(self)  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProof(_Proof):
    """A chunk and the row that it should be.

    Attributes:
        rows: header, edge, the trace's row; encoded.
        siblings: 32 bytes each, of the program's tree, then of the trace's.
        position: of the tensor, an output's behind `SIDE`.
        chunk: of the tensor; `leaf` its leaf as the receipt commits to it.
        set_path, chunk_path: from the tensor and from the chunk upwards.
    """

    rows: bytes
    siblings: tuple[bytes, ...]
    position: int
    chunk: int
    tensor: Shown
    set_path: tuple[bytes, ...]
    leaf: bytes
    chunk_path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorProof(_Proof):
    """A tensor and the edge that it should be; fields as `LinkProof` has them."""

    rows: bytes
    siblings: tuple[bytes, ...]
    position: int
    tensor: Shown
    set_path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountProof(_Proof):
    """The header's row, and the side whose count is another: 0 inputs, 1 outputs."""

    rows: bytes
    siblings: tuple[bytes, ...]
    side: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthProof(_Proof):
    """A trace's row, and `owner`, the program row that says how long it is."""

    rows: bytes
    siblings: tuple[bytes, ...]
    owner: int
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FillingProof(_Proof):
    """A leaf of the trace's tree at `row`, behind the trace's last."""

    leaf: bytes
    siblings: tuple[bytes, ...]
    row: int


def prove_link(
    program: ExactProgram,
    trace: Rows,
    node: Node,
    *,
    position: int,
    chunk: int,
    tensor: Shown,
    set_path: Sequence[bytes],
    leaf: bytes,
    chunk_path: Sequence[bytes],
) -> LinkProof:
    """The proof that a committed chunk is not the trace's row.

    Args:
        trace, node: the trace's rows and its tree's nodes: what the proof needs of them.
        position: of the tensor, an output's behind `SIDE`.
        chunk: of the tensor; `leaf` and `chunk_path` are its.
        tensor: as the receipt commits to it; `set_path` is its.
    """
    number = _edge(program, position)
    edge = _edges(program, position)[position % SIDE]
    row = edge.base + chunk
    return LinkProof(
        rows=shown([program.rows[0], program.rows[number], trace.row(row)]),
        siblings=(
            *_of_program(program, [0, number]),
            *siblings(node, [row], height(program.trace_rows)),
        ),
        position=position,
        chunk=chunk,
        tensor=tensor,
        set_path=tuple(set_path),
        leaf=leaf,
        chunk_path=tuple(chunk_path),
    )


def prove_tensor(
    program: ExactProgram, *, position: int, tensor: Shown, set_path: Sequence[bytes]
) -> TensorProof:
    """The proof that a committed tensor is not the program's; arguments as in `prove_link`."""
    number = _edge(program, position)
    return TensorProof(
        rows=shown([program.rows[0], program.rows[number]]),
        siblings=_of_program(program, [0, number]),
        position=position,
        tensor=tensor,
        set_path=tuple(set_path),
    )


def prove_count(program: ExactProgram, side: int) -> CountProof:
    """The proof that a set has another number of tensors than the program."""
    return CountProof(rows=shown([program.rows[0]]), siblings=_of_program(program, [0]), side=side)


def prove_length(program: ExactProgram, trace: Rows, node: Node, row: int) -> LengthProof:
    """The proof that a trace's row has another length.

    Args:
        trace, node: the trace's rows and its tree's nodes: what the proof needs of them.
    Raises:
        BadTrace: the program has no such row.
    """
    owner = _owner(program, row)
    return LengthProof(
        rows=shown([program.rows[owner], trace.row(row)]),
        siblings=(
            *_of_program(program, [owner]),
            *siblings(node, [row], height(program.trace_rows)),
        ),
        owner=owner,
        row=row,
    )


def prove_filling(program: ExactProgram, node: Node, row: int) -> FillingProof:
    """The proof that a leaf behind the trace's last row is not empty."""
    return FillingProof(
        leaf=node(0, row),
        siblings=tuple(siblings(node, [row], height(program.trace_rows))),
        row=row,
    )


def _edges(program: ExactProgram, position: int) -> Sequence[Any]:
    return program.outputs if position >= SIDE else program.inputs


def _edge(program: ExactProgram, position: int) -> int:
    """The program row of an edge."""
    before = len(program.inputs) if position >= SIDE else 0
    return 1 + before + position % SIDE


def _owner(program: ExactProgram, row: int) -> int:
    """The program row that says how long a trace's row is."""
    for place, edge in enumerate(program.inputs):
        if edge.base <= row < edge.base + chunk_count(edge.length):
            return 1 + place
    return program.first_operator + step.writer(program, row)[0]


def _of_program(program: ExactProgram, numbers: Sequence[int]) -> tuple[bytes, ...]:
    layers = program.tree.layers

    def node(layer: int, index: int) -> bytes:
        return bytes(layers[layer][index].tobytes())

    return tuple(siblings(node, numbers, height(len(program.rows))))
