"""A run's rows, at the places that the program fixes (docs/programs.md §2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadTrace
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.keccak import keccak_rows
from counterfoil.hashing.merkle import Tree

from .program import ExactProgram, filled
from .rows import Edge


class Trace:
    """All rows of one run.

    Args:
        program: whose.
        data: the rows' bytes, one after the other, shape (offsets[-1],).
    """

    def __init__(self, program: ExactProgram, data: NDArray[np.uint8]) -> None:
        self.program = program
        self.data = data

    @classmethod
    def of(cls, program: ExactProgram, rows: Sequence[bytes]) -> Trace:
        """The trace of rows that somebody shows.

        Raises:
            BadTrace: a row too many, too few, too long or too short.
        """
        if len(rows) != program.trace_rows:
            raise BadTrace(f"a trace of {len(rows)} rows, the program has {program.trace_rows}")
        for place, row in enumerate(rows):
            if len(row) != program.lengths[place]:
                raise BadTrace(
                    f"row {place} has {len(row)} bytes, the program {program.lengths[place]}"
                )
        return cls(program, np.frombuffer(b"".join(rows), dtype=np.uint8))

    def row(self, place: int) -> bytes:
        """One row.

        Raises:
            BadTrace: the program has no such row.
        """
        if not 0 <= place < self.program.trace_rows:
            raise BadTrace(f"row {place} of a trace of {self.program.trace_rows}")
        start, stop = self.program.offsets[place : place + 2]
        return self.data[start:stop].tobytes()

    def outputs(self) -> tuple[Tensor, ...]:
        """The output tensors, in the program's order."""
        return tuple(map(self.output, self.program.outputs))

    def output(self, edge: Edge) -> Tensor:
        """One output tensor; several may lie in the same rows, so all can be far more."""
        start = int(self.program.offsets[edge.base])
        return Tensor(
            name=edge.name,
            dtype=edge.dtype,
            shape=edge.shape,
            data=self.data[start : start + edge.length].tobytes(),
        )

    @cached_property
    def tree(self) -> Tree:
        """The tree over the rows, filled up to a power of two."""
        lengths, offsets = self.program.lengths, self.program.offsets
        leaves: NDArray[np.uint8] = np.empty((len(lengths), 32), dtype=np.uint8)
        # Runs of rows of one length: an operator's, all but its last.
        cuts = np.flatnonzero(np.diff(lengths)) + 1
        for start, stop in zip([0, *cuts], [*cuts, len(lengths)], strict=True):
            alike = self.data[offsets[start] : offsets[stop]].reshape(stop - start, -1)
            leaves[start:stop] = keccak_rows(np.pad(alike, ((0, 0), (1, 0))))
        return Tree(filled(leaves))
