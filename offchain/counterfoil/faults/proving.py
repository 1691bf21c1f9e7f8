"""What a judge is sent, made of a run, of what the other side revealed, and of a proof's place."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import Call, Fault, FaultCourtClient, TensorShown
from counterfoil.formats.chunks import chunk_tree
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Digest
from counterfoil.programs.proving import height, prove_step, shown, siblings
from counterfoil.programs.step import writer

from .docket import Docket
from .run import SIDE, Proof, Run, edge_at


class Shown:
    """The other side's trace as far as it is known: its own nodes and rows, else the run's.

    What was not revealed lies left of the leftmost row that differs, so it is equal.
    """

    def __init__(self, run: Run, docket: Docket) -> None:
        assert run.trace is not None
        self._trace = run.trace
        self._docket = docket

    def row(self, place: int) -> bytes:
        """One row."""
        said = self._docket.rows.get(place)
        return self._trace.row(place) if said is None else said

    def node(self, layer: int, index: int) -> bytes:
        """One node of the tree."""
        known = self._docket.nodes.get((layer, index))
        return self._trace.tree.layers[layer][index].tobytes() if known is None else known


def prove_call(
    court: FaultCourtClient, run: Run, docket: Docket, proof: Proof, salt: Digest
) -> Call:
    """The transaction that shows a fault to its judge."""
    facts, answer, sets = docket.facts, docket.answer, docket.sets
    assert facts is not None and answer is not None and sets is not None
    case = (court.address, facts.abi(), answer.abi())
    if proof.fault is Fault.STEP:
        other = Shown(run, docket)
        step = prove_step(run.program, other, other.node, proof.place, proof.element)
        return court.step_judge.call("prove_step", *case, step.abi(), salt)
    judge = court.row_judge
    if proof.fault is Fault.LENGTH:
        return judge.call("prove_length", *case, _length(run, docket, proof), salt)
    if proof.fault is Fault.FILLING:
        return judge.call("prove_filling", *case, _filling(run, docket, proof), salt)
    function, make = {
        Fault.LINK: ("prove_link", _link),
        Fault.TENSOR: ("prove_tensor", _tensor),
        Fault.COUNT: ("prove_count", _count),
    }[proof.fault]
    return judge.call(function, *case, sets.abi(), make(run, docket, proof), salt)


def _link(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    side, position = divmod(proof.place, SIDE)
    program, other = run.program, Shown(run, docket)
    edge = (program.outputs if side else program.inputs)[position]
    number = _edge_number(run, side, position)
    row = edge.base + proof.element
    opening = run.opening(side)
    assert opening.master is not None
    chunks = chunk_tree(opening.tensors[position].data, opening.master, position)
    return (
        shown([program.rows[0], program.rows[number], other.row(row)]),
        [
            *_of_program(run, [0, number]),
            *siblings(other.node, [row], height(program.trace_rows)),
        ],
        proof.place,
        proof.element,
        *_shown_tensor(run, side, position),
        chunks.layers[0][proof.element].tobytes(),
        chunks.path(proof.element),
    )


def _tensor(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    side, position = divmod(proof.place, SIDE)
    number = _edge_number(run, side, position)
    return (
        shown([run.program.rows[0], run.program.rows[number]]),
        _of_program(run, [0, number]),
        proof.place,
        *_shown_tensor(run, side, position),
    )


def _count(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    return shown([run.program.rows[0]]), _of_program(run, [0]), proof.place


def _length(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    program, other = run.program, Shown(run, docket)
    edge = edge_at(program, proof.place)
    if edge is not None:
        owner = _edge_number(run, 0, edge[0])
    else:
        owner = program.first_operator + writer(program, proof.place)[0]
    return (
        shown([program.rows[owner], other.row(proof.place)]),
        [
            *_of_program(run, [owner]),
            *siblings(other.node, [proof.place], height(program.trace_rows)),
        ],
        owner,
        proof.place,
    )


def _filling(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    other = Shown(run, docket)
    path = siblings(other.node, [proof.place], height(run.program.trace_rows))
    return other.node(0, proof.place), list(path), proof.place


def _edge_number(run: Run, side: int, position: int) -> int:
    """The program row of an edge."""
    return 1 + position + (len(run.program.inputs) if side else 0)


def _of_program(run: Run, numbers: list[int]) -> list[bytes]:
    layers = run.program.tree.layers

    def node(layer: int, index: int) -> bytes:
        return bytes(layers[layer][index].tobytes())

    return list(siblings(node, numbers, height(len(run.program.rows))))


def _shown_tensor(run: Run, side: int, position: int) -> tuple[Any, list[Digest]]:
    """What a tensor's leaf hashes, and its path in the set."""
    tensors = run.committed(side).tensors
    tree = merkle.tree_of([merkle.leaf(tensor.digest) for tensor in tensors])
    return TensorShown.of(tensors[position]).abi(), tree.path(position)
