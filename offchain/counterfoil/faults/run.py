"""A receipt's run, done again: what it must have been, and what the receipt says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from counterfoil.chain import Fault, Sets, Summons
from counterfoil.errors import NotReplayable
from counterfoil.formats.chunks import CHUNK
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import ChunkOpening, Tensor, TensorSet
from counterfoil.hashing.types import Digest
from counterfoil.programs import Edge, ExactProgram, Executor, Trace
from counterfoil.programs.given import index_past

SIDE = 2**32
"""Side and position of a tensor are one number, side · 2^32 + position (docs/faults.md §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is to be proved: the kind, the place and the element of docs/faults.md §5."""

    fault: Fault
    place: int
    element: int = 0


class Run:
    """One run, from the inputs that its receipt commits to.

    Args:
        program: the receipt's.
        executor: of it.
        inputs, outputs: both sets, opened whole and checked against the receipt.
    Attributes:
        claim: what is wrong with the receipt itself, if the trace is the program's; None:
            nothing is.
        trace: every row as it must be; None: the inputs are not the program's.
    """

    def __init__(self, executor: Executor, inputs: SetOpening, outputs: SetOpening) -> None:
        self.program: ExactProgram = executor.program
        self.inputs, self.outputs = inputs, outputs
        self.trace: Trace | None = None
        self.claim = self._of_sets()
        if self.claim is not None and self.claim.fault is Fault.COUNT and self.claim.place == 0:
            return
        if _other_tensor(self.program.inputs, inputs.tensors) is not None:
            return
        # What a step writes that chooses past its table is as wrong as anything else
        self.trace = executor.trace(inputs.tensors, any_index=True)
        past = index_past(self.program, {tensor.name: tensor for tensor in inputs.tensors})
        if self.claim is None:
            self.claim = (
                self._of_outputs(self.trace)
                if past is None
                else Proof(fault=Fault.STEP, place=past[2])
            )

    @cached_property
    def sets(self) -> Sets:
        """Counts, roots and masters."""
        return Sets.of(
            self.committed(0), self._master(0), self.committed(1), self._master(1)
        )  # fmt: skip

    def committed(self, side: int) -> TensorSet:
        """The commitments of a side, 0 for inputs."""
        return self._committed[side]

    def opening(self, side: int) -> SetOpening:
        """The opening of a side, 0 for inputs."""
        return self.outputs if side else self.inputs

    def summons(self, file: ReceiptFile) -> Summons:
        """What opens a case of the receipt.

        Raises:
            NotReplayable: the file has no inclusion.
        """
        if file.inclusion is None:
            raise NotReplayable("the receipt is not settled as far as its file shows")
        return Summons(
            receipt=file.receipt,
            inclusion=file.inclusion,
            program=self.program.commitment,
            sets=self.sets,
            inputs=_first_chunk(self.inputs),
            outputs=_first_chunk(self.outputs),
        )

    @cached_property
    def _committed(self) -> tuple[TensorSet, TensorSet]:
        return self.inputs.commitment(), self.outputs.commitment()

    def _master(self, side: int) -> Digest:
        master = self.opening(side).master
        assert master is not None  # whole openings have one
        return master

    def _of_sets(self) -> Proof | None:
        for side, edges in enumerate((self.program.inputs, self.program.outputs)):
            tensors = self.opening(side).tensors
            if len(tensors) != len(edges):
                return Proof(fault=Fault.COUNT, place=side)
        for side, edges in enumerate((self.program.inputs, self.program.outputs)):
            position = _other_tensor(edges, self.opening(side).tensors)
            if position is not None:
                return Proof(fault=Fault.TENSOR, place=side * SIDE + position)
        return None

    def _of_outputs(self, trace: Trace) -> Proof | None:
        for position, (right, said) in enumerate(
            zip(trace.outputs(), self.outputs.tensors, strict=True)
        ):
            if right.data == said.data:
                continue
            pairs = zip(right.data, said.data, strict=True)
            at = next(place for place, (a, b) in enumerate(pairs) if a != b)
            return Proof(fault=Fault.LINK, place=SIDE + position, element=at // CHUNK)
        return None


def run_of(executor: Executor, opening: Opening | None) -> Run:
    """The run of a receipt whose file opens both sets; they must have been verified.

    Raises:
        NotReplayable: it does not.
    """
    return Run(executor, *sides_of(opening))


def sides_of(opening: Opening | None) -> tuple[SetOpening, SetOpening]:
    """Inputs and outputs, opened whole.

    Raises:
        NotReplayable: they are not.
    """
    inputs = None if opening is None else opening.inputs
    outputs = None if opening is None else opening.outputs
    if inputs is None or outputs is None or inputs.master is None or outputs.master is None:
        raise NotReplayable(
            "the file does not open inputs and outputs whole: only who can open a receipt can "
            "summon for it"
        )
    return inputs, outputs


def edge_at(program: ExactProgram, row: int) -> tuple[int, int] | None:
    """Position and chunk of the input that a trace row is, None: an operator writes it."""
    for position, edge in enumerate(program.inputs):
        count = -(-edge.length // CHUNK)
        if edge.base <= row < edge.base + count:
            return position, row - edge.base
    return None


def _other_tensor(edges: tuple[Edge, ...], tensors: tuple[Tensor, ...]) -> int | None:
    """The first position at which a tensor is not the edge's."""
    for position, (edge, tensor) in enumerate(zip(edges, tensors, strict=False)):
        has = (tensor.name, tensor.dtype, tensor.shape, len(tensor.data))
        if has != (edge.name, edge.dtype, edge.shape, edge.length):
            return position
    return None if len(edges) == len(tensors) else min(len(edges), len(tensors))


def _first_chunk(opening: SetOpening) -> ChunkOpening | None:
    return opening.chunk(0, 0) if opening.tensors else None
