"""A court on paper: a case whose operator has any trace it likes, without a chain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from counterfoil.chain import Answer, Facts, Fault, FaultCase, FaultDemand, Node, TreeKind
from counterfoil.faults.docket import STEP_DOWN, Docket
from counterfoil.faults.run import Run
from counterfoil.faults.walk import DemandNode, Situation, next_move
from counterfoil.formats.set_opening import SetOpening
from counterfoil.hashing import merkle
from counterfoil.hashing.merkle import Tree
from counterfoil.programs import ExactProgram, Executor
from counterfoil.programs.program import filled

CHALLENGER = "0x00000000000000000000000000000000000000C1"
STRANGER = "0x00000000000000000000000000000000000000D2"
OPERATOR_KEY = "0x00000000000000000000000000000000000000E3"
RECEIPT = bytes([9]) * 32
OPENED, R, C, SUMMON_UNTIL = 1000, 100, 800, 1500


def tree_of(rows: list[bytes]) -> Tree:
    leaves = np.frombuffer(b"".join(merkle.leaf(row) for row in rows), np.uint8)
    return Tree(filled(leaves.reshape(-1, 32)))


def run_of(program: ExactProgram, inputs, outputs=None) -> Run:
    """The holder's run, with honest outputs unless others are given."""
    executor = Executor(program)
    outputs = executor.run(inputs) if outputs is None else outputs
    return Run(
        executor,
        SetOpening(master=bytes([1]) * 32, tensors=tuple(inputs)),
        SetOpening(master=bytes([2]) * 32, tensors=tuple(outputs)),
    )


@dataclass
class Paper:
    """One case. `rows` is the operator's trace, `tree` what it committed to."""

    run: Run
    rows: list[bytes]
    tree: Tree | None = None
    now: int = OPENED + 1
    state: str = ""
    docket: Docket = field(default_factory=lambda: Docket(receipt=RECEIPT))
    demands: int = 0
    refunded: frozenset = frozenset()

    def __post_init__(self) -> None:
        self.tree = self.tree or tree_of(self.rows)

    def summon(self) -> None:
        self.state = "summoned"
        self.docket.facts = Facts(
            receipt=RECEIPT,
            signer=OPERATOR_KEY,
            sequence=0,
            program=(bytes(32), 1, 1),
            sets=bytes(32),
            opened_by=CHALLENGER,
            opened_at=OPENED,
            stake=1,
            asserted=False,
        )

    def answer(self) -> None:
        self.state = "open"
        self.docket.answer = Answer(trace=self.tree.root, answered_at=self.now)
        self.docket.closes_at = self.now + C

    def situation(self) -> Situation:
        return Situation(
            case=FaultCase(
                state=self.state,
                open_demands=len(self.docket.open_demands()),
                closes_at=self.docket.closes_at,
                stake=0,
                asserted=False,
                answer_window=R,
                case_window=C,
            ),
            docket=self.docket,
            now=self.now,
            summon_until=SUMMON_UNTIL,
            me=CHALLENGER,
            refunded=self.refunded,
        )

    def move(self):
        return next_move(self.run, self.situation())

    def demand(self, node: Node, by: str = CHALLENGER) -> FaultDemand:
        """What `demand_rows` checks, and notes."""
        height = len(self.tree.layers) - 1
        assert node.layer == 0 or (height - node.layer) % STEP_DOWN == 0
        value, at = node.digest, node.index
        assert len(node.path) == height - node.layer
        for sibling in node.path:
            value = merkle.node(sibling, value) if at & 1 else merkle.node(value, sibling)
            at >>= 1
        assert value == self.docket.answer.trace
        made = FaultDemand(
            receipt=RECEIPT,
            tree=TreeKind.TRACE,
            position=0,
            layer=node.layer,
            index=node.index,
            digest=node.digest,
            count=1 << min(STEP_DOWN, node.layer) if node.layer else 0,
            demander=by,
            fee=1,
            deadline=self.now + R,
        )
        assert made.place not in self.docket.demands
        self.docket.demands[made.place] = made
        self.demands += 1
        return made

    def reveal(self, demand: FaultDemand) -> None:
        self.docket.answered.add(demand.place)
        if demand.layer == 0:
            self.docket.rows[demand.index] = self.rows[demand.index]
            return
        depth = min(STEP_DOWN, demand.layer)
        below = self.tree.layers[demand.layer - depth]
        first = demand.index << depth
        hashes = [below[n].tobytes() for n in range(first, first + (1 << depth))]
        self.docket.reveal(demand.layer, demand.index, hashes)

    def walk(self):
        """Open, answer, and give out whatever is demanded, until something else is to be done."""
        if self.docket.facts is None:
            self.summon()
        self.answer()
        while isinstance(move := self.move(), DemandNode):
            self.reveal(self.demand(move.node))
        return move


__all__ = ["Fault", "Paper", "run_of", "tree_of"]
