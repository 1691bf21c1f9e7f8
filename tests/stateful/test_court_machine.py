"""Ledger and court against plain dicts: nobody's ether is lost, no honest log is marked, and
every offence inside its time can be proved.

The honest operator acts as late as it dares: a minute before a promise is due, or a demand's
deadline. Re-orgs reach back half a minute; its memory is its journal, so it posts again what
they undid. The faulty operator does what it likes with its key.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from typing import Any

from counterfoil.hashing.keccak import keccak
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from support.court_cast import Cut, Log, Signed, commit, due
from support.court_world import ANSWER_WINDOW, BURN, CAP, CLAIM_WINDOW, GRACE, world

MARGIN = 60
"""Seconds before a deadline at which the honest operator acts."""

REORG = 30
"""Seconds that a re-org reaches back, at most."""

EDGE = 10
"""Seconds before the end of an offence's time in which it is not asked to be provable."""

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "slow"

TRIES = 1_000 if LONG else 2
"""Offences that are proved and taken back after a step, at most."""

HONEST, FAULTY = st.integers(0, 1), st.integers(2, 3)
ANY = st.integers(0, 3)
LATE, CONFLICT, DOUBLE_SIGN, WITHHELD = 1, 2, 4, 8
SALT = bytes(32)


class Court(RuleBasedStateMachine):
    @initialize(
        lives=st.tuples(*4 * [st.integers(300, 5_000)]),
        delay=st.sampled_from([60, 300]),
        unit=st.sampled_from([60, 67, 500, 1_000]),
    )
    def begin(self, lives: tuple[int, ...], delay: int, unit: int) -> None:
        self.world = world()
        if not hasattr(self.world, "origin"):
            self.world.origin = self.world.mark()
        self.world.back_to(self.world.origin)
        actors = self.world.actors
        self.logs = [
            Log("honest one", True, actors["honest"]),
            Log("honest two", True, actors["honest"]),
            Log("faulty one", False, actors["faulty"]),
            Log("faulty two", False, actors["faulty"]),
        ]
        self.people = [*actors.values(), self.world.wallet]
        self.begun = {each: self.world.balance(each) for each in [*self.people, BURN]}
        # What the chain holds; a re-org puts an older copy back.
        self.chain: dict[str, Any] = {
            "logs": {},
            "bonds": {},
            "demands": {},
            "proved": {},
            "got": Counter(),
            "credits": Counter(),
            "held": 0,
            "burnt": 0,
        }
        self.points: list[tuple[int, Any, dict[str, Any]]] = []
        self.tries = 0
        for index, (log, life) in enumerate(zip(self.logs, lives, strict=True)):
            log.sign_opening(self.world, self.world.now + life, delay)
            self._open(log)
            if index % 2 == 0:
                self._make_bond(index, unit, 2)

    # ---- what operators do

    def _make_bond(self, which: int, unit: int, units: int) -> None:
        self._turn()
        log, value = self.logs[which], unit * units + unit // 2
        sent = self._send(log.operator, "make_bond", log.signer, unit, value=value)
        assert sent.ok == (log.name in self.chain["logs"] and log.name not in self.chain["bonds"])
        if sent.ok:
            self.chain["bonds"][log.name] = {"amount": value, "unit": unit, "asked_at": 0}
            self._move(log.operator, -value)

    @rule(which=ANY, value=st.integers(1, 100))
    def bond(self, which: int, value: int) -> None:
        """Made where there is none, else added to, by a stranger."""
        if self.logs[which].name not in self.chain["bonds"]:
            self._make_bond(which, 20 * CAP + 3 * value, 1 + value % 4)
            return
        self._turn()
        stranger = self.world.actors["stranger"]
        sent = self._send(stranger, "add_bond", self.logs[which].signer, value=value)
        assert sent.ok, sent.reason
        self.chain["bonds"][self.logs[which].name]["amount"] += value
        self._move(stranger, -value)

    def _ask(self, which: int) -> None:
        log, bond = self.logs[which], self.chain["bonds"].get(self.logs[which].name)
        sent = self._send(log.operator, "ask_withdrawal", log.signer)
        assert sent.ok == (bond is not None and not bond["asked_at"])
        if sent.ok:
            bond["asked_at"] = sent.time

    @rule(which=ANY)
    def withdraw(self, which: int) -> None:
        self._turn()
        self._ask(which)
        log, bond = self.logs[which], self.chain["bonds"].get(self.logs[which].name)
        sent = self._send(log.operator, "withdraw", log.signer)
        if bond is None or not bond["asked_at"]:
            assert not sent.ok
            return
        free_after = max(
            self._end(log) + GRACE + CLAIM_WINDOW + ANSWER_WINDOW, bond["asked_at"] + ANSWER_WINDOW
        )
        assert sent.ok == (sent.time > free_after and not self._open_demands(log)), sent.reason
        if sent.ok:
            event("a bond withdrawn")
            self._move(log.operator, bond["amount"])
            bond.update(amount=0, asked_at=0)

    @rule(which=ANY, many=st.integers(1, 3), promise=st.integers(0, 300))
    def issue(self, which: int, many: int, promise: int) -> None:
        """Both kinds sign what an honest sealer would."""
        self._turn()
        log = self.logs[which]
        on_chain = self.chain["logs"].get(log.name)
        now = self.world.now + 1
        if on_chain and on_chain["opened_at"] <= now <= self._stops(log):
            promise = min(promise, on_chain["max_delay"])
        else:
            promise = 0
        for _ in range(many):
            log.issue(self.world, log.next_number, now, now + promise if promise else 0)

    @rule(
        which=FAULTY, back=st.integers(0, 2), ago=st.integers(-5, 500), promise=st.integers(0, 700)
    )
    def misissue(self, which: int, back: int, ago: int, promise: int) -> None:
        """A number anew, at any time, with any promise."""
        self._turn()
        log, issued_at = self.logs[which], self.world.now - ago
        number = max(0, log.next_number - back)
        log.issue(self.world, number, issued_at, issued_at + promise if promise else 0)

    @rule(
        which=FAULTY, promise=st.integers(1, 300), past=st.integers(0, 500), settles=st.booleans()
    )
    def break_a_promise(self, which: int, promise: int, past: int, settles: bool) -> None:
        self.issue(which, 2, promise)
        self.wait(promise + GRACE + past)
        if settles:
            self._settle(self.logs[which])

    @rule(which=ANY, pick=st.integers(0, 1_000), wallet=st.booleans())
    def let_a_demand_lapse(self, which: int, pick: int, wallet: bool) -> None:
        self._settle(self.logs[which])
        self.demand(which, pick, 0, wallet)
        self.wait(ANSWER_WINDOW)

    @rule(which=ANY)
    def settle(self, which: int) -> None:
        self._turn()
        self._settle(self.logs[which])

    @rule(which=FAULTY, swapped=st.integers(0, 3), many=st.integers(1, 4))
    def settle_something_else(self, which: int, swapped: int, many: int) -> None:
        """A batch with a leaf that nobody was given."""
        self._turn()
        log = self.logs[which]
        if self._behind(log):
            return
        digests = self._pending(log)[:many] or [keccak(b"nothing")]
        digests[swapped % len(digests)] = keccak(b"something else")
        log.cut_batch(self.world, digests)
        self._post_what_was_cut(log)

    @rule(which=ANY, at_once=st.booleans())
    def end(self, which: int, at_once: bool) -> None:
        self._turn()
        log = self.logs[which]
        log.wants_revoke |= at_once
        log.wants_close |= not at_once
        self._revoke(log) if at_once else self._close(log)

    # ---- time

    @rule(seconds=st.sampled_from([1, 20, 60, 150, 250, 300, 700, 2_000]))
    def wait(self, seconds: int) -> None:
        until = self.world.now + seconds
        while (duty := self._next_duty()) is not None and duty < until:
            self.world.now = max(self.world.now, duty)
            self._turn()
        self.world.now = max(self.world.now, until)
        self._turn()

    @precondition(lambda self: self.points)
    @rule(which=st.integers(0, 100))
    def reorg(self, which: int) -> None:
        """The newest blocks are gone and so is what they did; the time is not."""
        points = [each for each in self.points if self.world.now - each[0] <= REORG]
        if not points:
            return
        event("a re-org")
        _, mark, chain = points[which % len(points)]
        self.world.back_to(mark, keep_time=True)
        self.chain, self.points = copy.deepcopy(chain), []
        for log in self.logs:
            if log.honest:
                self._repeat(log)

    # ---- proofs

    @rule(pick=st.integers(0, 1_000), wallet=st.booleans())
    def prove(self, pick: int, wallet: bool) -> None:
        """An offence for good; by a wallet that takes no ether, perhaps."""
        self._turn()
        offences = self._offences()
        if offences:
            offence = offences[pick % len(offences)]
            claimant = self.world.wallet if wallet else self.world.actors["claimant"]
            event(f"proved: {offence[0]}")
            self._prove(offence, claimant)

    @rule(which=HONEST, promise=st.integers(1, 300))
    def slander_at_the_last_moment(self, which: int, promise: int) -> None:
        """Just before the honest operator does what it must."""
        self.issue(which, 1, promise)
        self.world.now = max(self.world.now, self._next_duty() or 0)
        self._slander(self.logs[which], -1)

    @rule(which=HONEST, pick=st.integers(0, 1_000))
    def slander(self, which: int, pick: int) -> None:
        self._turn()
        self._slander(self.logs[which], pick)

    def _slander(self, log: Log, pick: int) -> None:
        """Everything that can be said of an honest receipt is refused."""
        if not log.signed:
            return
        signed, claimant = log.signed[pick % len(log.signed)], self.world.actors["claimant"]
        other = log.signed[(pick + 1) % len(log.signed)]
        assert commit(self.world, claimant, signed.evidence)
        pair = keccak(signed.evidence + other.evidence)
        assert commit(self.world, claimant, pair)
        number = signed.receipt.sequence
        attempts = [
            ("prove_late_unsettled", *signed.shown, SALT),
            ("prove_double_sign", *signed.shown, *other.shown, SALT),
            ("time_out", log.signer, number),
        ]
        covering = self._covering(log, number)
        if covering:
            cut, posted_at = covering
            leaf, inclusion = cut.leaf(number), cut.inclusion(number, posted_at)
            attempts += [
                ("prove_late_settled", *signed.shown, SALT, cut.posted(posted_at)),
                ("prove_conflict", *signed.shown, SALT, leaf, inclusion),
                ("prove_conflict", *signed.shown, SALT, keccak(leaf), inclusion),
            ]
        for function, *arguments in attempts:
            sent = self._send(claimant, function, *arguments)
            assert not sent.ok, f"{function} against an honest log"
            assert "commitment" not in sent.reason

    @rule(which=ANY, pick=st.integers(0, 1_000), extra=st.integers(0, 50), wallet=st.booleans())
    def demand(self, which: int, pick: int, extra: int, wallet: bool) -> None:
        self._turn()
        log = self.logs[which]
        on_chain = self.chain["logs"].get(log.name)
        if not on_chain or not on_chain["next"]:
            return
        number = pick % on_chain["next"]
        cut, posted_at = self._covering(log, number)
        demander = self.world.wallet if wallet else self.world.actors["claimant"]
        fee = 4 * 110_000 * 10**9 + extra
        arguments = log.signer, number, cut.posted(posted_at)
        sent = self._send(demander, "demand", *arguments, value=fee)
        key = (log.name, number)
        assert sent.ok == (
            sent.time <= posted_at + CLAIM_WINDOW
            and key not in self.chain["demands"]
            and key not in self.chain["proved"]
        ), sent.reason
        if sent.ok:
            event("a demand")
            self.chain["demands"][key] = {
                "demander": demander,
                "fee": fee,
                "deadline": sent.time + ANSWER_WINDOW,
            }
            self._move(demander, -fee)

    @rule(pick=st.integers(0, 1_000), by_wallet=st.booleans())
    def answer(self, pick: int, by_wallet: bool) -> None:
        """Anybody who has the path, before the timeout is executed."""
        self._turn()
        open_demands = [key for key, each in self.chain["demands"].items() if each != "answered"]
        if open_demands:
            name, number = open_demands[pick % len(open_demands)]
            by = self.world.wallet if by_wallet else self.world.actors["stranger"]
            self._answer(self._named(name), number, by)

    @rule(wei=st.integers(1, 1_000))
    def collect(self, wei: int) -> None:
        """The wallet's credit goes to somebody else; and ether comes that nobody sent."""
        self._turn()
        wallet, stranger = self.world.wallet, self.world.actors["stranger"]
        amount = self.chain["credits"].pop(wallet, 0)
        sent = self._send(wallet, "collect", stranger)
        assert sent.ok == (amount > 0)
        self._move(stranger, amount)
        self.world.force(stranger, wei)
        self._move(stranger, -wei)

    # ---- what holds after every step

    @invariant()
    def ether_is_conserved(self) -> None:
        if not hasattr(self, "world"):
            return
        held = self.chain["held"]
        owed = sum(each["amount"] for each in self.chain["bonds"].values())
        owed += sum(each["fee"] for each in self.chain["demands"].values() if each != "answered")
        owed += sum(self.chain["credits"].values())
        assert self.world.balance(self.world.court.address) == held >= owed
        assert self.world.balance(BURN) == self.begun[BURN] + self.chain["burnt"]
        for each in self.people:
            change = self.chain["got"][each] - self._spent(each)
            assert self.world.balance(each) == self.begun[each] + change
        for log in self.logs:
            amount, unit, asked_at, cases = self._view("bond", log.signer)
            bond = self.chain["bonds"].get(log.name, {"amount": 0, "unit": 0, "asked_at": 0})
            assert (amount, unit, asked_at) == tuple(bond.values())
            assert cases == len(self._open_demands(log))
        assert self._view("credit", self.world.wallet) == self.chain["credits"][self.world.wallet]

    @invariant()
    def no_honest_log_is_marked(self) -> None:
        if not hasattr(self, "world"):
            return
        for log in self.logs:
            marks = [each for key, each in self.chain["proved"].items() if key[0] == log.name]
            marked_at, reason, count = self._view("standing", log.signer)
            assert count == len(marks)
            if log.honest:
                assert (marked_at, reason, count) == (0, 0, 0)
            elif marks:
                assert (marked_at, reason) == min(marks, key=lambda mark: mark[0])

    @invariant()
    def every_offence_can_be_proved(self) -> None:
        """Tried and taken back: all of them in a long run, else some at each step, in turn."""
        if not hasattr(self, "world"):
            return
        offences = self._offences()
        assert not any(offence[1].honest for offence in offences)
        for _ in offences[:TRIES]:
            self.tries += 1
            offence = offences[self.tries % len(offences)]
            event(f"provable: {offence[0]}")
            mark, before = self.world.mark(), copy.deepcopy(self.chain)
            self._prove(offence, self.world.actors["claimant"])
            self.world.back_to(mark)
            self.chain = before

    # ---- offences, from the model alone

    def _offences(self) -> list[tuple[str, Log, int, Any]]:
        """(kind, log, number, what shows it) of all that can be proved in the next seconds."""
        now, proved, found = self.world.now + 1, self.chain["proved"], []
        for log in self.logs:
            on_chain = self.chain["logs"].get(log.name)
            by_number: dict[int, list[Signed]] = {}
            for each in log.signed:
                by_number.setdefault(each.receipt.sequence, []).append(each)
            for number, all_signed in by_number.items():
                if len(all_signed) > 1:
                    found.append(("double", log, number, all_signed[:2]))
                covering = self._covering(log, number)
                for signed in all_signed:
                    limit = due(on_chain, signed.receipt) if on_chain else None
                    if covering and covering[0].leaf(number) != keccak(b"\0" + signed.digest):
                        found.append(("conflict", log, number, (signed, covering)))
                    if limit is None or not limit < now <= limit + CLAIM_WINDOW - EDGE:
                        continue
                    if number >= on_chain["next"]:
                        found.append(("late unsettled", log, on_chain["next"], signed))
                    elif covering[1] > limit:
                        first = covering[0].batch.first
                        found.append(("late settled", log, first, (signed, covering)))
        found = [each for each in found if (each[1].name, each[2]) not in proved]
        for (name, number), demand in self.chain["demands"].items():
            if demand != "answered" and now > demand["deadline"]:
                found.append(("withheld", self._named(name), number, demand))
        return found

    def _prove(self, offence: tuple[str, Log, int, Any], claimant: bytes) -> None:
        kind, log, number, shown = offence
        if kind == "withheld":
            sent = self._send(claimant, "time_out", log.signer, number)
            del self.chain["demands"][log.name, number]
            reward = self._counted(log, number, WITHHELD, sent)
            self._pay(shown["demander"], shown["fee"] + reward)
            return
        if kind == "double":
            one, other = shown
            assert commit(self.world, claimant, keccak(one.evidence + other.evidence))
            sent = self._send(claimant, "prove_double_sign", *one.shown, *other.shown, SALT)
            self._pay(claimant, self._counted(log, number, DOUBLE_SIGN, sent))
            return
        signed, (cut, posted_at) = (shown, (None, 0)) if kind == "late unsettled" else shown
        assert commit(self.world, claimant, signed.evidence)
        claim = (*signed.shown, SALT)
        if kind == "late unsettled":
            sent = self._send(claimant, "prove_late_unsettled", *claim)
        elif kind == "late settled":
            sent = self._send(claimant, "prove_late_settled", *claim, cut.posted(posted_at))
        else:
            at = signed.receipt.sequence
            place = cut.leaf(at), cut.inclusion(at, posted_at)
            sent = self._send(claimant, "prove_conflict", *claim, *place)
        reason = CONFLICT if kind == "conflict" else LATE
        self._pay(claimant, self._counted(log, number, reason, sent))

    def _counted(self, log: Log, number: int, reason: int, sent: Any) -> int:
        """Count an offence once and give the prover's part."""
        assert sent.ok, f"{reason} of {log.name} at {number}: {sent.reason}"
        if (log.name, number) in self.chain["proved"]:
            assert reason == WITHHELD
            return 0
        self.chain["proved"][log.name, number] = (sent.time, reason)
        bond = self.chain["bonds"].get(log.name, {"amount": 0, "unit": 0})
        taken = min(bond["amount"], bond["unit"])
        bond["amount"] -= taken
        reward = min(taken // 2, CAP)
        self.chain["held"] -= taken - reward
        self.chain["burnt"] += taken - reward
        return reward

    # ---- the honest operator's duties

    def _turn(self) -> None:
        """Before anything else happens: duties, and a point to which a re-org may lead."""
        for log in self.logs:
            if log.honest:
                self._do_duties(log)
        now = self.world.now
        self.points = [each for each in self.points if now - each[0] <= REORG]
        self.points.append((now, self.world.mark(), copy.deepcopy(self.chain)))

    def _next_duty(self) -> int | None:
        """When an honest operator has to act next."""
        times = [self._duty(log) for log in self.logs if log.honest]
        return min((each for each in times if each is not None), default=None)

    def _duty(self, log: Log) -> int | None:
        on_chain = self.chain["logs"].get(log.name)
        if on_chain is None:
            return None
        waiting = [each for each in log.signed if each.receipt.sequence >= on_chain["next"]]
        times = [due(on_chain, each.receipt) for each in waiting]
        times += [self.chain["demands"][log.name, n]["deadline"] for n in self._open_demands(log)]
        known = [each for each in times if each is not None]
        return min(known) - MARGIN if known else None

    def _do_duties(self, log: Log) -> None:
        duty = self._duty(log)
        if duty is None or duty > self.world.now:
            return
        self._settle(log)
        for number in self._open_demands(log):
            if self.chain["demands"][log.name, number]["deadline"] - MARGIN <= self.world.now:
                self._answer(log, number, log.operator)

    def _repeat(self, log: Log) -> None:
        """After a re-org: again whatever it undid."""
        if log.opening is not None and log.name not in self.chain["logs"]:
            self._open(log)
        if log.name in self.chain["logs"]:
            if log.wants_revoke:
                self._revoke(log)
            elif log.wants_close:
                self._close(log)
            self._post_what_was_cut(log)

    # ---- the ledger, and its model

    def _open(self, log: Log) -> None:
        opening, signature = log.opening
        arguments = log.signer, opening.closes_at, opening.max_delay, signature
        sent = self.world.send(log.operator, self.world.ledger, "open_log", *arguments)
        assert sent.ok == (sent.time < opening.closes_at)
        if sent.ok:
            self.chain["logs"][log.name] = {
                "opened_at": sent.time,
                "closes_at": opening.closes_at,
                "revoked_at": 0,
                "max_delay": opening.max_delay,
                "next": 0,
                "batches": [],
            }

    def _close(self, log: Log) -> None:
        on_chain = self.chain["logs"].get(log.name)
        sent = self.world.send(log.operator, self.world.ledger, "close_log", log.signer)
        if sent.ok:
            on_chain["closes_at"] = sent.time + on_chain["max_delay"]

    def _revoke(self, log: Log) -> None:
        on_chain = self.chain["logs"].get(log.name)
        sent = self.world.send(log.operator, self.world.ledger, "revoke_log", log.signer)
        if sent.ok:
            on_chain["revoked_at"] = sent.time

    def _settle(self, log: Log) -> None:
        """Cut what is not in a batch, and post what is not on the chain."""
        if log.name in self.chain["logs"]:
            digests = self._pending(log)
            if digests:
                log.cut_batch(self.world, digests)
            self._post_what_was_cut(log)

    def _post_what_was_cut(self, log: Log) -> None:
        on_chain = self.chain["logs"].get(log.name)
        if on_chain is None:
            return
        for index, cut in enumerate(log.cut):
            if cut.batch.first < on_chain["next"]:
                continue
            signature = b"" if on_chain["revoked_at"] else cut.signature
            sender = log.operator if on_chain["revoked_at"] else self.world.actors["payer"]
            sent = self.world.send(
                sender, self.world.ledger, "post_batch", cut.batch.abi(), signature
            )
            if not sent.ok:
                assert sent.time > self._end(log) + GRACE, sent.reason
                return
            on_chain["next"] = cut.batch.first + cut.batch.size
            on_chain["batches"].append((index, sent.time))

    def _answer(self, log: Log, number: int, by: bytes) -> None:
        cut, posted_at = self._covering(log, number)
        leaf, inclusion = cut.leaf(number), cut.inclusion(number, posted_at)
        sent = self._send(by, "answer", log.signer, number, leaf, inclusion)
        assert sent.ok, sent.reason
        event("an answer")
        fee = self.chain["demands"][log.name, number]["fee"]
        self.chain["demands"][log.name, number] = "answered"
        self._pay(by, fee)

    # ---- small things

    def _named(self, name: str) -> Log:
        return next(log for log in self.logs if log.name == name)

    def _covering(self, log: Log, number: int) -> tuple[Cut, int] | None:
        on_chain = self.chain["logs"].get(log.name, {"batches": []})
        for index, posted_at in on_chain["batches"]:
            batch = log.cut[index].batch
            if batch.first <= number < batch.first + batch.size:
                return log.cut[index], posted_at
        return None

    def _pending(self, log: Log) -> list[bytes]:
        """Digests of the receipts after the last batch, to the first gap."""
        by_number = {each.receipt.sequence: each.digest for each in reversed(log.signed)}
        digests, number = [], log.next_cut
        while number in by_number:
            digests.append(by_number[number])
            number += 1
        return digests

    def _behind(self, log: Log) -> bool:
        on_chain = self.chain["logs"].get(log.name)
        return on_chain is None or on_chain["next"] < log.next_cut

    def _open_demands(self, log: Log) -> list[int]:
        demands = self.chain["demands"].items()
        return [key[1] for key, each in demands if key[0] == log.name and each != "answered"]

    def _stops(self, log: Log) -> int:
        """The last second at which a receipt promises anything."""
        on_chain = self.chain["logs"][log.name]
        return min(on_chain["closes_at"], on_chain["revoked_at"] or on_chain["closes_at"])

    def _end(self, log: Log) -> int:
        return self._stops(log) + self.chain["logs"][log.name]["max_delay"]

    def _send(self, sender: bytes, function: str, *arguments: Any, value: int = 0) -> Any:
        return self.world.send(sender, self.world.court, function, *arguments, value=value)

    def _view(self, function: str, *arguments: Any) -> Any:
        return self.world.view(self.world.court, function, *arguments)

    def _move(self, account: bytes, wei: int) -> None:
        """Wei from the court to an account, or back. The wallet pays with the stranger's."""
        if account == self.world.wallet:
            account = self.world.actors["stranger"]
        self.chain["got"][account] += wei
        self.chain["held"] -= wei

    def _pay(self, account: bytes, wei: int) -> None:
        if account == self.world.wallet:
            if wei:
                self.chain["credits"][account] += wei
        else:
            self._move(account, wei)

    def _spent(self, account: bytes) -> int:
        origin = self.world.origin[2]
        return self.world.spent[account] - origin[account]


TestCourt = Court.TestCase
TestCourt.settings = settings(
    max_examples=150 if LONG else 12,
    stateful_step_count=60 if LONG else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
