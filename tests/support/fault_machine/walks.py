"""The honest operator's duties, and a challenger's walk by the package's own rules."""

from __future__ import annotations

import copy
from typing import Any

from counterfoil.chain import FaultCase
from counterfoil.faults.run import Proof
from counterfoil.faults.walk import (
    DemandNode,
    Missing,
    Prove,
    Refund,
    Situation,
    Summon,
    TimeOutDemand,
    TimeOutSummons,
    Wait,
    next_move,
    show,
)
from support.court_cast import Log
from support.fault_cast import docket

from .acts import Acts
from .stage import UNIT

MARGIN = 120
"""Seconds before a deadline at which the honest operator answers."""

REORG = 30
"""Seconds that a re-org reaches back, at most."""

ROOM = 10
"""Seconds that a challenger needs between an answer and its next transaction, at most."""


class Walks(Acts):
    """What everybody has in mind while the rules happen."""

    # ---- the honest operator's duties

    def turn(self) -> None:
        """Before anything else happens: duties, and a point to which a re-org may lead."""
        for log in self.logs:
            if not self.silenced(log.name):
                self.post(log)
                self.revoke_log(log)
                if log.honest:
                    self._do_duties(log)
        now = self.world.now
        self.points = [each for each in self.points if now - each[0] <= REORG]
        self.points.append((now, self.world.mark(), copy.deepcopy(self.chain)))

    def pass_time(self, until: int) -> None:
        """With what the honest operator has to do meanwhile, as late as it dares."""
        while (duty := self._next_duty()) is not None and duty < until:
            self.world.now = max(self.world.now, duty)
            self.turn()
        self.world.now = max(self.world.now, until)

    def _duties(self, log: Log) -> list[tuple[int, bytes, Any]]:
        """When what has to be given out at the latest."""
        found: list[tuple[int, bytes, Any]] = []
        for receipt, case in self.chain["cases"].items():
            if self.runs[receipt][0] is not log:
                continue
            if case["state"] == "summoned":
                found.append((case["facts"][6] + case["terms"][1], receipt, None))
            if case["state"] == "open":
                found += [(each[6], receipt, place) for place, each in case["open"].items()]
        return found

    def _next_duty(self) -> int | None:
        times = [
            max(deadline - MARGIN, self.silent.get(log.name, 0) + 1)
            for log in self.logs
            if log.honest
            for deadline, _, _ in self._duties(log)
        ]
        return min(times, default=None)

    def _do_duties(self, log: Log) -> None:
        for deadline, receipt, place in self._duties(log):
            if deadline - MARGIN > self.world.now:
                continue
            if place is None:
                self.answer(receipt, log.operator)
            else:
                self.reveal(receipt, place, log.operator)
            assert self.world.now <= deadline, "the honest operator was too late"

    # ---- the challenger, from what it sees alone

    def _situation(self, receipt: bytes, me: bytes) -> Situation:
        case, (_, _, what) = self.chain["cases"].get(receipt), self.runs[receipt]
        now, terms = self.world.now + 1, self.terms_of(receipt)
        gone = frozenset() if case is None else frozenset(case["refunded"])
        return Situation(
            case=FaultCase(
                state="" if case is None else self.state_at(case, now),
                open_demands=0 if case is None else len(case["open"]),
                closes_at=0 if case is None else case["closes_at"],
                stake=0,
                asserted=False,
                answer_window=terms[1],
                case_window=terms[2],
            ),
            docket=docket(receipt, what, case),
            now=now,
            summon_until=self.chain["posted"][receipt][1] + terms[0],
            me=me,
            refunded=gone,
        )

    def step(self, receipt: bytes, by: bytes) -> Any:
        """One step of the walk."""
        log, _, what = self.runs[receipt]
        move = next_move(what.run, self._situation(receipt, by))
        assert what.lie or not isinstance(move, Prove | DemandNode), "a right receipt accused"
        match move:
            case Summon():
                self.open(receipt, by, self.summons_fee(log), asserted=False)
            case TimeOutSummons():
                self.time_out(receipt, None, by)
            case DemandNode(node=node):
                place = (0, 0, node.layer, node.index)
                assert what.node(place) == tuple(node.abi()), "a node of another trace"
                self.demand(receipt, place, by, 0)
            case TimeOutDemand(demand=demand):
                self.time_out(receipt, _place(demand), by)
            case Refund(demand=demand):
                self.refund(receipt, _place(demand), by)
            case Prove(proof=proof):
                self.commit(receipt, proof, by)
                self.prove(receipt, proof, by)
        return move

    def winnable(self, receipt: bytes) -> bool:
        """Whether a lie's case falls if a challenger acts from now on, from the times alone."""
        _, _, what = self.runs[receipt]
        case, now, terms = self.chain["cases"].get(receipt), self.world.now, self.terms_of(receipt)
        if not what.lie:
            return False
        if case is None:
            return bool(now + ROOM <= self.chain["posted"][receipt][1] + terms[0])
        if case["state"] != "open":
            return bool(case["state"] == "summoned")
        found = show(what.run, docket(receipt, what, case))
        if isinstance(found, Proof):
            return bool(now + ROOM <= case["closes_at"])
        assert isinstance(found, Missing)
        last = case["answer"][1] + terms[2] - terms[1]
        demands = 1 + -(-found.node.layer // 5)
        if found.place in case["open"]:
            now, demands = max(now, case["open"][found.place][6]) + ROOM, demands - 1
        return bool(not demands or now + (demands - 1) * (terms[1] + ROOM) + ROOM <= last)

    def bring_down(self, receipt: bytes, by: bytes) -> None:
        """The whole walk, against an operator that answers at the last second, if at all."""
        log, _, what = self.runs[receipt]
        if receipt not in self.chain["cases"]:  # a lie about the trace alone shows when told
            self.open(receipt, by, self.summons_fee(log), asserted=False)
        for _ in range(20):
            move = self.step(receipt, by)
            case = self.chain["cases"][receipt]
            if case["state"] == "faulty":
                assert self.view("case_of", receipt)[0] == 8
                return
            if not isinstance(move, Wait):
                continue
            demand = next((k for k, each in case["open"].items() if each[6] == move.until), None)
            answers = what.answers if case["state"] == "summoned" else what.gives(0, demand[2])
            self.world.now = max(self.world.now, move.until - (1 if answers else 0))
            if answers and case["state"] == "summoned":
                self.answer(receipt, log.operator)
            elif answers:
                self.reveal(receipt, demand, log.operator)
        raise AssertionError(f"a challenger who acted did not bring down: {what.lie}")

    def provable(self, receipt: bytes) -> Proof | None:
        """What is known to be wrong with a case, whether there is time left or not."""
        _, _, what = self.runs[receipt]
        case = self.chain["cases"][receipt]
        if case["answer"] is None:
            return None
        found = show(what.run, docket(receipt, what, case))
        return found if isinstance(found, Proof) else None

    # ---- what a rule needs and does not wait for

    def own_receipt(self, lie: str, *, longer: bool = False, early: bool = False) -> bytes:
        """Just posted, of a log just opened: honest where there is no lie. In a branch alone.

        Early: before there was a bond, and terms of the log's own.
        """
        log = self.new_log(f"another {len(self.logs)}", honest=not lie)
        (receipt,) = self.sign(log, [lie])
        if early:
            self.post(log)
        self.bond(log, 2 * UNIT + 5, longer=longer)
        self.post(log)
        return receipt

    def own_case(self, lie: str, *, longer: bool = False, asserted: bool = True) -> bytes:
        """Likewise, answered; summoned by the challenger, or asserted by the operator."""
        receipt = self.own_receipt(lie, longer=longer)
        log, challenger = self.runs[receipt][0], self.world.actors["challenger"]
        if asserted:
            assert self.open(receipt, log.operator, UNIT + 7, asserted=True)
        else:
            assert self.open(receipt, challenger, self.summons_fee(log), asserted=False)
            self.answer(receipt, log.operator)
        return receipt

    def found(self, receipt: bytes) -> Proof:
        """What shows the lie of an open case, with everything revealed that it needs."""
        log, rival = self.runs[receipt][0], self.world.actors["rival"]
        for _ in range(20):
            if proof := self.provable(receipt):
                return proof
            for place in list(self.chain["cases"][receipt]["open"]):
                self.reveal(receipt, place, log.operator)
            if not self.provable(receipt):
                self.step(receipt, rival)
        raise AssertionError("a lie that nothing shows")


def _place(demand: Any) -> tuple[int, int, int, int]:
    tree, *rest = demand.place
    return (int(tree), *rest)
