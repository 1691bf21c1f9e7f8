"""An exact program: rows that were checked, and what they commit to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from counterfoil.formats.runtime import Program
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak_rows
from counterfoil.hashing.merkle import Tree

from .checking import Checker
from .rows import VERSION, Edge, Operator

EMPTY = merkle.leaf(b"")
"""What fills a tree of rows up to a power of two: no row is empty."""


class ExactProgram:
    """Rows that are a program.

    Args:
        rows: the program's, in order.
    Attributes:
        rows: as given.
        inputs, outputs: the edges, in the order of a receipt's sets.
        operators: in the order in which they run.
        lengths: bytes of every trace row, shape (trace rows,).
        offsets: where each begins among a trace's bytes, shape (trace rows + 1,).
    Raises:
        BadProgram: the rows are no program of version 1.
    """

    def __init__(self, rows: Sequence[bytes]) -> None:
        self.rows = tuple(rows)
        checked = Checker(self.rows)
        self.inputs: tuple[Edge, ...] = checked.inputs
        self.outputs: tuple[Edge, ...] = checked.outputs
        self.operators: tuple[Operator, ...] = checked.operators
        self.lengths = checked.lengths
        self.offsets: NDArray[np.int64] = np.concatenate([[0], np.cumsum(self.lengths)])

    @property
    def first_operator(self) -> int:
        """The program row of operator 0."""
        return 1 + len(self.inputs) + len(self.outputs)

    @property
    def trace_rows(self) -> int:
        """Rows of a trace."""
        return len(self.lengths)

    @cached_property
    def joined(self) -> NDArray[np.uint8]:
        """The rows' bytes, one behind the other, as `starts` says."""
        return np.frombuffer(b"".join(self.rows), dtype=np.uint8)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each row begins in `joined`, shape (rows + 1,)."""
        lengths = np.fromiter(map(len, self.rows), dtype=np.int64, count=len(self.rows))
        return np.concatenate([[0], np.cumsum(lengths)])

    @cached_property
    def tree(self) -> Tree:
        """The tree over the rows, filled up to a power of two."""
        return row_tree(self.rows)

    @cached_property
    def commitment(self) -> Program:
        """What receipts name as their runtime."""
        return Program(
            root=self.tree.root, rows=len(self.rows), trace_rows=self.trace_rows, version=VERSION
        )


def row_tree(rows: Sequence[bytes]) -> Tree:
    """The tree over leaf(row), filled with leaf(empty) up to 2^h leaves."""
    leaves: NDArray[np.uint8] = np.empty((len(rows), 32), dtype=np.uint8)
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length)
        joined = b"".join(b"\0" + rows[place] for place in places)
        alike: NDArray[np.uint8] = np.frombuffer(joined, dtype=np.uint8)
        leaves[places] = keccak_rows(alike.reshape(len(places), -1))
    return Tree(filled(leaves))


def filled(leaves: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leaves up to the next power of two: `leaf(empty)` behind them."""
    count = 1 << (len(leaves) - 1).bit_length()
    rest = np.broadcast_to(np.frombuffer(EMPTY, dtype=np.uint8), (count - len(leaves), 32))
    return np.concatenate([leaves, rest])
