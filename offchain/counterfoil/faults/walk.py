"""The walk: what a challenger does next in a case. No chain, no files, no clock.

Two traces of one program are equal up to their first differing row, and all that this row was
computed from lies before it. So the walk goes from the root to the leftmost leaf that differs
from the challenger's own, five layers at an answer, and shows that row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from counterfoil.chain import Fault, FaultCase, FaultDemand, Node, Place, TreeKind
from counterfoil.errors import BadAnswer
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.programs.program import EMPTY
from counterfoil.programs.step import writer

from .docket import STEP_DOWN, Docket
from .run import Proof, Run, edge_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Summon:
    """Open a case, until a time at the latest."""

    until: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing until a time: the operator's answer is due by then."""

    until: Seconds
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOutSummons:
    """The answer is overdue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandNode:
    """Demand what is below a node of the trace, or a row."""

    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOutDemand:
    """A demand's answer is overdue."""

    demand: FaultDemand


@dataclass(frozen=True, slots=True, kw_only=True)
class Prove:
    """Show a fault."""

    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Take a demand's fee back: the case fell by another proof."""

    demand: FaultDemand


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Nothing is left to do."""

    how: Literal["right", "won", "faulty", "final", "too-late"]


Move = Summon | Wait | TimeOutSummons | DemandNode | TimeOutDemand | Prove | Refund | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a move depends on.

    Attributes:
        now: Unix seconds, of the block in which the move would be.
        summon_until: the last second at which the receipt can be summoned.
        me: the challenger's account.
        refunded: places of demands whose fee went back already.
    """

    case: FaultCase
    docket: Docket
    now: int
    summon_until: Seconds
    me: Address
    refunded: frozenset[Place] = frozenset()


def next_move(run: Run, at: Situation) -> Move:
    """What to do now."""
    if at.case.state == "":
        return _without_case(run, at)
    if at.case.state == "faulty":
        return _after_fall(at)
    if at.case.state == "final":
        return End(how="final")
    if at.docket.answer is None:
        return _unanswered(at)
    for demand in at.docket.open_demands():
        if demand.demander == at.me and at.now > demand.deadline:
            return TimeOutDemand(demand=demand)
    return _answered(run, at)


def _without_case(run: Run, at: Situation) -> Move:
    if run.claim is None:
        return End(how="right")
    return Summon(until=at.summon_until) if at.now <= at.summon_until else End(how="too-late")


def _unanswered(at: Situation) -> Move:
    facts = at.docket.facts
    if facts is None:
        return Wait(until=Seconds(at.now), what="the case's events")
    due = Seconds(facts.opened_at + at.case.answer_window)
    return Wait(until=due, what="the trace's root") if at.now <= due else TimeOutSummons()


def _answered(run: Run, at: Situation) -> Move:
    found = show(run, at.docket)
    if found is None:
        return End(how="right")
    if isinstance(found, Proof):
        return Prove(proof=found) if at.now <= at.case.closes_at else _closing(at)
    demand = at.docket.demands.get(found.place)
    if demand is not None:
        if at.now > demand.deadline:
            return TimeOutDemand(demand=demand)  # another's, who gets the reward: the log falls
        what = "a row" if demand.layer == 0 else "hashes of the trace"
        return Wait(until=demand.deadline, what=what)
    answer = at.docket.answer
    assert answer is not None
    last = answer.answered_at + at.case.case_window - at.case.answer_window
    return DemandNode(node=found.node) if at.now <= last else _closing(at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What the walk needs next of the other side's trace."""

    node: Node

    @property
    def place(self) -> Place:
        """The place of a demand for it."""
        return (TreeKind.TRACE, 0, self.node.layer, self.node.index)


def show(run: Run, docket: Docket) -> Proof | Missing | None:
    """What can be proved by what is known, or what is to be demanded; None: nothing is wrong.

    Raises:
        BadAnswer: what is said to be revealed leads to no such node: the RPC lies.
    """
    answer = docket.answer
    assert answer is not None
    if run.claim is not None and run.claim.fault in (Fault.COUNT, Fault.TENSOR):
        return run.claim
    if run.trace is None:  # then the claim says why
        return run.claim
    own, root = run.trace.tree, Digest(bytes(answer.trace))
    if root == own.root:
        return run.claim
    layer, index, digest = len(own.layers) - 1, 0, root
    while layer:
        depth = min(STEP_DOWN, layer)
        below, first = layer - depth, index << depth
        if (below, first) not in docket.nodes:
            return Missing(node=_node(docket, layer, index, digest, len(own.layers) - 1))
        mine, theirs = own.layers[below], docket.nodes
        index_below = next(
            (
                place
                for place in range(first, first + (1 << depth))
                if theirs.get((below, place)) != mine[place].tobytes()
            ),
            None,
        )
        if theirs.get((layer, index)) != digest or (below, index_below) not in theirs:
            raise BadAnswer("hashes that were revealed do not lead to the node above them")
        assert index_below is not None
        layer, index, digest = below, index_below, theirs[below, index_below]
    return _leaf(run, docket, index, digest)


def _leaf(run: Run, docket: Docket, row: int, digest: Digest) -> Proof | Missing:
    trace, program = run.trace, run.program
    assert trace is not None
    if row >= program.trace_rows:
        assert digest != EMPTY
        return Proof(fault=Fault.FILLING, place=row)
    said = docket.rows.get(row)
    if said is None:
        return Missing(node=_node(docket, 0, row, digest, len(trace.tree.layers) - 1))
    if merkle.leaf(said) != digest:
        raise BadAnswer(f"the row {row} that was revealed is not the leaf's")
    right = trace.row(row)
    if len(said) != len(right):
        return Proof(fault=Fault.LENGTH, place=row)
    edge = edge_at(program, row)
    if edge is not None:
        return Proof(fault=Fault.LINK, place=edge[0], element=edge[1])
    size = writer(program, row)[1].size
    at = next(i for i, (a, b) in enumerate(zip(said, right, strict=True)) if a != b)
    return Proof(fault=Fault.STEP, place=row, element=at // size)


def _node(docket: Docket, layer: int, index: int, digest: Digest, height: int) -> Node:
    """A node with its siblings: all of them were revealed on the way down to it."""
    path, at = [], index
    for up in range(layer, height):
        sibling = docket.nodes.get((up, at ^ 1))
        if sibling is None:
            raise BadAnswer("hashes that were revealed lack those beside them")
        path.append(sibling)
        at >>= 1
    return Node(layer=layer, index=index, digest=digest, path=tuple(path))


def _closing(at: Situation) -> Move:
    """No proof and no demand is taken any more; what was demanded may still fall due."""
    waiting = [d for d in at.docket.open_demands() if d.demander == at.me]
    if waiting:
        return Wait(until=waiting[0].deadline, what="the last answers")
    return End(how="final" if at.now > at.case.closes_at else "too-late")


def _after_fall(at: Situation) -> Move:
    for demand in at.docket.open_demands():
        if demand.demander == at.me and demand.place not in at.refunded:
            return Refund(demand=demand)
    fell = at.docket.fell
    if fell is None:  # the state is a block ahead of the events that were read
        return Wait(until=Seconds(at.now), what="the case's events")
    return End(how="won" if fell[0] == at.me else "faulty")
