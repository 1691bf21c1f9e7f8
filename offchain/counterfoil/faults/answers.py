"""What demands ask for, given out of a run: hashes, rows and tensors, several in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from counterfoil.chain import Call, FaultCourtClient, FaultDemand, Place, TensorShown, TreeKind
from counterfoil.chain.fault_court import REVEALS
from counterfoil.formats.chunks import chunk_tree
from counterfoil.formats.set_opening import SetOpening
from counterfoil.hashing import merkle
from counterfoil.hashing.merkle import Tree
from counterfoil.hashing.types import Digest

from .docket import STEP_DOWN
from .run import Run

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """One transaction that answers demands.

    Attributes:
        what: `nodes`, `rows` or `tensors`.
        places: of the demands.
    """

    what: str
    places: tuple[Place, ...]
    call: Call


def reveals(court: FaultCourtClient, run: Run, demands: Sequence[FaultDemand]) -> list[Reveal]:
    """What answers demands, in as few transactions as they fit into."""
    nodes, rows, tensors = [], [], []
    for demand in demands:
        if demand.layer:
            nodes.append((demand, hashes(run, demand)))
        elif demand.tree is TreeKind.TRACE:
            rows.append((demand, _row(run, demand)))
        else:
            tensors.append((demand, _tensor(run, demand)))
    made = [("nodes", _places(some), court.reveal_nodes_call(some)) for some in _parts(nodes)]
    made += [("rows", _places(some), court.reveal_rows_call(some)) for some in _parts(rows)]
    made += [
        ("tensors", _places(some), court.reveal_tensors_call(some)) for some in _parts(tensors)
    ]
    return [Reveal(what=what, places=places, call=call) for what, places, call in made]


def _places(some: Sequence[tuple[FaultDemand, object]]) -> tuple[Place, ...]:
    return tuple(demand.place for demand, _ in some)


def _parts(found: list[tuple[FaultDemand, T]]) -> list[list[tuple[FaultDemand, T]]]:
    """What goes in one transaction each."""
    return [found[at : at + REVEALS] for at in range(0, len(found), REVEALS)]


def hashes(run: Run, demand: FaultDemand) -> list[Digest]:
    """The descendants of a node, five layers down, or at the leaves."""
    depth = min(STEP_DOWN, demand.layer)
    below = _tree(run, demand).layers[demand.layer - depth]
    first = demand.index << depth
    return [Digest(row.tobytes()) for row in below[first : first + (1 << depth)]]


def _tree(run: Run, demand: FaultDemand) -> Tree:
    if demand.tree is TreeKind.TRACE:
        assert run.trace is not None
        return run.trace.tree
    side = 0 if demand.tree in (TreeKind.INPUTS, TreeKind.INPUT_CHUNKS) else 1
    opening: SetOpening = run.opening(side)
    if demand.tree in (TreeKind.INPUT_CHUNKS, TreeKind.OUTPUT_CHUNKS):
        assert opening.master is not None
        tensor = opening.tensors[demand.position]
        return chunk_tree(tensor.data, opening.master, demand.position)
    return merkle.tree_of([merkle.leaf(t.digest) for t in run.committed(side).tensors])


def _row(run: Run, demand: FaultDemand) -> bytes:
    assert run.trace is not None
    if demand.index >= run.program.trace_rows:
        return b""
    return run.trace.row(demand.index)


def _tensor(run: Run, demand: FaultDemand) -> TensorShown:
    side = 0 if demand.tree is TreeKind.INPUTS else 1
    return TensorShown.of(run.committed(side).tensors[demand.index])
