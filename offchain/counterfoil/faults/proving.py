"""What a judge is sent, made of a run, of what the other side revealed, and of a proof's place."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import Call, Fault, FaultCourtClient, TensorShown
from counterfoil.formats.chunks import chunk_tree
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Digest
from counterfoil.programs import row_proofs
from counterfoil.programs.proving import prove_step

from .docket import Docket
from .run import SIDE, Proof, Run


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
        other = Shown(run, docket)
        length = row_proofs.prove_length(run.program, other, other.node, proof.place)
        return judge.call("prove_length", *case, length.abi(), salt)
    if proof.fault is Fault.FILLING:
        filling = row_proofs.prove_filling(run.program, Shown(run, docket).node, proof.place)
        return judge.call("prove_filling", *case, filling.abi(), salt)
    function, make = {
        Fault.LINK: ("prove_link", _link),
        Fault.TENSOR: ("prove_tensor", _tensor),
        Fault.COUNT: ("prove_count", _count),
    }[proof.fault]
    return judge.call(function, *case, sets.abi(), make(run, docket, proof), salt)


def _link(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    side, position = divmod(proof.place, SIDE)
    other = Shown(run, docket)
    opening = run.opening(side)
    assert opening.master is not None
    chunks = chunk_tree(opening.tensors[position].data, opening.master, position)
    tensor, path = _shown_tensor(run, side, position)
    return row_proofs.prove_link(
        run.program,
        other,
        other.node,
        position=proof.place,
        chunk=proof.element,
        tensor=tensor,
        set_path=path,
        leaf=chunks.layers[0][proof.element].tobytes(),
        chunk_path=chunks.path(proof.element),
    ).abi()


def _tensor(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    tensor, path = _shown_tensor(run, *divmod(proof.place, SIDE))
    return row_proofs.prove_tensor(
        run.program, position=proof.place, tensor=tensor, set_path=path
    ).abi()


def _count(run: Run, docket: Docket, proof: Proof) -> tuple[Any, ...]:
    return row_proofs.prove_count(run.program, proof.place).abi()


def _shown_tensor(run: Run, side: int, position: int) -> tuple[Any, list[Digest]]:
    """What a tensor's leaf hashes, and its path in the set."""
    tensors = run.committed(side).tensors
    tree = merkle.tree_of([merkle.leaf(tensor.digest) for tensor in tensors])
    return TensorShown.of(tensors[position]).abi(), tree.path(position)
