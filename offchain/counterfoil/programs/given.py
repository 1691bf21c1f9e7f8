"""What a run is given: whether it is the program's inputs, and no index is past its table."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

import numpy as np

from counterfoil.errors import InputRefused
from counterfoil.formats.tensor import Tensor

from .program import ExactProgram
from .rows import Kind, Operator


def check_inputs(program: ExactProgram, given: Mapping[str, Tensor]) -> None:
    """Whether a run can begin.

    Raises:
        InputRefused: a tensor too many, too few, of another type or shape, or with an index
            past the table that it chooses from.
    """
    check_edges(program, given)
    check_indices(program, given)


def check_edges(program: ExactProgram, given: Mapping[str, Tensor]) -> None:
    """Raises InputRefused for a tensor too many, too few, of another type or shape."""
    if given.keys() != {edge.name for edge in program.inputs}:
        raise InputRefused(
            f"the program takes {', '.join(e.name for e in program.inputs)}, "
            f"not {', '.join(given) or 'nothing'}"
        )
    for edge in program.inputs:
        tensor = given[edge.name]
        if tensor.dtype != edge.dtype or tensor.shape != edge.shape:
            raise InputRefused(
                f"the input {edge.name!r} is {list(tensor.shape)} of type {tensor.dtype}, "
                f"the program takes {list(edge.shape)} of type {edge.dtype}"
            )


def check_indices(program: ExactProgram, given: Mapping[str, Tensor]) -> None:
    """Raises InputRefused for an index past the table that it chooses from."""
    found = index_past(program, given)
    if found is not None:
        name, o, _ = found
        raise InputRefused(f"an index in {name!r} is not from 0 to {o.entries - 1}")


def index_past(
    program: ExactProgram, given: Mapping[str, Tensor]
) -> tuple[str, Operator, int] | None:
    """The first index past its table: the input's name, who chooses by it, the row it writes.

    Args:
        given: the program's inputs, by name.
    """
    bases = [edge.base for edge in program.inputs]
    for o in program.operators:
        if o.kind is not Kind.GATHER:
            continue
        edge = program.inputs[bisect_right(bases, o.source) - 1]
        start = int(program.offsets[o.source] - program.offsets[edge.base])
        values = np.frombuffer(given[edge.name].data, f"<i{o.index_size}")
        values = values[start // o.index_size :][: o.count // o.width]
        past = np.flatnonzero((values < 0) | (values >= o.entries))
        if len(past):
            return edge.name, o, o.out + int(past[0])
    return None
