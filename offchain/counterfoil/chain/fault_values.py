"""A fault court's structs (IFaultCourt.vyi), to and from what contracts take and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import ChunkOpening, TensorCommitment, TensorSet, shape_hash
from counterfoil.hashing.eip712 import text
from counterfoil.hashing.types import ZERO, Address, Digest, Seconds

STATES = ("summoned", "open", "final", "faulty")
"""IFaultCourt.State, bit by bit."""


class TreeKind(IntEnum):
    """Which tree of a case a demand is about (docs/faults.md §6)."""

    TRACE = 0
    INPUTS = 1
    OUTPUTS = 2
    INPUT_CHUNKS = 3
    OUTPUT_CHUNKS = 4


class Fault(IntEnum):
    """What is proved (docs/faults.md §5)."""

    WITHHELD = 0
    STEP = 1
    LINK = 2
    TENSOR = 3
    COUNT = 4
    LENGTH = 5
    FILLING = 6


def plain(value: Any) -> Any:
    """A struct as a decoder gives it, in tuples alone."""
    if isinstance(value, Mapping):
        return tuple(map(plain, value.values()))
    if isinstance(value, list | tuple):
        return tuple(map(plain, value))
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """A receipt's two tensor sets, and the masters of their salts; zeros of an empty set."""

    inputs_count: int
    inputs_root: Digest
    inputs_master: Digest
    outputs_count: int
    outputs_root: Digest
    outputs_master: Digest

    @classmethod
    def of(
        cls,
        inputs: TensorSet,
        inputs_master: Digest,
        outputs: TensorSet,
        outputs_master: Digest,
    ) -> Sets:
        """The sets of commitments and masters."""
        return cls(
            inputs_count=len(inputs.tensors),
            inputs_root=inputs.root,
            inputs_master=inputs_master if inputs.tensors else ZERO,
            outputs_count=len(outputs.tensors),
            outputs_root=outputs.root,
            outputs_master=outputs_master if outputs.tensors else ZERO,
        )

    @classmethod
    def parse(cls, value: Any) -> Sets:
        """From a decoder."""
        ic, ir, im, oc, or_, om = plain(value)
        return cls(
            inputs_count=ic,
            inputs_root=Digest(ir),
            inputs_master=Digest(im),
            outputs_count=oc,
            outputs_root=Digest(or_),
            outputs_master=Digest(om),
        )

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it."""
        return (
            self.inputs_count, self.inputs_root, self.inputs_master,
            self.outputs_count, self.outputs_root, self.outputs_master,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Summons:
    """What opens a case: a settled receipt, its program, and both sets opened.

    Attributes:
        inputs, outputs: chunk 0 of tensor 0 of each set; None of an empty one.
    """

    receipt: Receipt
    inclusion: Inclusion
    program: Program
    sets: Sets
    inputs: ChunkOpening | None
    outputs: ChunkOpening | None

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it: the version of the program is the court's own."""
        inputs, outputs = (
            _NO_OPENING if opening is None else opening.abi()
            for opening in (self.inputs, self.outputs)
        )
        program = (self.program.root, self.program.rows, self.program.trace_rows)
        return (
            self.receipt.abi(), self.inclusion.abi(), program, self.sets.abi(), inputs, outputs
        )  # fmt: skip


