"""What operators do, and time and the chain to everybody."""

from __future__ import annotations

import copy

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from support.court_cast import Log
from support.court_world import GRACE

from .stage import FLOORS, LIE, LONGER, MAX_DELAY, PICK, UNIT, WHICH, WHO
from .walks import REORG, Walks

SILENCE = 60
"""Seconds for which nothing that a party sends is mined, at most, once an answer window."""


class Operators(Walks):
    """An honest operator and a faulty one, a log each."""

    @initialize(
        lies=st.lists(LIE, min_size=2, max_size=3),
        tall=st.booleans(),
        life=st.sampled_from([2_000, 20_000]),
        longer=st.tuples(st.booleans(), st.booleans()),
        amount=st.sampled_from([UNIT + 5, 3 * UNIT + 7]),
    )
    def begin(
        self, lies: list[str], tall: bool, life: int, longer: tuple[bool, bool], amount: int
    ) -> None:
        """Two logs with receipts from before their bonds, whose terms do not reach those."""
        self.set_up(tall)
        for name, first, own in zip(("honest", "faulty"), (["", ""], lies), longer, strict=True):
            log = self.new_log(name, honest=name == "honest", life=life)
            self.sign(log, first)
            self.post(log)
            self.bond(log, amount, longer=own)
        self.turn()

    @rule(which=WHICH, lies=st.lists(LIE | st.just(""), min_size=1, max_size=2))
    def settle(self, which: int, lies: list[str]) -> None:
        self.turn()
        log = self.logs[which]
        if self.silenced(log.name) or self.world.now > self.end_of(log):
            return
        if log.name not in self.chain["revoked"]:
            self.sign(log, [""] if log.honest else lies)
            self.post(log)

    @rule(pick=PICK, bond=st.sampled_from([-1, 0, 50]))
    def give_a_trace_unasked(self, pick: int, bond: int) -> None:
        self.turn()
        receipt = self.pick(pick, self.chain["posted"])
        log, _, what = self.runs[receipt]
        if not self.silenced(log.name) and what.answers:
            self.open(receipt, log.operator, UNIT + bond, asserted=True)

    @rule(pick=PICK, by=WHO)
    def give_the_answer(self, pick: int, by: str) -> None:
        """Anybody who has the signature, also when it is overdue, also once more."""
        self.turn()
        cases = [each for each in self.chain["cases"] if self.runs[each][2].answers]
        if cases and not self.silenced(by):
            self.answer(self.pick(pick, cases), self.account(by))

    @rule(pick=PICK, by=WHO)
    def give_what_is_demanded(self, pick: int, by: str) -> None:
        """In time or not, and what was given before."""
        self.turn()
        demands = [each for each in self.demands("open", "faulty") if self.gives(*each)]
        cases = self.chain["cases"]
        demands += [(each, place) for each in cases for place in cases[each]["given"]]
        if demands and not self.silenced(by):
            self.reveal(*self.pick(pick, demands), self.account(by))

    @rule(which=WHICH)
    def revoke(self, which: int) -> None:
        self.turn()
        log = self.logs[which]
        if log.name not in self.chain["revoked"] and not self.silenced(log.name):
            log.wants_revoke = True
            self.revoke_log(log)

    @rule(which=WHICH, value=st.integers(1, 100))
    def add_to_a_bond(self, which: int, value: int) -> None:
        self.turn()
        log, stranger = self.logs[which], self.world.actors["stranger"]
        sent = self.send(stranger, "court", "add_bond", log.signer, value=value)
        assert sent.ok, sent.reason
        self.chain["bonds"][log.name]["amount"] += value
        self.move(stranger, -value)

    @rule(which=WHICH)
    def withdraw(self, which: int) -> None:
        """Not while anything that the log posted can be summoned, or is: not a second earlier."""
        self.turn()
        log = self.logs[which]
        if self.silenced(log.name):
            return
        bond = self.chain["bonds"][log.name]
        sent = self.send(log.operator, "court", "ask_withdrawal", log.signer)
        if self.agrees(sent, {"bond: withdrawal already asked": bool(bond["asked_at"])}):
            bond["asked_at"] = sent.time
        _, (summon_window, _, _) = self.chain["terms"].get(log.name, (0, FLOORS))
        free_after = summon_window - FLOORS[0] + max(
            self.end_of(log) + MAX_DELAY + GRACE + FLOORS[0], bond["asked_at"] + FLOORS[1]
        )  # fmt: skip
        assert self.view("withdrawable_after", log.signer) == free_after
        with self.branch():
            self.pass_time(free_after - 1)
            if self.world.now < free_after:
                assert not self._withdraw(log, free_after)
            self._withdraw(log, free_after)
        self._withdraw(log, free_after)

    def _withdraw(self, log: Log, free_after: int) -> bool:
        bond = self.chain["bonds"][log.name]
        sent = self.send(log.operator, "court", "withdraw", log.signer)
        broken = {
            "fault: withdrawal too early": sent.time <= free_after,
            "bond: case open": bool(self.holding(log)),
        }
        if not self.agrees(sent, broken):
            return False
        event("a bond withdrawn")
        for receipt, (_, posted_at) in self.chain["posted"].items():
            mine, opened = self.runs[receipt][0] is log, receipt in self.chain["cases"]
            assert not mine or opened or sent.time > posted_at + self.terms_of(receipt)[0]
        self.move(log.operator, bond["amount"])
        bond.update(amount=0, asked_at=0)
        return True

    # ---- time

    @rule(seconds=st.sampled_from([1, 20, 60, 90, 150, 250, 700, 2_000]))
    def wait(self, seconds: int) -> None:
        self.pass_time(self.world.now + seconds)
        self.turn()

    @rule(
        who=st.sampled_from(["honest", "faulty", "challenger", "rival", "wallet"]),
        seconds=st.integers(1, SILENCE),
    )
    def censor(self, who: str, seconds: int) -> None:
        self.turn()
        if self.world.now > self.silent.get(who, 0) + LONGER[1]:
            event(f"censored: {who}")
            self.silent[who] = self.world.now + seconds

    @rule(pick=PICK)
    def reorg(self, pick: int) -> None:
        """The newest blocks are gone and so is what they did; the time is not."""
        points = [each for each in self.points if self.world.now - each[0] <= REORG]
        if not points:
            return
        event("a re-org")
        _, mark, chain = points[pick % len(points)]
        self.world.back_to(mark, keep_time=True)
        self.chain, self.points = copy.deepcopy(chain), []
        self.turn()
