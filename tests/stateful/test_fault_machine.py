"""Fault court, clerk, judges and ledger against plain dicts, with a program of 11 or 39 rows.

No honest operator loses, whatever is demanded, proved or repeated against it; whatever a faulty
one tells, a challenger who acts brings its case down in time; nobody's ether is lost. The honest
operator answers as late as it dares. Re-orgs reach back half a minute, and for a minute at a
time nothing that one party sends is mined. Challengers walk and prove by the package's own code.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from counterfoil.chain import Fault, FaultCase
from counterfoil.faults.run import SIDE, Proof
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
from counterfoil.formats.chunks import chunk_count
from counterfoil.hashing.eip712 import word
from counterfoil.hashing.keccak import keccak
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.court_cast import Log, commit
from support.court_world import ANSWER_WINDOW, BURN, CAP, GRACE
from support.fault_cast import LIES, Told, docket, issue, shown, sign_trace, told
from support.fault_world import (
    CASE_WINDOW,
    FIRST_BASE_FEE,
    LEAST_FEE,
    SUMMON_WINDOW,
    fault_world,
)

MARGIN = 120
"""Seconds before a deadline at which the honest operator answers."""

SILENCE = 60
"""Seconds for which nothing that a party sends is mined, at most, once an answer window."""

REORG = 30
"""Seconds that a re-org reaches back, at most."""

ROOM = 10
"""Seconds that a challenger needs between an answer and its next transaction, at most."""

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "slow"

MAX_DELAY = 60
UNIT = 20 * CAP
SALT = bytes(32)
STATES = {0: "", 1: "summoned", 2: "open", 4: "final", 8: "faulty"}

PICK = st.integers(0, 1_000)
WHO = st.sampled_from(["challenger", "rival", "stranger", "wallet"])
WHICH = st.integers(0, 1)
LIE = st.sampled_from(sorted(LIES))


class FaultCourt(RuleBasedStateMachine):
    @initialize(
        lies=st.lists(LIE, min_size=2, max_size=3),
        tall=st.booleans(),
        life=st.sampled_from([2_000, 20_000]),
    )
    def begin(self, lies: list[str], tall: bool, life: int) -> None:
        self.world = fault_world()
        if not hasattr(self.world, "origin"):
            self.world.origin = self.world.mark()
        self.world.back_to(self.world.origin)
        self.logs = [
            Log("honest", True, self.world.actors["honest"]),
            Log("faulty", False, self.world.actors["faulty"]),
        ]
        self.people = [*self.world.actors.values(), self.world.wallet]
        self.begun = {each: self.world.balance(each) for each in [*self.people, BURN]}
        # Every receipt that was ever signed, by digest: its log, number and run.
        self.runs: dict[bytes, tuple[Log, int, Told]] = {}
        self.tall, self.seeds = tall, 0
        self.silent: dict[str, int] = {}
        self.looked_at = b""
        # What the chain holds; a re-org puts an older copy back.
        self.chain: dict[str, Any] = {
            "posted": {},
            "next": Counter(),
            "revoked": {},
            "bonds": {},
            "marks": Counter(),
            "cases": {},
            "got": Counter(),
            "credits": Counter(),
            "held": 0,
            "forced": 0,
            "burnt": 0,
            "ended": {},
        }
        self.points: list[tuple[int, Any, dict[str, Any]]] = []
        for log in self.logs:
            log.sign_opening(self.world, self.world.now + life, MAX_DELAY)
            opening, signature = log.opening
            arguments = log.signer, opening.closes_at, opening.max_delay, signature
            assert self.world.send(log.operator, self.world.ledger, "open_log", *arguments).ok
            value = 3 * UNIT + 7
            sent = self._send(log.operator, "court", "make_bond", log.signer, UNIT, value=value)
            assert sent.ok, sent.reason
            self._move(log.operator, -value)
            self.chain["bonds"][log.name] = {"amount": value, "asked_at": 0}
        self._issue(self.logs[0], ["", ""])
        self._issue(self.logs[1], lies)
        self._turn()

    # ---- what operators do

    @rule(which=WHICH, lies=st.lists(LIE | st.just(""), min_size=1, max_size=2))
    def settle(self, which: int, lies: list[str]) -> None:
        self._turn()
        log = self.logs[which]
        end = self.chain["revoked"].get(log.name, log.opening[0].closes_at)
        if log.name in self.chain["revoked"] or self._silenced(log.name) or self.world.now > end:
            return
        self._post(log)
        self._issue(log, [""] if log.honest else lies)

    @rule(pick=PICK, bond=st.integers(0, 50))
    def give_a_trace_unasked(self, pick: int, bond: int) -> None:
        self._turn()
        receipt = self._pick(pick, self.chain["posted"])
        log, _, what = self.runs[receipt]
        if not self._silenced(log.name) and what.answers:
            self._open(receipt, log.operator, UNIT + bond, asserted=True)

    @rule(pick=PICK, by=WHO)
    def answer(self, pick: int, by: str) -> None:
        """Anybody who has the signature, also when it is overdue."""
        self._turn()
        due = self._cases("summoned")
        if due and self.runs[self._pick(pick, due)][2].answers and not self._silenced(by):
            self._answer(self._pick(pick, due), self._account(by))

    @rule(pick=PICK, by=WHO)
    def reveal(self, pick: int, by: str) -> None:
        self._turn()
        demands = [each for each in self._demands("open") if self._gives(*each)]
        if demands and not self._silenced(by):
            self._reveal(*self._pick(pick, demands), self._account(by))

    @rule(which=WHICH)
    def revoke(self, which: int) -> None:
        self._turn()
        log = self.logs[which]
        if log.name not in self.chain["revoked"] and not self._silenced(log.name):
            log.wants_revoke = True
            self._revoke(log)

    @rule(which=WHICH, value=st.integers(1, 100))
    def add_to_a_bond(self, which: int, value: int) -> None:
        self._turn()
        log, stranger = self.logs[which], self.world.actors["stranger"]
        sent = self._send(stranger, "court", "add_bond", log.signer, value=value)
        assert sent.ok, sent.reason
        self.chain["bonds"][log.name]["amount"] += value
        self._move(stranger, -value)

    @rule(which=WHICH)
    def withdraw(self, which: int) -> None:
        """Not while anything that the log posted can be summoned, or is."""
        self._turn()
        log, bond = self.logs[which], self.chain["bonds"][self.logs[which].name]
        if self._silenced(log.name):
            return
        sent = self._send(log.operator, "court", "ask_withdrawal", log.signer)
        assert sent.ok == (not bond["asked_at"])
        if sent.ok:
            bond["asked_at"] = sent.time
        sent = self._send(log.operator, "court", "withdraw", log.signer)
        end = self.chain["revoked"].get(log.name, log.opening[0].closes_at)
        free_after = max(end + MAX_DELAY + GRACE + SUMMON_WINDOW, bond["asked_at"] + ANSWER_WINDOW)
        assert sent.ok == (sent.time > free_after and not self._holding(log)), sent.reason
        if sent.ok:
            event("a bond withdrawn")
            for receipt, (_, posted_at) in self.chain["posted"].items():
                mine, opened = self.runs[receipt][0] is log, receipt in self.chain["cases"]
                assert not mine or opened or sent.time > posted_at + SUMMON_WINDOW
            self._move(log.operator, bond["amount"])
            bond.update(amount=0, asked_at=0)

    # ---- time

    @rule(seconds=st.sampled_from([1, 20, 60, 90, 150, 250, 700, 2_000]))
    def wait(self, seconds: int) -> None:
        until = self.world.now + seconds
        while (duty := self._next_duty()) is not None and duty < until:
            self.world.now = max(self.world.now, duty)
            self._turn()
        self.world.now = max(self.world.now, until)
        self._turn()

    @rule(
        who=st.sampled_from(["honest", "faulty", "challenger", "rival", "wallet"]),
        seconds=st.integers(1, SILENCE),
    )
    def censor(self, who: str, seconds: int) -> None:
        self._turn()
        if self.world.now > self.silent.get(who, 0) + ANSWER_WINDOW:
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
        self._turn()

    # ---- challengers, and whoever else

    @rule(pick=PICK, by=WHO, extra=st.integers(0, 50))
    def summon(self, pick: int, by: str, extra: int) -> None:
        self._turn()
        if not self._silenced(by):
            receipt = self._pick(pick, self.chain["posted"])
            fee = self._summons_fee(self.runs[receipt][0]) + extra
            self._open(receipt, self._account(by), fee, asserted=False)

    @rule(pick=PICK, place=PICK, by=WHO, extra=st.integers(0, 50))
    def demand(self, pick: int, place: int, by: str, extra: int) -> None:
        """Any node of any tree, needed or not."""
        self._turn()
        cases = self._cases("open", "finished", "faulty")
        if cases and not self._silenced(by):
            receipt = self._pick(pick, cases)
            chosen = self._pick(place, self.runs[receipt][2].places)
            self._demand(receipt, chosen, self._account(by), extra)

    @rule(pick=PICK, by=WHO, steps=st.integers(1, 4))
    def walk(self, pick: int, by: str, steps: int) -> None:
        """What a challenger does next, honest receipts included."""
        self._turn()
        if self._silenced(by):
            return
        receipt = self._pick(pick, self.chain["posted"])
        for _ in range(steps):
            self._step(receipt, self._account(by))

    @rule(pick=PICK, by=WHO)
    def walk_to_the_end(self, pick: int, by: str) -> None:
        """Tried and taken back, of a case that can still be brought down."""
        self._turn()
        winnable = [each for each in self.chain["posted"] if self._winnable(each)]
        if not winnable:
            return
        mark, before = self.world.mark(), copy.deepcopy(self.chain)
        self._bring_down(self._pick(pick, winnable), self._account(by))
        self.world.back_to(mark)
        self.chain = before

    @rule(pick=PICK)
    def time_out(self, pick: int) -> None:
        """By a stranger, of anything that waits."""
        self._turn()
        waiting = [(each, None) for each in self._cases("summoned")] + self._demands("open")
        if waiting:
            self._time_out(*self._pick(pick, waiting), self.world.actors["stranger"])

    @rule(pick=PICK, by=WHO)
    def finish(self, pick: int, by: str) -> None:
        self._turn()
        cases = self._cases("open", "finished", "faulty")
        if not cases or self._silenced(by):
            return
        receipt = self._pick(pick, cases)
        case = self.chain["cases"][receipt]
        sent = self._send(self._account(by), "court", "finish", case["facts"], case["answer"])
        over = case["state"] == "open" and not case["open"] and sent.time > case["closes_at"]
        assert sent.ok == over, sent.reason
        if sent.ok:
            event("a case finished")
            case["state"] = "finished"
            if case["asserted"]:
                self._pay(case["facts"][5], case["facts"][7])

    @rule(pick=PICK)
    def refund(self, pick: int) -> None:
        self._turn()
        demands = self._demands("open", "faulty")
        if demands:
            receipt, place = self._pick(pick, demands)
            self._refund(receipt, place, self.world.actors["stranger"])

    @rule(wei=st.integers(1, 1_000))
    def collect(self, wei: int) -> None:
        """The wallet's credit goes to somebody else; and ether comes that nobody sent."""
        self._turn()
        wallet, stranger = self.world.wallet, self.world.actors["stranger"]
        if amount := self.chain["credits"].pop(wallet, 0):
            event("a credit collected")
            assert self._send(wallet, "court", "collect", stranger).ok
            self._move(stranger, amount)
        self.world.force(stranger, wei)
        self._move(stranger, -wei)
        self.chain["forced"] += wei

    # ---- slander

    @rule(pick=PICK, at=PICK, by=WHO)
    def accuse_the_honest(self, pick: int, at: int, by: str) -> None:
        """Every kind of proof, at any place, of a receipt that is right."""
        self._turn()
        self._assert_one(pick, lambda what: not what.lie)
        right = [each for each in self._cases("open", "finished") if not self.runs[each][2].lie]
        if right:
            receipt = self._pick(pick, right)
            for fault in Fault:
                if fault is not Fault.WITHHELD:
                    proof = _anywhere(self.runs[receipt][2], fault, at)
                    self._refused(receipt, proof, self._shown(receipt, proof), by)

    @rule(pick=PICK, other=PICK, by=WHO, swap=st.integers(0, 3))
    def bend_a_good_proof(self, pick: int, other: int, by: str, swap: int) -> None:
        """Copied by who committed to nothing; of another case's facts, answer, or both."""
        self._turn()
        good = [(each, found) for each in self._cases("open") if (found := self._provable(each))]
        others = self._cases("open", "finished", "faulty")
        if not good:
            return
        receipt, proof = self._pick(pick, good)
        judge, function, arguments = self._shown(receipt, proof)
        if swap == 0:
            thief = self.world.actors["payer"]
            sent = self._send(thief, judge, function, *arguments)
            assert not sent.ok
            late = self.world.now > self.chain["cases"][receipt]["closes_at"]
            assert sent.reason == ("case: proof too late" if late else "commitment: never made")
            return
        victim = self._pick(other, others)
        case = self.chain["cases"][victim]
        facts, answer, *rest = arguments[1:]
        if swap & 1:
            facts = case["facts"]
        if swap & 2:
            answer = case["answer"]
        if victim != receipt and (self.runs[victim][2] is not self.runs[receipt][2]):
            made = judge, function, (arguments[0], facts, answer, *rest)
            self._refused(bytes(facts[0]), proof, made, by)

    @rule(pick=PICK, by=WHO)
    def prove_too_late(self, pick: int, by: str) -> None:
        """What brought a case down once, or would have while there was time; taken back."""
        self._turn()
        self._assert_one(pick, lambda what: what.run.claim is not None)
        cases = [each for each in self.chain["cases"] if self._provable(each)]
        if cases:
            receipt = self._pick(pick, cases)
            proof, case = self._provable(receipt), self.chain["cases"][receipt]
            mark, before = self.world.mark(), copy.deepcopy(self.chain)
            if case["state"] == "open":
                self.world.now = max(self.world.now, case["closes_at"])
            self._refused(receipt, proof, self._shown(receipt, proof), by)
            self.world.back_to(mark)
            self.chain = before

    def _assert_one(self, pick: int, wanted: Callable[[Told], bool]) -> None:
        """A trace given unasked, of a run that is wanted and has no case."""
        for receipt in [*self.chain["posted"]][pick % len(self.chain["posted"]) :]:
            log, _, what = self.runs[receipt]
            in_time = self.world.now < self.chain["posted"][receipt][1] + SUMMON_WINDOW
            if wanted(what) and receipt not in self.chain["cases"] and in_time:
                if what.answers and not self._silenced(log.name):
                    self._open(receipt, log.operator, UNIT, asserted=True)
                return

    def _refused(self, receipt: bytes, proof: Proof, made: Any, by: str) -> None:
        if self._silenced(by):
            return
        judge, function, arguments = made
        assert commit(self.world, self._account(by), _evidence(receipt, proof))
        sent = self._send(self._account(by), judge, function, *arguments)
        assert not sent.ok, f"{function} of a right receipt, or of one that has ended"
        assert "commitment" not in sent.reason, sent.reason

    # ---- what holds after every step

    @invariant()
    def what_holds_holds(self) -> None:
        """Looked at whenever there is another block."""
        if hasattr(self, "points") and self.world.newest[0] != self.looked_at:
            self.looked_at = self.world.newest[0]
            self._ether_is_conserved()
            self._no_honest_operator_loses()
            self._what_has_ended_stays_so()

    def _ether_is_conserved(self) -> None:
        chain = self.chain
        owed = sum(each["amount"] for each in chain["bonds"].values())
        owed += sum(chain["credits"].values()) + chain["forced"]
        for case in chain["cases"].values():
            owed += sum(each[8] for each in case["open"].values())
            if case["state"] == "summoned" or (case["asserted"] and case["state"] == "open"):
                owed += case["facts"][7]
        assert self.world.balance(self.world.court.address) == chain["held"] == owed
        for other in (self.world.clerk, self.world.step_judge, self.world.row_judge):
            assert self.world.balance(other.address) == 0
        assert self.world.balance(BURN) == self.begun[BURN] + chain["burnt"]
        origin = self.world.origin[2]
        for each in self.people:
            change = chain["got"][each] - (self.world.spent[each] - origin[each])
            assert self.world.balance(each) == self.begun[each] + change
        assert self._view("credit", self.world.wallet) == chain["credits"][self.world.wallet]

    def _no_honest_operator_loses(self) -> None:
        for log in self.logs:
            bond = self.chain["bonds"][log.name]
            held = self._holding(log)
            assert self._view("bond", log.signer) == (
                bond["amount"], UNIT, bond["asked_at"], len(held)
            )  # fmt: skip
            marked_at, reason, count = self._view("standing", log.signer)
            assert count == self.chain["marks"][log.name]
            assert not log.honest or (marked_at, reason, count) == (0, 0, 0)

    def _what_has_ended_stays_so(self) -> None:
        _, now = self.world.newest
        for receipt, case in self.chain["cases"].items():
            state, demands, closes_at, stake, asserted, *_ = self._view("case_of", receipt)
            assert STATES[state] == self._state(case, now)
            assert (demands, closes_at, asserted) == (
                len(case["open"]), case["closes_at"], case["asserted"]
            )  # fmt: skip
            assert stake == (case["facts"][7] if asserted else 0)
            ended = self.chain["ended"].get(receipt)
            assert ended in (None, STATES[state])
            if STATES[state] in ("final", "faulty"):
                self.chain["ended"][receipt] = STATES[state]
                assert STATES[state] == "final" or not self.runs[receipt][0].honest

    def teardown(self) -> None:
        """At last every lie that can still be brought down is; and what holds, holds."""
        if not hasattr(self, "points"):
            return
        for receipt in list(self.chain["posted"]):
            if self._winnable(receipt):
                event(f"brought down: {self.runs[receipt][2].lie}")
                self._bring_down(receipt, self.world.actors["challenger"])
        self.what_holds_holds()

    # ---- the challenger, from what it sees alone

    def _situation(self, receipt: bytes, me: bytes) -> Situation:
        case, (_, _, what) = self.chain["cases"].get(receipt), self.runs[receipt]
        now = self.world.now + 1
        state = "" if case is None else self._state(case, now)
        gone = frozenset() if case is None else frozenset(case["refunded"])
        return Situation(
            case=FaultCase(
                state=state,
                open_demands=0 if case is None else len(case["open"]),
                closes_at=0 if case is None else case["closes_at"],
                stake=0,
                asserted=False,
                answer_window=ANSWER_WINDOW,
                case_window=CASE_WINDOW,
            ),
            docket=docket(receipt, what, case),
            now=now,
            summon_until=self.chain["posted"][receipt][1] + SUMMON_WINDOW,
            me=me,
            refunded=gone,
        )

    def _step(self, receipt: bytes, by: bytes) -> Any:
        """One step of the walk, by the package's own rules."""
        log, _, what = self.runs[receipt]
        move = next_move(what.run, self._situation(receipt, by))
        match move:
            case Summon():
                self._open(receipt, by, self._summons_fee(log), asserted=False)
            case TimeOutSummons():
                self._time_out(receipt, None, by)
            case DemandNode(node=node):
                place = (0, 0, node.layer, node.index)
                assert what.node(place) == tuple(node.abi()), "a node of another trace"
                self._demand(receipt, place, by, 0)
            case TimeOutDemand(demand=demand):
                self._time_out(receipt, _place(demand), by)
            case Refund(demand=demand):
                self._refund(receipt, _place(demand), by)
            case Prove(proof=proof):
                self._prove(receipt, proof, by)
        assert what.lie or not isinstance(move, Prove | DemandNode), "a right receipt accused"
        return move

    def _prove(self, receipt: bytes, proof: Proof, by: bytes) -> None:
        lie = self.runs[receipt][2].lie
        assert proof.fault.name == LIES[lie], lie
        judge, function, arguments = self._shown(receipt, proof)
        assert commit(self.world, by, _evidence(receipt, proof))
        sent = self._send(by, judge, function, *arguments)
        closes_at = self.chain["cases"][receipt]["closes_at"]
        assert sent.ok == (sent.time <= closes_at), f"{lie}: {sent.reason}"
        if sent.ok:
            event(f"proved: {lie}")
            self._fall(receipt, by, 0)

    def _winnable(self, receipt: bytes) -> bool:
        """Whether a lie's case falls if a challenger acts from now on, from the times alone."""
        _, _, what = self.runs[receipt]
        case, now = self.chain["cases"].get(receipt), self.world.now
        if not what.lie:
            return False
        if case is None:
            return now + ROOM <= self.chain["posted"][receipt][1] + SUMMON_WINDOW
        if case["state"] != "open":
            return bool(case["state"] == "summoned")
        found = show(what.run, docket(receipt, what, case))
        if isinstance(found, Proof):
            return now + ROOM <= case["closes_at"]
        assert isinstance(found, Missing)
        last = case["answer"][1] + CASE_WINDOW - ANSWER_WINDOW
        demands = 1 + -(-found.node.layer // 5)
        if found.place in case["open"]:
            now, demands = max(now, case["open"][found.place][9]) + ROOM, demands - 1
        return not demands or now + (demands - 1) * (ANSWER_WINDOW + ROOM) + ROOM <= last

    def _bring_down(self, receipt: bytes, by: bytes) -> None:
        """The whole walk, against an operator that answers at the last second, if at all."""
        log, _, what = self.runs[receipt]
        if receipt not in self.chain["cases"]:  # a lie about the trace alone shows when told
            self._open(receipt, by, self._summons_fee(log), asserted=False)
        for _ in range(20):
            move = self._step(receipt, by)
            case = self.chain["cases"][receipt]
            if case["state"] == "faulty":
                assert self._view("case_of", receipt)[0] == 8
                return
            if not isinstance(move, Wait):
                continue
            demand = next((k for k, each in case["open"].items() if each[9] == move.until), None)
            answers = what.answers if case["state"] == "summoned" else what.gives(0, demand[2])
            self.world.now = max(self.world.now, move.until - (1 if answers else 0))
            if answers and case["state"] == "summoned":
                self._answer(receipt, log.operator)
            elif answers:
                self._reveal(receipt, demand, log.operator)
        raise AssertionError(f"a challenger who acted did not bring down: {what.lie}")

    def _provable(self, receipt: bytes) -> Proof | None:
        """What is known to be wrong with a case, whether there is time left or not."""
        _, _, what = self.runs[receipt]
        case = self.chain["cases"][receipt]
        if case["answer"] is None:
            return None
        found = show(what.run, docket(receipt, what, case))
        return found if isinstance(found, Proof) else None

    def _shown(self, receipt: bytes, proof: Proof) -> tuple[str, str, tuple[Any, ...]]:
        _, _, what = self.runs[receipt]
        seen = docket(receipt, what, self.chain["cases"][receipt])
        return shown(self.world, what.run, seen, proof, SALT)

    # ---- the honest operator's duties

    def _turn(self) -> None:
        """Before anything else happens: duties, and a point to which a re-org may lead."""
        for log in self.logs:
            if not self._silenced(log.name):
                self._post(log)
                self._revoke(log)
                if log.honest:
                    self._do_duties(log)
        now = self.world.now
        self.points = [each for each in self.points if now - each[0] <= REORG]
        self.points.append((now, self.world.mark(), copy.deepcopy(self.chain)))

    def _duties(self, log: Log) -> list[tuple[int, bytes, Any]]:
        """When what has to be given out at the latest."""
        found: list[tuple[int, bytes, Any]] = []
        for receipt, case in self.chain["cases"].items():
            if self.runs[receipt][0] is not log:
                continue
            if case["state"] == "summoned":
                found.append((case["facts"][6] + ANSWER_WINDOW, receipt, None))
            if case["state"] == "open":
                found += [(each[9], receipt, place) for place, each in case["open"].items()]
        return found

    def _next_duty(self) -> int | None:
        times = [
            max(deadline - MARGIN, self.silent.get(log.name, 0))
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
                self._answer(receipt, log.operator)
            else:
                self._reveal(receipt, place, log.operator)
            assert self.world.now <= deadline, "the honest operator was too late"

    def _post(self, log: Log) -> None:
        """Batches that are not on the chain, for the first time or again."""
        for index, cut in enumerate(log.cut):
            if cut.batch.first < self.chain["next"][log.name]:
                continue
            payer = self.world.actors["payer"]
            revoked = log.name in self.chain["revoked"]
            sent = self.world.send(
                log.operator if revoked else payer,
                self.world.ledger,
                "post_batch",
                cut.batch.abi(),
                b"" if revoked else cut.signature,
            )
            assert sent.ok, sent.reason
            self.chain["next"][log.name] = cut.batch.first + cut.batch.size
            for digest in cut.digests:
                self.chain["posted"][digest] = index, sent.time

    def _issue(self, log: Log, lies: list[str]) -> None:
        digests = []
        for lie in lies:
            self.seeds += 1
            what = told(lie, self.tall, self.seeds % 16)
            signed = issue(log, self.world, what)
            self.runs[signed.digest] = log, signed.receipt.sequence, what
            digests.append(signed.digest)
        log.cut_batch(self.world, digests)
        self._post(log)

    def _revoke(self, log: Log) -> None:
        if log.wants_revoke and log.name not in self.chain["revoked"]:
            sent = self.world.send(log.operator, self.world.ledger, "revoke_log", log.signer)
            if sent.ok:
                self.chain["revoked"][log.name] = sent.time
            else:
                log.wants_revoke = False

    # ---- the court, and its model

    def _open(self, receipt: bytes, by: bytes, value: int, *, asserted: bool) -> None:
        """Summon, or assert."""
        log, number, what = self.runs[receipt]
        index, posted_at = self.chain["posted"][receipt]
        arguments = [
            self.world.court.address,
            log.signed[number].receipt.abi(),
            log.cut[index].inclusion(number, posted_at),
            what.program,
            what.sets,
            *what.first_chunks,
        ]
        if asserted:
            arguments += [what.root, self._signature(log, receipt, what.root)]
        name = "assert_receipt" if asserted else "summon"
        sent = self._send(by, "clerk", name, *arguments, value=value)
        assert sent.ok == (
            receipt not in self.chain["cases"] and sent.time <= posted_at + SUMMON_WINDOW
        ), sent.reason
        if not sent.ok:
            return
        event("asserted" if asserted else "summoned")
        self._move(by, -value)
        facts = (
            receipt, log.signer, number, what.program, what.sets_hash, by, sent.time, value,
            asserted,
        )  # fmt: skip
        self.chain["cases"][receipt] = {
            "facts": facts,
            "answer": (what.root, sent.time) if asserted else None,
            "asserted": asserted,
            "state": "open" if asserted else "summoned",
            "closes_at": sent.time + CASE_WINDOW if asserted else 0,
            "open": {},
            "given": {},
            "refunded": [],
        }

    def _answer(self, receipt: bytes, by: bytes) -> None:
        log, _, what = self.runs[receipt]
        case = self.chain["cases"][receipt]
        signature = self._signature(log, receipt, what.root)
        by = by if signature else log.operator
        sent = self._send(by, "court", "answer", case["facts"], what.root, signature)
        assert sent.ok, sent.reason
        case.update(state="open", answer=(what.root, sent.time), closes_at=sent.time + CASE_WINDOW)
        self._pay(by, case["facts"][7])

    def _demand(self, receipt: bytes, place: Any, by: bytes, extra: int) -> None:
        tree, position, layer, _ = place
        case, (_, _, what) = self.chain["cases"][receipt], self.runs[receipt]
        gas = 80_000 + 40 * 4_096 if tree == 0 and layer == 0 else 90_000
        fee, node = 4 * gas * FIRST_BASE_FEE + extra, what.node(place)
        arguments = [self.world.court.address, case["facts"], case["answer"]]
        side, name = (tree - 1) % 2, "demand_rows"
        if tree:
            name, arguments = "demand_tensors", [*arguments, what.sets, side]
        if tree >= 3:
            name = "demand_chunks"
            tensor = what.tensor(side, position), what.set_path(side, position)
            arguments = [*arguments, position, *tensor]
        sent = self._send(by, "clerk", name, *arguments, node, value=fee)
        last = case["answer"][1] + CASE_WINDOW - ANSWER_WINDOW
        assert sent.ok == (
            case["state"] == "open"
            and sent.time <= last
            and place not in case["open"]
            and place not in case["given"]
        ), sent.reason
        if sent.ok:
            event(f"demanded: {name}, {'a preimage' if layer == 0 else 'hashes'}")
            count = len(what.below(place)) if layer else 0
            deadline = sent.time + ANSWER_WINDOW
            case["open"][place] = (receipt, *place, node[2], count, by, fee, deadline)
            self._move(by, -fee)

    def _reveal(self, receipt: bytes, place: Any, by: bytes) -> None:
        tree, _, layer, index = place
        case, (_, _, what) = self.chain["cases"][receipt], self.runs[receipt]
        demand = case["open"][place]
        fee = back = demand[8]
        if layer:
            name, content = "reveal_nodes", what.below(place)
        elif tree:
            name, content = "reveal_tensors", what.tensor(tree - 1, index)
        else:
            name, content = "reveal_rows", what.rows[index]
            gas = 80_000 + 40 * len(content)
            fee = max(LEAST_FEE, demand[8] * gas // (80_000 + 40 * 4_096))
        sent = self._send(by, "court", name, [(demand, content)])
        assert sent.ok, sent.reason
        del case["open"][place]
        case["given"][place] = demand, content
        case["closes_at"] = max(case["closes_at"], sent.time + ANSWER_WINDOW)
        self._pay(by, fee)
        self._pay(demand[7], back - fee)

    def _time_out(self, receipt: bytes, place: Any, by: bytes) -> None:
        case = self.chain["cases"][receipt]
        if place is None:
            due, fee = case["facts"][6] + ANSWER_WINDOW, case["facts"][7]
            gets = case["facts"][5]
            sent = self._send(by, "court", "time_out_summons", case["facts"])
        else:
            demand = case["open"][place]
            due, fee, gets = demand[9], demand[8], demand[7]
            both = case["facts"], case["answer"]
            sent = self._send(by, "court", "time_out_demand", *both, demand)
        assert sent.ok == (sent.time > due), sent.reason
        if sent.ok:
            event("timed out")
            if place is not None:
                del case["open"][place]
                case["refunded"].append(place)
            self._fall(receipt, gets, fee)

    def _refund(self, receipt: bytes, place: Any, by: bytes) -> None:
        case = self.chain["cases"][receipt]
        demand = case["open"][place]
        sent = self._send(by, "court", "refund", demand)
        assert sent.ok == (case["state"] == "faulty"), sent.reason
        if sent.ok:
            event("refunded")
            del case["open"][place]
            case["refunded"].append(place)
            self._pay(demand[7], demand[8])

    def _fall(self, receipt: bytes, prover: bytes, fee: int) -> None:
        """A unit of the log's bond, and an assertion's: part to the prover, the rest burnt."""
        log, case = self.runs[receipt][0], self.chain["cases"][receipt]
        bond = self.chain["bonds"][log.name]
        assert case["state"] in ("summoned", "open")
        case["state"] = "faulty"
        self.chain["marks"][log.name] += 1
        taken = min(bond["amount"], UNIT)
        bond["amount"] -= taken
        for part in (taken, case["facts"][7] if case["asserted"] else 0):
            reward = min(part // 2, CAP)
            self.chain["held"] -= part - reward
            self.chain["burnt"] += part - reward
            fee += reward
        self._pay(prover, fee)

    # ---- small things

    def _pick(self, pick: int, of: Any) -> Any:
        return list(of)[pick % len(of)]

    def _account(self, name: str) -> bytes:
        return self.world.wallet if name == "wallet" else self.world.actors[name]

    def _silenced(self, name: str) -> bool:
        return self.world.now <= self.silent.get(name, 0)

    def _state(self, case: dict[str, Any], now: int) -> str:
        """As views have it, at a time."""
        if case["state"] == "finished":
            return "final"
        over = case["state"] == "open" and not case["open"] and now > case["closes_at"]
        return "final" if over else case["state"]

    def _cases(self, *states: str) -> list[bytes]:
        return [key for key, each in self.chain["cases"].items() if each["state"] in states]

    def _demands(self, *states: str) -> list[tuple[bytes, Any]]:
        """Receipts and places of demands that nobody answered."""
        cases = self.chain["cases"]
        return [(key, place) for key in self._cases(*states) for place in cases[key]["open"]]

    def _gives(self, receipt: bytes, place: Any) -> bool:
        return self.runs[receipt][2].gives(place[0], place[2])

    def _holding(self, log: Log) -> list[bytes]:
        """Cases that hold the log's bond."""
        cases = self.chain["cases"]
        return [
            each
            for each in self._cases("summoned", "open")
            if self.runs[each][0] is log and not cases[each]["asserted"]
        ]

    def _summons_fee(self, log: Log) -> int:
        waiting = sum(self.runs[each][0] is log for each in self._cases("summoned"))
        return min(16, 1 + waiting) * 4 * 120_000 * FIRST_BASE_FEE

    def _signature(self, log: Log, receipt: bytes, root: bytes) -> bytes:
        revoked = log.name in self.chain["revoked"]
        return b"" if revoked else sign_trace(log, self.world, receipt, root)

    def _send(self, sender: bytes, to: str, function: str, *arguments: Any, value: int = 0) -> Any:
        contract = getattr(self.world, to)
        return self.world.send(sender, contract, function, *arguments, value=value)

    def _view(self, function: str, *arguments: Any) -> Any:
        return self.world.view(self.world.court, function, *arguments)

    def _move(self, account: bytes, wei: int) -> None:
        """Wei from the court to an account, or back. The wallet pays with the stranger's."""
        if account == self.world.wallet:
            account = self.world.actors["stranger"]
        self.chain["got"][account] += wei
        self.chain["held"] -= wei

    def _pay(self, account: bytes, wei: int) -> None:
        if account != self.world.wallet:
            self._move(account, wei)
        elif wei:
            self.chain["credits"][account] += wei


def _place(demand: Any) -> tuple[int, int, int, int]:
    tree, *rest = demand.place
    return (int(tree), *rest)


def _evidence(receipt: bytes, proof: Proof) -> bytes:
    return keccak(receipt + word(proof.fault) + word(proof.place) + word(proof.element))


def _anywhere(what: Told, fault: Fault, at: int) -> Proof:
    """A proof of a kind at one of its places."""
    program = what.run.program
    if fault is Fault.STEP:
        o = program.operators[at % len(program.operators)]
        k = at % o.count
        return Proof(fault=fault, place=o.out + k // o.width, element=k % o.width)
    if fault is Fault.FILLING:
        filling = len(what.rows) - program.trace_rows
        return Proof(fault=fault, place=program.trace_rows + at % filling)
    if fault is Fault.LENGTH:
        return Proof(fault=fault, place=at % program.trace_rows)
    side = at % 2
    edges = (program.inputs, program.outputs)[side]
    position = at % len(edges)
    if fault is Fault.COUNT:
        return Proof(fault=fault, place=side)
    place = side * SIDE + position
    if fault is Fault.TENSOR:
        return Proof(fault=fault, place=place)
    return Proof(fault=fault, place=place, element=at % chunk_count(edges[position].length))


TestFaultCourt = FaultCourt.TestCase
TestFaultCourt.settings = settings(
    max_examples=150 if LONG else 12,
    stateful_step_count=60 if LONG else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