_NO_OPENING: tuple[Any, ...] = (0, 0, ZERO, 0, ZERO, 0, [], 0, ZERO, b"", [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is fixed when a case is opened.

    Attributes:
        receipt: the settled receipt's digest, the case's name.
        sets: keccak(abi.encode(Sets)).
        opened_at: Unix seconds.
        stake: wei: the summons' fee, or the assertion's bond.
    """

    receipt: Digest
    signer: Address
    sequence: int
    program: tuple[Digest, int, int]
    sets: Digest
    opened_by: Address
    opened_at: Seconds
    stake: int
    asserted: bool

    @classmethod
    def parse(cls, value: Any) -> Facts:
        """From a decoder."""
        receipt, signer, sequence, program, sets, by, at, stake, asserted = plain(value)
        return cls(
            receipt=Digest(receipt),
            signer=Address(signer),
            sequence=sequence,
            program=(Digest(program[0]), program[1], program[2]),
            sets=Digest(sets),
            opened_by=Address(by),
            opened_at=Seconds(at),
            stake=stake,
            asserted=asserted,
        )

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it."""
        return (
            self.receipt, self.signer, self.sequence, self.program, self.sets,
            self.opened_by, self.opened_at, self.stake, self.asserted,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The root of a run's trace, and when it came."""

    trace: Digest
    answered_at: Seconds

    @classmethod
    def parse(cls, value: Any) -> Answer:
        """From a decoder."""
        trace, at = plain(value)
        return cls(trace=Digest(trace), answered_at=Seconds(at))

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it."""
        return (self.trace, self.answered_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultTerms:
    """Seconds, of a log: to summon, to answer, and to prove."""

    summon_window: Seconds
    answer_window: Seconds
    case_window: Seconds

    def abi(self) -> tuple[int, int, int]:
        """As contracts take it."""
        return (self.summon_window, self.answer_window, self.case_window)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCase:
    """Where a case stands.

    Attributes:
        state: one of `STATES`, empty: there is no case.
        open_demands: demands that are not answered.
        closes_at: Unix seconds, 0 before the trace's root is there.
        stake: wei of an assertion's bond, 0 for a summons.
        answer_window, case_window: seconds, of this case.
    """

    state: str
    open_demands: int
    closes_at: Seconds
    stake: int
    asserted: bool
    answer_window: Seconds
    case_window: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorShown:
    """What a tensor's leaf hashes (docs/format.md §2, §3)."""

    name_hash: Digest
    dtype: int
    shape_hash: Digest
    byte_length: int
    chunks: Digest

    @classmethod
    def of(cls, tensor: TensorCommitment) -> TensorShown:
        """Of a commitment."""
        return cls(
            name_hash=text(tensor.name),
            dtype=tensor.dtype,
            shape_hash=shape_hash(tensor.shape),
            byte_length=tensor.byte_length,
            chunks=tensor.chunks,
        )

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it."""
        return (self.name_hash, self.dtype, self.shape_hash, self.byte_length, self.chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a case's tree, layer 0 the leaves, and its siblings up to the root."""

    layer: int
    index: int
    digest: Digest
    path: Sequence[Digest]

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it."""
        return (self.layer, self.index, self.digest, list(self.path))


Place = tuple[TreeKind, int, int, int]
"""Where a node is in a case's trees: tree, position (the tensor's, of chunks; else 0), layer
(0 the leaves) and index. In contracts one word (docs/faults.md §6)."""


def place_word(place: Place) -> int:
    """A place as contracts take it."""
    tree, position, layer, index = place
    return int(tree) << 104 | position << 72 | layer << 64 | index


def place_of(word: int) -> Place:
    """A place as contracts give it."""
    rest = word & ((1 << 104) - 1)
    return TreeKind(word >> 104), rest >> 72, rest >> 64 & 0xFF, rest & ((1 << 64) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultDemand:
    """A demand for what is below a node, or behind a leaf.

    Attributes:
        count: hashes that answer it, 0 for a preimage.
        fee: wei, for whoever answers.
        deadline: Unix seconds.
    """

    receipt: Digest
    tree: TreeKind
    position: int
    layer: int
    index: int
    digest: Digest
    count: int
    demander: Address
    fee: int
    deadline: Seconds

    @classmethod
    def parse(cls, value: Any) -> FaultDemand:
        """From a decoder."""
        receipt, place, digest, count, demander, fee, deadline = plain(value)
        tree, position, layer, index = place_of(place)
        return cls(
            receipt=Digest(receipt),
            tree=tree,
            position=position,
            layer=layer,
            index=index,
            digest=Digest(digest),
            count=count,
            demander=Address(demander),
            fee=fee,
            deadline=Seconds(deadline),
        )

    @property
    def place(self) -> Place:
        """What tells it from the case's other demands."""
        return (self.tree, self.position, self.layer, self.index)

    def abi(self) -> tuple[Any, ...]:
        """As contracts take it."""
        return (
            self.receipt, place_word(self.place), self.digest, self.count, self.demander, self.fee,
            self.deadline,
        )  # fmt: skip
