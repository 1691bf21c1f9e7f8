"""A run of a program as a receipt has it: both sets committed to, the trace's rows in a tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import judging
import numpy as np
from counterfoil.chain.fault_values import TensorShown
from counterfoil.formats import chunks
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing import merkle
from counterfoil.hashing.merkle import Tree
from counterfoil.programs import Trace
from counterfoil.programs.program import filled
from counterfoil.programs.row_proofs import (
    SIDE,
    CountProof,
    FillingProof,
    LengthProof,
    LinkProof,
    TensorProof,
    prove_count,
    prove_filling,
    prove_length,
    prove_link,
    prove_tensor,
)
from random_programs import random_run

MASTERS = b"\x11" * 32, b"\x22" * 32


class Rows:
    """Rows that need not be the program's, and what may lie behind the last.

    Args:
        trace: whose rows they are where none is given.
        changed: others by number.
    """

    def __init__(self, trace: Trace, changed: dict[int, bytes] | None = None) -> None:
        self._trace, self._changed = trace, changed or {}
        leaves = filled(trace.tree.layers[0][: trace.program.trace_rows]).copy()
        for number, row in self._changed.items():
            leaves[number] = np.frombuffer(merkle.leaf(row), dtype=np.uint8)
        self.tree = Tree(leaves)
        self.root = self.tree.root

    def row(self, place: int) -> bytes:
        """One of them."""
        found = self._changed.get(place)
        return self._trace.row(place) if found is None else found

    def node(self, layer: int, index: int) -> bytes:
        """One of their tree's nodes."""
        return bytes(self.tree.layers[layer][index].tobytes())


class Case:
    """What an operator committed to, right unless a test says otherwise.

    Args:
        honest: the run, None: a random program's.
        changed: trace rows that are others.
        inputs, outputs: tensors that are others; inputs are given where the run is.
    """

    def __init__(
        self,
        seed: int = 10,
        changed: dict[int, bytes] | None = None,
        inputs: Sequence[Tensor] | None = None,
        outputs: Sequence[Tensor] | None = None,
        honest: Trace | None = None,
    ) -> None:
        honest = judging.run(seed) if honest is None else honest
        self.program = honest.program
        self.rows = Rows(honest, changed)
        self.tensors = (
            tuple(random_run(seed)[1]) if inputs is None else tuple(inputs),
            honest.outputs() if outputs is None else tuple(outputs),
        )
        self._sets = tuple(
            commit(tensors, master) for tensors, master in zip(self.tensors, MASTERS, strict=True)
        )

    def but(self, side: int, position: int, **fields: Any) -> list[Tensor]:
        """A set in which one tensor is another."""
        tensors = list(self.tensors[side])
        tensors[position] = replace(tensors[position], **fields)
        return tensors

    @property
    def committed(self) -> tuple[bytes, int, int]:
        """The program, as contracts take it."""
        made = self.program.commitment
        return made.root, made.rows, made.trace_rows

    @property
    def sets(self) -> tuple:
        """Both sets, as contracts take them."""
        return tuple(
            each
            for made, master in zip(self._sets, MASTERS, strict=True)
            for each in (len(made.tensors), made.root, master)
        )

    def _tensor(self, side: int, position: int) -> tuple[tuple, list[bytes]]:
        made = self._sets[side]
        leaves = [merkle.leaf(each.digest) for each in made.tensors]
        tree = Tree(np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32))
        return TensorShown.of(made.tensors[position]).abi(), tree.path(position)

    def link(self, side: int, position: int, chunk: int) -> LinkProof:
        """About one chunk."""
        tensor, path = self._tensor(side, position)
        tree = chunks.chunk_tree(self.tensors[side][position].data, MASTERS[side], position)
        return prove_link(
            self.program, self.rows, self.rows.node, position=side * SIDE + position, chunk=chunk,
            tensor=tensor, set_path=path, leaf=tree.layers[0][chunk].tobytes(),
            chunk_path=tree.path(chunk),
        )  # fmt: skip

    def tensor(self, side: int, position: int) -> TensorProof:
        """About one tensor."""
        tensor, path = self._tensor(side, position)
        return prove_tensor(
            self.program, position=side * SIDE + position, tensor=tensor, set_path=path
        )

    def count(self, side: int) -> CountProof:
        """About one side."""
        return prove_count(self.program, side)

    def length(self, row: int) -> LengthProof:
        """About one row."""
        return prove_length(self.program, self.rows, self.rows.node, row)

    def filling(self, row: int) -> FillingProof:
        """About a leaf behind the rows."""
        return prove_filling(self.program, self.rows.node, row)
