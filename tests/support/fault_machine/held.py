"""What holds after every step."""

from __future__ import annotations

from hypothesis.stateful import invariant
from support.court_world import BURN

from .stage import STATES, Stage


class Held(Stage):
    """Looked at whenever there is another block."""

    @invariant()
    def what_holds_holds(self) -> None:
        if hasattr(self, "points") and self.world.newest[0] != self.looked_at:
            self.looked_at = self.world.newest[0]
            self._ether_is_conserved()
            self._no_honest_operator_loses()
            self._what_has_ended_stays_so()
            self._final_is_what_nobody_can_bring_down()

    def _ether_is_conserved(self) -> None:
        chain = self.chain
        owed = sum(each["amount"] for each in chain["bonds"].values())
        owed += sum(chain["credits"].values()) + chain["forced"]
        for case in chain["cases"].values():
            owed += sum(each[5] for each in case["open"].values())
            if case["state"] == "summoned" or (case["asserted"] and case["state"] == "open"):
                owed += case["facts"][7]
        assert self.world.balance(self.world.court.address) == chain["held"] == owed
        for other in (self.world.clerk, self.world.step_judge, self.world.row_judge):
            assert self.world.balance(other.address) == 0
        assert self.world.balance(BURN) == self.begun[BURN] + chain["burnt"]
        spent = self.origin[2]
        for each in self.people:
            change = chain["got"][each] - (self.world.spent[each] - spent[each])
            assert self.world.balance(each) == self.begun[each] + change
        assert self.view("credit", self.world.wallet) == chain["credits"][self.world.wallet]

    def _no_honest_operator_loses(self) -> None:
        _, now = self.world.newest
        for log in self.logs:
            bond = self.chain["bonds"][log.name]
            held = self.holding(log)
            assert self.view("bond", log.signer) == (
                bond["amount"], bond["unit"], bond["asked_at"], len(held)
            )  # fmt: skip
            standing = self.chain["standings"].get(log.name, (0, 0, 0))
            assert self.view("standing", log.signer) == tuple(standing)
            assert self.view("clean_at", log.signer, now) == (not standing[2])
            assert not log.honest or not standing[2]

    def _what_has_ended_stays_so(self) -> None:
        _, now = self.world.newest
        for receipt, case in self.chain["cases"].items():
            state, demands, closes_at, stake, asserted, *windows = self.view("case_of", receipt)
            assert STATES[state] == self.state_at(case, now)
            assert (demands, closes_at, asserted) == (
                len(case["open"]), case["closes_at"], case["asserted"]
            )  # fmt: skip
            assert tuple(windows) == case["terms"][1:]
            assert stake == (case["facts"][7] if asserted else 0)
            ended = self.chain["ended"].get(receipt)
            assert ended in (None, STATES[state])
            if STATES[state] in ("final", "faulty"):
                self.chain["ended"][receipt] = STATES[state]
                assert STATES[state] == "final" or not self.runs[receipt][0].honest

    def _final_is_what_nobody_can_bring_down(self) -> None:
        """Of receipts of which it has changed, and of one more at a time."""
        _, now = self.world.newest
        finals = {receipt: self._is_final(receipt, now) for receipt in self.chain["posted"]}
        one_more = list(finals)[now % len(finals)]
        for receipt, final in finals.items():
            if receipt == one_more or final != self.finals.get(receipt, False):
                log, number, _ = self.runs[receipt]
                index, posted_at = self.chain["posted"][receipt]
                inclusion = log.cut[index].inclusion(number, posted_at)
                said = self.view("is_final", log.signed[number].receipt.abi(), inclusion)
                assert said == final
        self.finals = finals

    def _is_final(self, receipt: bytes, now: int) -> bool:
        case = self.chain["cases"].get(receipt)
        if case is None:
            return bool(now > self.chain["posted"][receipt][1] + self.terms_of(receipt)[0])
        return self.state_at(case, now) == "final"
