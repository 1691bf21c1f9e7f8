"""Proofs that are none, not the sender's, or of another case: each refused for what it is."""

from __future__ import annotations

from typing import Any

from counterfoil.chain import Fault, TreeKind, place_word
from counterfoil.faults.run import SIDE, Proof
from counterfoil.formats.chunks import chunk_count
from hypothesis import strategies as st
from hypothesis.stateful import rule
from support.fault_cast import Told

from .acts import evidence
from .stage import PICK, PROVABLE, UNIT, WHO
from .walks import Walks

RIGHT = {
    Fault.STEP: "step: the step is right",
    Fault.LINK: "link: the chunk is the row",
    Fault.TENSOR: "tensor: it is the edge's",
    Fault.COUNT: "count: it is the header's",
    Fault.LENGTH: "length: it is the row's",
    Fault.FILLING: "filling: the leaf is empty",
}
OTHER = "case: other facts or answer"
NOT_THE_TRACES = "step: rows not the trace's", "rows: not the trace's"

FIELDS = {
    "signer": 1, "sequence": 2, "program": 3, "sets": 4, "openedBy": 5, "openedAt": 6,
    "stake": 7, "asserted": 8, "trace": 9, "answeredAt": 10,
}  # fmt: skip
"""Of facts, and behind them of answers."""


