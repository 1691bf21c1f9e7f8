"""What challengers do, and whoever else."""

from __future__ import annotations

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import rule

from .stage import PICK, WHO
from .walks import Walks

EXTRA = st.sampled_from([-1, 0, 0, 7])
"""Wei above the least fee."""


class Challengers(Walks):
    """Several of them, one of whom takes no ether; and a stranger who ends what is over."""

    @rule(pick=PICK, by=WHO, extra=EXTRA)
    def summon(self, pick: int, by: str, extra: int) -> None:
        self.turn()
        if not self.silenced(by):
            receipt = self.pick(pick, self.chain["posted"])
            fee = self.summons_fee(self.runs[receipt][0]) + extra
            self.open(receipt, self.account(by), fee, asserted=False)

    @rule(pick=PICK, place=PICK, by=WHO, extra=EXTRA)
    def demand_anything(self, pick: int, place: int, by: str, extra: int) -> None:
        """Any node of any tree, needed or not."""
        self.turn()
        cases = self.cases("open", "finished", "faulty")
        cases = [each for each in cases if self.chain["cases"][each]["answer"]]
        if cases and not self.silenced(by):
            receipt = self.pick(pick, cases)
            chosen = self.pick(place, self.runs[receipt][2].places)
            self.demand(receipt, chosen, self.account(by), extra)

    @rule(pick=PICK, by=WHO, steps=st.integers(1, 4))
    def walk(self, pick: int, by: str, steps: int) -> None:
        """What a challenger does next, honest receipts included."""
        self.turn()
        if self.silenced(by):
            return
        receipt = self.pick(pick, self.chain["posted"])
        log, _, what = self.runs[receipt]
        if what.lie and receipt not in self.chain["cases"]:  # some show in the trace alone
            self.open(receipt, self.account(by), self.summons_fee(log), asserted=False)
        for _ in range(steps):
            self.step(receipt, self.account(by))

    @rule(pick=PICK, by=WHO)
    def walk_to_the_end(self, pick: int, by: str) -> None:
        """Of a case that can still be brought down."""
        self.turn()
        winnable = [each for each in self.chain["posted"] if self.winnable(each)]
        if winnable:
            with self.branch():
                self.bring_down(self.pick(pick, winnable), self.account(by))

    @rule(pick=PICK)
    def time_anything_out(self, pick: int) -> None:
        """By a stranger, of anything that waits or waited."""
        self.turn()
        waiting = [(each, None) for each in self.chain["cases"]]
        waiting += self.demands("open", "faulty")
        if waiting:
            self.time_out(*self.pick(pick, waiting), self.world.actors["stranger"])

    @rule(pick=PICK, by=WHO)
    def finish_one(self, pick: int, by: str) -> None:
        self.turn()
        cases = self.cases("open", "finished", "faulty")
        cases = [each for each in cases if self.chain["cases"][each]["answer"]]
        if cases and not self.silenced(by):
            self.finish(self.pick(pick, cases), self.account(by))

    @rule(pick=PICK)
    def take_a_fee_back(self, pick: int) -> None:
        self.turn()
        demands = self.demands("open", "faulty")
        if demands:
            self.refund(*self.pick(pick, demands), self.world.actors["stranger"])

    @rule(wei=st.integers(1, 1_000))
    def collect(self, wei: int) -> None:
        """The wallet's credit goes to somebody else; and ether comes that nobody sent."""
        self.turn()
        wallet, stranger = self.world.wallet, self.world.actors["stranger"]
        amount = self.chain["credits"].pop(wallet, 0)
        sent = self.send(wallet, "court", "collect", stranger)
        if self.agrees(sent, {"bond: no credit": not amount}):
            event("a credit collected")
            self.move(stranger, amount)
        self.world.force(stranger, wei)
        self.move(stranger, -wei)
        self.chain["forced"] += wei

    def teardown(self) -> None:
        """At last every lie that can still be brought down is; and what holds, holds."""
        if not hasattr(self, "points"):
            return
        for receipt in list(self.chain["posted"]):
            if self.winnable(receipt):
                event(f"brought down: {self.runs[receipt][2].lie}")
                self.bring_down(receipt, self.world.actors["challenger"])
        self.what_holds_holds()
