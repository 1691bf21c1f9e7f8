"""What the fault court's machine stands on: the world, its actors, and the chain as plain dicts."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from support.court_cast import Log
from support.court_world import ANSWER_WINDOW, BURN, CAP
from support.fault_cast import LIES, Told, issue, sign_trace, told
from support.fault_world import CASE_WINDOW, LEAST_FEE, SUMMON_WINDOW, FaultWorld, fault_world

MAX_DELAY = 60
UNIT = 20 * CAP
STATES = {0: "", 1: "summoned", 2: "open", 4: "final", 8: "faulty"}
WITHHELD, FAULT = 8, 16
"""Offences, as standings have them."""

FLOORS = SUMMON_WINDOW, ANSWER_WINDOW, CASE_WINDOW
LONGER = 1_300, 260, 2_400
"""Summon, answer and case window, in seconds: the court's, and a log's own."""

PICK = st.integers(0, 1_000)
WHO = st.sampled_from(["challenger", "rival", "stranger", "wallet"])
WHICH = st.integers(0, 1)
LIE = st.sampled_from(sorted(LIES))
PROVABLE = st.sampled_from(sorted(lie for lie, shown in LIES.items() if shown))


class Stage(RuleBasedStateMachine):
    """State and small things. The rules are in the classes that follow."""

    def set_up(self, tall: bool) -> None:
        """A chain with nothing but the contracts on it."""
        self.world: FaultWorld = fault_world()
        if not hasattr(self.world, "origin"):
            self.world.origin = self.world.mark()
        self.origin = self.world.origin
        self.world.back_to(self.origin)
        self.people = [*self.world.actors.values(), self.world.wallet]
        self.begun = {each: self.world.balance(each) for each in [*self.people, BURN]}
        self.logs: list[Log] = []
        # Every receipt that was ever signed, by digest: its log, number and run.
        self.runs: dict[bytes, tuple[Log, int, Told]] = {}
        self.tall, self.seeds = tall, 0
        self.silent: dict[str, int] = {}
        self.looked_at, self.finals = b"", dict[bytes, bool]()
        # What the chain holds; a re-org puts an older copy back.
        self.chain: dict[str, Any] = {
            "posted": {},
            "next": Counter(),
            "revoked": {},
            "bonds": {},
            "terms": {},
            "standings": {},
            "cases": {},
            "got": Counter(),
            "credits": Counter(),
            "held": 0,
            "forced": 0,
            "burnt": 0,
            "ended": {},
        }
        self.points: list[tuple[int, Any, dict[str, Any]]] = []

    @contextmanager
    def branch(self) -> Iterator[None]:
        """What follows holds as everything does, and is taken back."""
        kept = self.world.mark(), copy.deepcopy(self.chain), self.points, self.logs, self.silent
        self.points, self.logs, self.silent = [], list(self.logs), {}
        yield
        self.what_holds_holds()
        mark, self.chain, self.points, self.logs, self.silent = kept
        self.world.back_to(mark)

    def what_holds_holds(self) -> None:
        """The invariants; they are said elsewhere."""
        raise NotImplementedError

    def agrees(self, sent: Any, broken: dict[str, bool]) -> bool:
        """Whether it was done; refused it must be for a rule that it breaks, else done."""
        reasons = {reason for reason, breaks in broken.items() if breaks}
        assert sent.ok == (not reasons), (sent.reason, reasons)
        assert sent.ok or sent.reason in reasons, (sent.reason, reasons)
        return bool(sent.ok)

    def refused(self, sent: Any, *reasons: str) -> None:
        """Refused, and for this."""
        assert not sent.ok, f"done, and should be refused: {reasons}"
        assert sent.reason in reasons, (sent.reason, reasons)

    # ---- logs

    def new_log(self, name: str, *, honest: bool, life: int = 5_000) -> Log:
        """A log that is open, of the honest operator or of the faulty one."""
        log = Log(name, honest, self.world.actors["honest" if honest else "faulty"])
        self.logs.append(log)
        log.sign_opening(self.world, self.world.now + life, MAX_DELAY)
        opening, signature = log.opening
        arguments = log.signer, opening.closes_at, opening.max_delay, signature
        assert self.world.send(log.operator, self.world.ledger, "open_log", *arguments).ok
        self.chain["bonds"][log.name] = {"amount": 0, "unit": 0, "asked_at": 0}
        return log

    def bond(self, log: Log, amount: int, *, longer: bool) -> None:
        """With terms of its own, where they are longer."""
        arguments = (log.signer, UNIT, *([LONGER] if longer else []))
        name = "make_bond_with_terms" if longer else "make_bond"
        sent = self.send(log.operator, "court", name, *arguments, value=amount)
        assert sent.ok, sent.reason
        self.move(log.operator, -amount)
        self.chain["bonds"][log.name].update(amount=amount, unit=UNIT)
        if longer:
            self.chain["terms"][log.name] = sent.time, LONGER

    def sign(self, log: Log, lies: list[str]) -> list[bytes]:
        """A batch of receipts, not posted."""
        digests = []
        for lie in lies:
            self.seeds += 1
            what = told(lie, self.tall, self.seeds % 16)
            signed = issue(log, self.world, what)
            self.runs[signed.digest] = log, signed.receipt.sequence, what
            digests.append(signed.digest)
        log.cut_batch(self.world, digests)
        return digests

    def post(self, log: Log) -> None:
        """Batches that are not on the chain, for the first time or again."""
        for index, cut in enumerate(log.cut):
            if cut.batch.first < self.chain["next"][log.name]:
                continue
            revoked = log.name in self.chain["revoked"]
            sent = self.world.send(
                log.operator if revoked else self.world.actors["payer"],
                self.world.ledger,
                "post_batch",
                cut.batch.abi(),
                b"" if revoked else cut.signature,
            )
            assert sent.ok, sent.reason
            self.chain["next"][log.name] = cut.batch.first + cut.batch.size
            for digest in cut.digests:
                self.chain["posted"][digest] = index, sent.time

    def revoke_log(self, log: Log) -> None:
        """As the operator wants it, for the first time or again."""
        if log.wants_revoke and log.name not in self.chain["revoked"]:
            sent = self.world.send(log.operator, self.world.ledger, "revoke_log", log.signer)
            if sent.ok:
                self.chain["revoked"][log.name] = sent.time
            else:
                log.wants_revoke = False

    def end_of(self, log: Log) -> int:
        """The last second at which a log's receipts can be issued."""
        closes_at = log.opening[0].closes_at
        return int(min(closes_at, self.chain["revoked"].get(log.name, closes_at)))

    def terms_of(self, receipt: bytes) -> tuple[int, int, int]:
        """Those at which the receipt was posted."""
        since, terms = self.chain["terms"].get(self.runs[receipt][0].name, (0, FLOORS))
        return terms if self.chain["posted"][receipt][1] >= since else FLOORS

    def signature(self, log: Log, receipt: bytes, root: bytes) -> bytes:
        """Under a trace; empty once the log is revoked."""
        revoked = log.name in self.chain["revoked"]
        return b"" if revoked else sign_trace(log, self.world, receipt, root)

    # ---- cases

    def cases(self, *states: str) -> list[bytes]:
        """Receipts of those in a state, as transactions left it."""
        return [key for key, each in self.chain["cases"].items() if each["state"] in states]

    def demands(self, *states: str) -> list[tuple[bytes, Any]]:
        """Receipts and places of demands that nobody answered."""
        cases = self.chain["cases"]
        return [(key, place) for key in self.cases(*states) for place in cases[key]["open"]]

    def holding(self, log: Log) -> list[bytes]:
        """Cases that hold the log's bond."""
        cases = self.chain["cases"]
        return [
            each
            for each in self.cases("summoned", "open")
            if self.runs[each][0] is log and not cases[each]["asserted"]
        ]

    def state_at(self, case: dict[str, Any], now: int) -> str:
        """As views have it, at a time."""
        if case["state"] == "finished":
            return "final"
        over = case["state"] == "open" and not case["open"] and now > case["closes_at"]
        return "final" if over else str(case["state"])

    def gives(self, receipt: bytes, place: Any) -> bool:
        """Whether the operator has what is demanded, and gives it."""
        return self.runs[receipt][2].gives(place[0], place[2])

    def summons_fee(self, log: Log) -> int:
        """The least in the next block."""
        waiting = sum(self.runs[each][0] is log for each in self.cases("summoned"))
        return min(16, 1 + waiting) * max(LEAST_FEE, 4 * 120_000 * self.world.base_fee)

    def demand_fee(self, place: Any) -> int:
        """The least in the next block."""
        row = place[0] == 0 and place[2] == 0
        gas = 80_000 + 40 * 4_096 if row else 90_000
        return max(LEAST_FEE, 4 * gas * self.world.base_fee)

    # ---- small things

    def pick(self, pick: int, of: Any) -> Any:
        """One of them."""
        return list(of)[pick % len(of)]

    def account(self, name: str) -> bytes:
        """A role's."""
        return self.world.wallet if name == "wallet" else self.world.actors[name]

    def silenced(self, name: str) -> bool:
        """Whether nothing that a party sends is mined now."""
        return self.world.now <= self.silent.get(name, 0)

    def send(self, sender: bytes, to: str, function: str, *arguments: Any, value: int = 0) -> Any:
        """To one of the world's contracts."""
        contract = getattr(self.world, to)
        return self.world.send(sender, contract, function, *arguments, value=value)

    def view(self, function: str, *arguments: Any) -> Any:
        """Of the court."""
        return self.world.view(self.world.court, function, *arguments)

    def move(self, account: bytes, wei: int) -> None:
        """Wei from the court to an account, or back. The wallet pays with the stranger's."""
        if account == self.world.wallet:
            account = self.world.actors["stranger"]
        self.chain["got"][account] += wei
        self.chain["held"] -= wei

    def pay(self, account: bytes, wei: int) -> None:
        """The wallet takes none: it is kept for it."""
        if account != self.world.wallet:
            self.move(account, wei)
        elif wei:
            self.chain["credits"][account] += wei