class Slander(Walks):
    """What challengers try against the honest operator, and against each other."""

    @rule(pick=PICK, at=PICK, by=WHO)
    def accuse_who_is_right(self, pick: int, at: int, by: str) -> None:
        """Every kind of proof, at any place."""
        self.turn()
        with self.branch():
            receipt = self._right_case(pick)
            for fault, reason in RIGHT.items():
                proof = _anywhere(self.runs[receipt][2], fault, at)
                self.commit(receipt, proof, self.account(by))
                judge, function, arguments = self.shown(receipt, proof)
                self.refused(self.send(self.account(by), judge, function, *arguments), reason)

    @rule(pick=PICK, lie=PROVABLE, by=WHO, swap=st.sampled_from(["facts", "answer", "both"]))
    def accuse_by_anothers_case(self, pick: int, lie: str, by: str, swap: str) -> None:
        """A good proof, shown with facts or answer, or both, of a case that is right."""
        self.turn()
        with self.branch():
            victim, receipt = self._right_case(pick), self.own_case(lie)
            proof = self.found(receipt)
            judge, function, arguments = self.shown(receipt, proof)
            court, facts, answer, *rest = arguments
            case = self.chain["cases"][victim]
            of_trace = proof.fault in (Fault.STEP, Fault.LENGTH, Fault.FILLING)
            reasons: tuple[str, ...] = (OTHER,)
            if swap == "facts":
                facts = case["facts"]
                reasons += () if of_trace else ("rows: sets not the case's",)
            elif swap == "answer":
                answer, reasons = case["answer"], (OTHER, *NOT_THE_TRACES)
            else:
                facts, answer = case["facts"], case["answer"]
                reasons = ("rows: sets not the case's", *NOT_THE_TRACES, *RIGHT.values())
            self.commit(bytes(facts[0]), proof, self.account(by))
            sent = self.send(self.account(by), judge, function, court, facts, answer, *rest)
            self.refused(sent, *reasons)

    @rule(lie=PROVABLE, field=st.sampled_from(sorted(FIELDS)), by=WHO)
    def change_what_a_case_is(self, lie: str, field: str, by: str) -> None:
        """Another log is named, or another account, or more wei: by nothing that takes facts."""
        self.turn()
        with self.branch():
            account = self.account(by)
            waiting = self.own_receipt(lie)
            log = self.runs[waiting][0]
            self.open(waiting, account, self.summons_fee(log), asserted=False)
            if FIELDS[field] < 9:
                facts, _ = self._changed(waiting, field, by)
                what = self.runs[waiting][2]
                signature = self.signature(log, waiting, what.root)
                arguments = facts, what.root, signature
                self.refused(self.send(account, "court", "answer", *arguments), "case: other facts")
                sent = self.send(account, "court", "time_out_summons", facts)
                self.refused(sent, "case: other facts")

            receipt = self.own_case(lie, asserted=False)
            proof = self.found(receipt)
            given = self.chain["cases"][receipt]["given"]
            place = next(each for each in self.runs[receipt][2].places if each not in given)
            facts, answer = self._changed(receipt, field, by)
            name, (court, _, _, *rest) = self.demanding(receipt, place)
            fee = self.demand_fee(place)
            sent = self.send(account, "clerk", name, court, facts, answer, *rest, value=fee)
            elsewhere = OTHER, "clerk: other tensor sets", "layer: not under the root"
            self.refused(sent, *(elsewhere if field in ("sets", "trace", "program") else (OTHER,)))
            assert self.demand(receipt, place, account, 0)
            demand = self.chain["cases"][receipt]["open"][place]
            sent = self.send(account, "court", "time_out_demand", facts, answer, demand)
            self.refused(sent, OTHER)
            self.refused(self.send(account, "court", "finish", facts, answer), OTHER)
            if field in ("program", "sets", "trace"):
                return
            self.commit(receipt, proof, account)
            judge, function, (court, _, _, *rest) = self.shown(receipt, proof)
            sent = self.send(account, judge, function, court, facts, answer, *rest)
            self.refused(sent, OTHER)
            assert self.prove(receipt, proof, account)

    @rule(lie=PROVABLE, by=WHO)
    def copy_a_proof(self, lie: str, by: str) -> None:
        """Whoever sees one cannot send it: not without a commitment, nor with another's."""
        self.turn()
        with self.branch():
            receipt, payer = self.own_case(lie), self.world.actors["payer"]
            proof = self.found(receipt)
            self.commit(receipt, proof, self.account(by))
            judge, function, arguments = self.shown(receipt, proof)
            sent = self.send(payer, judge, function, *arguments)
            self.refused(sent, "commitment: never made")
            other = Proof(fault=proof.fault, place=proof.place, element=proof.element + 1)
            self.commit(receipt, other, payer)
            sent = self.send(payer, judge, function, *arguments)
            self.refused(sent, "commitment: never made")
            made = self.view("commitment", self.account(by), evidence(receipt, proof), bytes(32))
            self.refused(self.send(payer, "court", "commit", made), "commitment: already made")
            assert self.prove(receipt, proof, self.account(by))
            assert self.view("committed_at", made) == 0

    @rule(lie=PROVABLE, by=st.sampled_from(["challenger", "stranger", "faulty", "payer"]))
    def go_past_clerk_and_judges(self, lie: str, by: str) -> None:
        """What only they may tell the court, told by whoever."""
        self.turn()
        with self.branch():
            account, receipt = self.account(by), self.own_receipt(lie)
            log, number, what = self.runs[receipt]
            posted_at, now = self.chain["posted"][receipt][1], self.world.now
            facts = (
                receipt, log.signer, number, what.program, what.sets_hash, account, now, UNIT,
                False,
            )  # fmt: skip
            call = account, "court", "enter_summons", facts, what.sets, posted_at
            self.refused(self.send(*call, value=UNIT), "fault: not the clerk")
            signed = what.root, self.signature(log, receipt, what.root)
            call = account, "court", "enter_assertion", facts, what.sets, posted_at, *signed
            self.refused(self.send(*call, value=UNIT), "fault: not the clerk")

            receipt = self.own_case(lie)
            proof, case = self.found(receipt), self.chain["cases"][receipt]
            both = case["facts"], case["answer"]
            place = place_word((TreeKind.INPUTS, 0, 0, 0))
            demand = (receipt, place, bytes(32), 0, account, UNIT, 0)
            sent = self.send(account, "court", "enter_demand", *both, demand, value=UNIT)
            self.refused(sent, "fault: not the clerk")
            self.commit(receipt, proof, account)
            shown = int(proof.fault), proof.place, proof.element, bytes(32)
            sent = self.send(account, "court", "convict", *both, account, *shown)
            self.refused(sent, "fault: not a judge")
            assert self.prove(receipt, proof, account)

    @rule(pick=PICK, by=WHO)
    def time_out_by_anothers_demand(self, pick: int, by: str) -> None:
        """What a faulty operator owes takes nothing of who owes nothing."""
        self.turn()
        with self.branch():
            receipt, account = self.own_case("all withheld"), self.account(by)
            place = self.pick(pick, self.runs[receipt][2].places)
            assert self.demand(receipt, place, account, 0)
            demand = self.chain["cases"][receipt]["open"][place]
            self.pass_time(demand[6])
            case = self.chain["cases"][self._right_case(pick)]
            both = case["facts"], case["answer"]
            sent = self.send(account, "court", "time_out_demand", *both, demand)
            self.refused(sent, "fault: demand of another case")
            assert self.time_out(receipt, place, account)

    # ---- what they do it to

    def _right_case(self, pick: int) -> bytes:
        """An open case of a receipt that is right: one that is here, or one's own."""
        here = [each for each in self.cases("open") if not self.runs[each][2].lie]
        here = [
            each for each in here if self.world.now + 60 < self.chain["cases"][each]["closes_at"]
        ]
        if here and pick % 3:
            return bytes(self.pick(pick, here))
        return self.own_case("", longer=bool(pick & 2), asserted=bool(pick & 1))

    def _changed(self, receipt: bytes, field: str, by: str) -> tuple[Any, Any]:
        """A case's facts and answer, with one field another."""
        case, place = self.chain["cases"][receipt], FIELDS[field]
        both = [*case["facts"], *(case["answer"] or ())]
        root, rows, trace_rows = both[3]
        if isinstance(both[place], int):
            both[place] += 1
        both[place] = {
            "signer": self.logs[0].signer,
            "program": (root, rows + 1, trace_rows),
            "sets": bytes(32),
            "openedBy": self.world.actors["payer"],
            "asserted": not case["asserted"],
            "trace": bytes(32),
        }.get(field, both[place])
        return tuple(both[:9]), tuple(both[9:])


def _anywhere(what: Told, fault: Fault, at: int) -> Proof:
    """A proof of a kind at one of its places."""
    program = what.run.program
    if fault is Fault.STEP:
        o = program.operators[at % len(program.operators)]
        k = at // len(program.operators) % o.count
        return Proof(fault=fault, place=o.out + k // o.width, element=k % o.width)
    if fault is Fault.FILLING:
        filling = len(what.rows) - program.trace_rows
        return Proof(fault=fault, place=program.trace_rows + at % filling)
    if fault is Fault.LENGTH:
        return Proof(fault=fault, place=at % program.trace_rows)
    side = at % 2
    edges = (program.inputs, program.outputs)[side]
    position = at // 2 % len(edges)
    if fault is Fault.COUNT:
        return Proof(fault=fault, place=side)
    place = side * SIDE + position
    if fault is Fault.TENSOR:
        return Proof(fault=fault, place=place)
    return Proof(fault=fault, place=place, element=at % chunk_count(edges[position].length))
