"""What a judge reads of a fault: rows and siblings (docs/faults.md §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from counterfoil.errors import BadTrace

from . import step
from .program import ExactProgram
from .rows import Kind

STEP: Final = 1
"""Kind of a proof. Source: docs/faults.md §5."""

Node = Callable[[int, int], bytes]
"""From layer (0 the leaves) and index to a tree's node, 32 bytes."""


class Rows(Protocol):
    """A trace's rows, whoever's."""

    def row(self, place: int) -> bytes:
        """One row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProof:
    """A step, as `StepJudge` takes it.

    Attributes:
        operator: program row of the descriptor.
        row, element: of the trace, what was written.
        rows: descriptor, data row if there is one, rows read, row written; encoded.
        siblings: 32 bytes each, of the program's tree, then of the trace's.
        wrong: whether the element is another than the step gives.
    """

    operator: int
    row: int
    element: int
    rows: bytes
    siblings: tuple[bytes, ...]
    wrong: bool

    def abi(self) -> tuple[Any, ...]:
        """The struct's fields, in order."""
        return self.operator, self.row, self.element, self.rows, list(self.siblings)


def height(rows: int) -> int:
    """Of the full tree that holds so many rows."""
    return (rows - 1).bit_length()


def shown(rows: Sequence[bytes]) -> bytes:
    """Rows as they travel: u16 length ‖ 00 ‖ bytes, one behind the other."""
    return b"".join(len(row).to_bytes(2, "big") + b"\0" + row for row in rows)


def siblings(node: Node, numbers: Sequence[int], height: int) -> Iterator[bytes]:
    """The nodes that leaves of a full tree do not give each other.

    Each leaf, from the left, climbs as far as it can: first the siblings that it needs alone,
    then what it does together with those left of it.

    Args:
        node: of the tree.
        numbers: of the leaves, ascending.
    """
    waiting: list[int] = []
    for place, number in enumerate(numbers):
        last = place == len(numbers) - 1
        goal = height if last else (number ^ numbers[place + 1]).bit_length() - 1
        level = 0
        while True:
            meets = waiting[-1] if waiting else height
            for layer in range(level, min(goal, meets)):
                yield node(layer, number >> layer ^ 1)
            if goal <= meets:
                break
            level = waiting.pop() + 1
        if not last:
            waiting.append(goal)


def prove_step(program: ExactProgram, trace: Rows, node: Node, row: int, element: int) -> StepProof:
    """The proof of one step of anybody's trace.

    Args:
        program: whose trace it is.
        trace: its rows: those that the step reads and the one that it wrote.
        node: of the trace's tree: whatever the rows do not give themselves.
        row, element: a trace row that an operator writes, and which of its elements.
    Raises:
        BadTrace: no operator writes it.
    """
    place, o = step.writer(program, row)
    k = (row - o.out) * o.width + element
    if not 0 <= element < o.width or k >= o.count:
        raise BadTrace(f"row {row} has no element {element}")
    data: dict[int, bytes] = {}
    read: dict[int, bytes] = {}

    def program_row(number: int) -> bytes:
        return data.setdefault(number, program.rows[number])

    def trace_row(number: int) -> bytes:
        return read.setdefault(number, trace.row(number))

    expected: bytes | None = None
    try:
        expected = step.right(o, k, program_row, trace_row)
    except BadTrace:  # an index out of range: no byte is right
        if o.kind is not Kind.GATHER:
            raise
    operator = program.first_operator + place
    written = trace.row(row)
    in_program = [operator, *sorted(data)]
    in_trace = [*sorted(read), row]
    tree = program.tree.layers

    def program_node(layer: int, index: int) -> bytes:
        return bytes(tree[layer][index].tobytes())

    return StepProof(
        operator=operator,
        row=row,
        element=element,
        rows=shown(
            [*(program.rows[n] for n in in_program), *(read[n] for n in sorted(read)), written]
        ),
        siblings=(
            *siblings(program_node, in_program, height(len(program.rows))),
            *siblings(node, in_trace, height(program.trace_rows)),
        ),
        wrong=expected != written[element * o.size : (element + 1) * o.size],
    )
