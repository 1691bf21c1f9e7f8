"""Rules of time at their very second: refused on one side, done on the other.

Each brings about what it needs on a branch, so that none waits for luck.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .acts import evidence
from .stage import LIE, PICK, PROVABLE, UNIT, WHO
from .walks import Walks

LONGER_OR_NOT = st.booleans()


class Edges(Walks):
    """Windows of summonses, answers, demands, proofs and cases."""

    @rule(lie=LIE | st.just(""), early=st.booleans(), asserted=st.booleans())
    def open_at_the_edge(self, lie: str, early: bool, asserted: bool) -> None:
        """A receipt that nobody summoned until then is final from then on.

        One that was posted before the log had longer terms has the court's for ever.
        """
        self.turn()
        with self.branch():
            receipt = self.own_receipt(lie, longer=True, early=early)
            log = self.runs[receipt][0]
            by = log.operator if asserted else self.world.actors["rival"]
            last = self.chain["posted"][receipt][1] + self.terms_of(receipt)[0]
            for late in (1, 0):
                with self.branch():
                    self.at(last + late)
                    value = UNIT if asserted else self.summons_fee(log)
                    assert self.open(receipt, by, value, asserted=asserted) == (not late)

    @rule(lie=LIE, longer=LONGER_OR_NOT, by=WHO)
    def time_out_a_summons(self, lie: str, longer: bool, by: str) -> None:
        """Of a receipt with whatever fault; what is overdue can still be answered."""
        self.turn()
        with self.branch():
            stranger, receipt = self.world.actors["stranger"], self.own_receipt(lie, longer=longer)
            log = self.runs[receipt][0]
            assert self.open(receipt, self.account(by), self.summons_fee(log), asserted=False)
            case = self.chain["cases"][receipt]
            self.at(case["facts"][6] + case["terms"][1])
            assert not self.time_out(receipt, None, stranger)
            with self.branch():
                self.at(self.world.now + 4)
                self.answer(receipt, log.operator)
                assert not self.time_out(receipt, None, stranger)
            assert self.time_out(receipt, None, stranger)
            assert not self.time_out(receipt, None, stranger)
            fee = self.summons_fee(log)
            assert not self.open(receipt, self.account(by), fee, asserted=False), "summoned again"

    @rule(place=PICK, longer=LONGER_OR_NOT, by=WHO)
    def demand_at_the_edge(self, place: int, longer: bool, by: str) -> None:
        """No demand so late that its answer window outlasts the case; one that falls ends it."""
        self.turn()
        with self.branch():
            receipt = self.own_case("all withheld", longer=longer, asserted=bool(place & 1))
            case, stranger = self.chain["cases"][receipt], self.world.actors["stranger"]
            _, window, length = case["terms"]
            last = case["answer"][1] + length - window
            chosen = self.pick(place, self.runs[receipt][2].places)
            with self.branch():
                self.at(last + 1)
                assert not self.demand(receipt, chosen, self.account(by), 0)
            others = [each for each in self.runs[receipt][2].places if each != chosen]
            assert self.demand(receipt, self.pick(place, others), stranger, 3)
            self.at(last)
            assert self.demand(receipt, chosen, self.account(by), 0)
            self.refund(receipt, chosen, stranger)
            self.at(last + window)
            assert not self.time_out(receipt, chosen, stranger)
            assert self.time_out(receipt, chosen, stranger)
            # the other one is not answered any more; its fee goes back, and only now
            other = self.pick(place, others)
            self.reveal(receipt, other, stranger)
            assert other in self.chain["cases"][receipt]["open"]
            self.refund(receipt, other, self.account(by))

    @rule(place=PICK, delay=st.sampled_from([0, 1_000]), longer=LONGER_OR_NOT, by=WHO)
    def answer_when_it_is_over(self, place: int, delay: int, longer: bool, by: str) -> None:
        """A demand that waits keeps a case open; an answer leaves the time to use it."""
        self.turn()
        with self.branch():
            receipt = self.own_case("byte", longer=longer, asserted=bool(place & 1))
            case, stranger = self.chain["cases"][receipt], self.world.actors["stranger"]
            _, window, length = case["terms"]
            chosen = self.pick(place, self.runs[receipt][2].places)
            with self.branch():  # an early one moves nothing
                closes_at = case["closes_at"]
                assert self.demand(receipt, chosen, self.account(by), 0)
                self.reveal(receipt, chosen, self.account(by))
                assert self.chain["cases"][receipt]["closes_at"] == closes_at
            case = self.chain["cases"][receipt]
            self.at(case["answer"][1] + length - window)
            assert self.demand(receipt, chosen, self.account(by), 0)
            self.at(case["closes_at"] + delay - window // 2)
            assert not self.finish(receipt, stranger)
            self.reveal(receipt, chosen, self.account(by))
            assert case["closes_at"] == self.world.now + window
            self.at(case["closes_at"])
            assert not self.finish(receipt, stranger)
            assert self.finish(receipt, stranger)
            assert not self.finish(receipt, stranger)

    @rule(pick=PICK, lie=PROVABLE, longer=LONGER_OR_NOT, by=WHO)
    def prove_at_the_edge(self, pick: int, lie: str, longer: bool, by: str) -> None:
        """At the case's last second, and no later: a case that is here, or one's own."""
        self.turn()
        with self.branch():
            now, account = self.world.now, self.account(by)
            cases = [
                each
                for each in self.cases("open")
                if self.provable(each) and now + 9 < self.chain["cases"][each]["closes_at"]
            ]
            if pick % 3 and cases:
                receipt = self.pick(pick, cases)
            else:
                receipt = self.own_case(lie, longer=longer, asserted=bool(pick & 1))
            proof = self.found(receipt)
            self.commit(receipt, proof, account)
            closes_at = self.chain["cases"][receipt]["closes_at"]
            with self.branch():
                self.at(closes_at + 1)
                assert not self.prove(receipt, proof, account)
            self.at(closes_at)
            assert self.prove(receipt, proof, account)
            self.commit(receipt, proof, account)
            assert not self.prove(receipt, proof, account), "proved once more"

    @rule(lie=PROVABLE, by=WHO, longer=LONGER_OR_NOT)
    def commit_and_prove_at_once(self, lie: str, by: str, longer: bool) -> None:
        """In one block the commitment is too young, and in the next it is not."""
        self.turn()
        with self.branch():
            receipt, claimant = self.own_case(lie, longer=longer), self.account(by)
            proof = self.found(receipt)
            judge, function, arguments = self.shown(receipt, proof)
            made = self.commitment(claimant, evidence(receipt, proof))
            done, proved = self.world.send_together(
                (claimant, self.world.court, "commit", (made,), 0),
                (claimant, getattr(self.world, judge), function, arguments, 0),
            )
            assert done.ok, done.reason
            self.refused(proved, "commitment: not a block old")
            assert self.prove(receipt, proof, claimant)

    @rule(honest=st.booleans(), by=WHO)
    def summon_many(self, honest: bool, by: str) -> None:
        """Each unanswered summons of a log makes the next one dearer, up to sixteen times."""
        self.turn()
        with self.branch():
            log = self.new_log("often summoned", honest=honest)
            receipts = self.sign(log, ["" if honest else "byte"] * 18)
            self.post(log)
            for number, receipt in enumerate(receipts):
                if number in (0, 1, 14, 15, 16):
                    fee = self.summons_fee(log) - 1
                    assert not self.open(receipt, self.account(by), fee, asserted=False)
                assert self.open(receipt, self.account(by), self.summons_fee(log), asserted=False)
            for receipt in receipts[:3]:
                self.answer(receipt, log.operator)
            self.what_holds_holds()

    @rule(amount=st.sampled_from([0, UNIT, UNIT + 1, UNIT + 5, 2 * UNIT]), by=WHO)
    def fall_until_nothing_is_left(self, amount: int, by: str) -> None:
        """A unit each time, then what is left, then the mark alone; also of no bond at all."""
        self.turn()
        with self.branch():
            log = self.new_log("often fallen", honest=False)
            receipts = self.sign(log, ["silence"] * 3)
            self.post(log)
            if amount:
                self.bond(log, amount, longer=False)
            for receipt in receipts:
                assert self.open(receipt, self.account(by), self.summons_fee(log), asserted=False)
            self.at(self.world.now + self.terms_of(receipts[0])[1] + 1)
            for receipt in receipts:
                assert self.time_out(receipt, None, self.world.actors["rival"])
            assert not self.chain["bonds"][log.name]["amount"]

    @rule(longer=LONGER_OR_NOT, by=WHO)
    def hold_a_bond_by_a_case(self, longer: bool, by: str) -> None:
        """A case that outlasts the time of withdrawal: the bond stays until it is finished."""
        self.turn()
        with self.branch():
            receipt, account = self.own_receipt("byte", longer=longer), self.account(by)
            log = self.runs[receipt][0]
            log.wants_revoke = True
            self.revoke_log(log)
            assert self.send(log.operator, "court", "ask_withdrawal", log.signer).ok
            self.chain["bonds"][log.name]["asked_at"] = self.world.now
            free_after = self.view("withdrawable_after", log.signer)
            self.at(self.chain["posted"][receipt][1] + self.terms_of(receipt)[0])
            assert self.open(receipt, account, self.summons_fee(log), asserted=False)
            self.answer(receipt, log.operator)
            case = self.chain["cases"][receipt]
            assert free_after < case["closes_at"]
            self.at(case["closes_at"])
            sent = self.send(log.operator, "court", "withdraw", log.signer)
            self.refused(sent, "bond: case open")
            assert self.finish(receipt, account)
            assert self.send(log.operator, "court", "withdraw", log.signer).ok
            bond = self.chain["bonds"][log.name]
            self.move(log.operator, bond["amount"])
            bond.update(amount=0, asked_at=0)

    @rule(lie=LIE | st.just(""))
    def collect_what_was_not_taken(self, lie: str) -> None:
        """The wallet's own account, once, to whom it says."""
        self.turn()
        with self.branch():
            receipt, wallet = self.own_receipt(lie), self.world.wallet
            log, rival = self.runs[receipt][0], self.world.actors["rival"]
            assert self.open(receipt, rival, self.summons_fee(log), asserted=False)
            self.answer(receipt, wallet)
            amount = self.chain["credits"].pop(wallet)
            sent = self.send(wallet, "court", "collect", wallet)
            self.refused(sent, "bond: payment refused")
            self.refused(self.send(rival, "court", "collect", rival), "bond: no credit")
            assert self.send(wallet, "court", "collect", rival).ok
            self.move(rival, amount)
            self.refused(self.send(wallet, "court", "collect", rival), "bond: no credit")

    def at(self, second: int) -> None:
        """Let the next block be of this second, at the earliest."""
        self.pass_time(second - 1)

    def commitment(self, claimant: bytes, shown: bytes) -> Any:
        """What a claimant commits, by the court's own word."""
        return self.view("commitment", claimant, shown, bytes(32))
