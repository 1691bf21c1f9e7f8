"""Sending proofs: commit, wait a block, claim; demand, wait, time out. At most one of each counts.

What is sent is decided anew at each look, from the chain's state alone: a re-org that takes a
commitment or a claim back makes it be sent again. A transaction is signed and written down
before it is sent, so that after a kill at any point the next look finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from counterfoil.chain import (
    Call,
    Chain,
    CourtClient,
    Demand,
    Fees,
    Posted,
    Prepared,
    send_in,
    slot_after,
)
from counterfoil.chain.court import evidence, evidence_of_two
from counterfoil.chain.sending import fees
from counterfoil.errors import NonceTaken, OutOfFunds, Refused, TooDear, Underpriced
from counterfoil.formats.receipt import Inclusion
from counterfoil.hashing.types import Address, Digest

from .notices import Notice
from .points import hit
from .store import Claim, Held, Store

GAS = {
    "commit": 50_000,
    "late": 110_000,
    "double-sign": 110_000,
    "conflict": 150_000,
    "demand": 120_000,
    "time-out": 110_000,
    "answer": 110_000,
}
"""Gas of a whole transaction, at most. Source: tests/contracts/court/test_court_gas.py."""

GAS_LIMIT = 300_000
"""Of a claim that cannot be estimated yet: more than any uses before its refunds."""

FEE_ROOM = 2
"""Times the least fee that a demand pays: the base fee may double until it is in a block."""

OVER = {
    "court: claim too late": "the time for it is over",
    "court: demand too late": "the time for it is over",
    "court: already answered": "the path was given out",
}
"""Refusals after which a claim is never taken any more."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a watchtower may spend.

    Attributes:
        gas_price: wei a gas, at most; above it everything waits.
        at_a_loss: send proofs that earn less than their gas.
        demand: send demands, which cost their fee where they are answered.
    """

    gas_price: int
    at_a_loss: bool = False
    demand: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A claim with what it is about, as the chain has it now.

    Attributes:
        number: under which the offence counts.
        one, other: the evidence.
        leaf, inclusion: what is at the number and its path, where it is known.
        batch: what covers the number, None: nothing.
    """

    claim: Claim
    number: int
    one: Held
    other: Held | None = None
    leaf: Digest | None = None
    inclusion: Inclusion | None = None
    batch: Posted | None = None


class Claimant:
    """Sends proofs from one account.

    Args:
        account: pays and earns; None: nothing is sent, which is said.
        clock: Unix seconds.
    """

    def __init__(
        self,
        chain: Chain,
        court: CourtClient,
        store: Store,
        *,
        account: LocalAccount | None,
        limits: Limits,
        clock: Callable[[], float],
        confirmations: int,
    ) -> None:
        self._chain = chain
        self._court = court
        self._store = store
        self._account = account
        self._limits = limits
        self._clock = clock
        self._confirmations = confirmations
        self._cap = court.reward_cap()

    def advance(self, case: Case) -> list[Notice]:
        """Do the next step of a claim, if there is one to do now."""
        if self._court.proved(case.claim.signer, case.number):
            return self._proved(case)
        try:
            what = self._next(case)
            if isinstance(what, str):
                return self._drop(case, what) if what in OVER.values() else []
            name, call = what
            return self._send(case, name, call)
        except Refused as refusal:
            return self._refused(case, refusal.reason)

    # What is next

    def _next(self, case: Case) -> tuple[str, Call] | str:
        """The next transaction, or why there is none now."""
        if case.claim.kind == "withheld":
            return self._next_of_demand(case)
        if self._account is None:
            return "commit", self._court.commit_call(Digest(bytes(32)))
        commitment = self._court.commitment(
            Address(self._account.address), self._evidence(case), case.claim.salt
        )
        made = self._court.committed_at(commitment)
        if made == 0:
            return "commit", self._court.commit_call(commitment)
        if self._chain.block_number() < made:
            return "the commitment is not a block old"
        return case.claim.kind, self._claim_call(case)

    def _next_of_demand(self, case: Case) -> tuple[str, Call] | str:
        signer, number = case.claim.signer, case.number
        demand = self._court.demand_of(signer, number)
        if demand.answered:
            return OVER["court: already answered"]
        if demand.deadline:
            return self._next_of_open(case, demand)
        if case.batch is None:
            return "no batch covers the number"
        if self._chain.now() > case.batch.posted_at + self._court.claim_window():
            return OVER["court: demand too late"]
        fee = max(FEE_ROOM * self._court.least_fee(), 1)
        return "demand", self._court.demand_call(number, case.batch, fee)

    def _next_of_open(self, case: Case, demand: Demand) -> tuple[str, Call] | str:
        signer, number = case.claim.signer, case.number
        if self._account is None or demand.demander != str(self._account.address):
            return "another's demand, who earns what it earns"
        if case.leaf is not None and case.inclusion is not None:
            # the path came by another way: nobody is to lose a bond for it, and the fee is ours
            return "answer", self._court.answer_call(signer, number, case.leaf, case.inclusion)
        if self._chain.now() <= demand.deadline:
            return "the answer window is open"
        return "time-out", self._court.time_out_call(signer, number)

    def _evidence(self, case: Case) -> Digest:
        found = evidence(case.one.digest, case.one.signature)
        if case.other is None:
            return found
        return evidence_of_two(found, evidence(case.other.digest, case.other.signature))

    def _claim_call(self, case: Case) -> Call:
        court, salt = self._court, case.claim.salt
        receipt, signature = case.one.receipt, case.one.signature
        if case.claim.kind == "late":
            if case.batch is None:
                return court.late_unsettled_call(receipt, signature, salt)
            return court.late_settled_call(receipt, signature, salt, case.batch)
        if case.claim.kind == "double-sign":
            assert case.other is not None
            other = (case.other.receipt, case.other.signature)
            return court.double_sign_call((receipt, signature), other, salt)
        assert case.leaf is not None and case.inclusion is not None
        return court.conflict_call(receipt, signature, salt, case.leaf, case.inclusion)

    # Sending

    def _send(self, case: Case, name: str, call: Call) -> list[Notice]:
        account = self._account
        if account is None:
            return self._say(
                case, "no-payer", "warning", "it is not sent: the profile names no payer"
            )
        now, last = self._clock(), case.claim.under_way
        slot = slot_after(self._chain, Address(account.address), last, now)
        if slot is None:
            return []
        price = fees(self._chain)
        price = price if slot.at_least is None else price.at_least(slot.at_least)

        def remember(made: Prepared) -> None:
            hit("watch.prepared")
            self._store.change_claim(case.claim, tx=made.digest, nonce=made.nonce, sent_at=now)
            hit("watch.remembered")

        most = self._limits.gas_price
        try:
            if price.most > most:
                raise TooDear(price.most)
            refusal = self._unprofitable(case, name, call, price)
            if refusal is not None:
                return self._say(case, "unprofitable", "warning", refusal)
            made = send_in(
                slot, self._chain, call, account, remember, young=GAS_LIMIT, most=most
            )  # fmt: skip
        except (TooDear, OutOfFunds) as error:
            return self._say(case, type(error).__name__, "warning", f"it waits: {error}")
        except (NonceTaken, Underpriced) as error:
            log.info("%s", error)
            return []
        hit("watch.sent")
        return [
            self._notice(
                case, "sent", "info", f"sent {name} in 0x{made.digest.hex()}",
                again=f"{name}:{made.digest.hex()}", step=name, transaction=made.digest,
            )
        ]  # fmt: skip

    def _unprofitable(self, case: Case, name: str, call: Call, price: Fees) -> str | None:
        """Why a proof is not begun: it earns less than it costs."""
        if self._limits.at_a_loss or name not in ("commit", "demand"):
            return None  # what is begun is ended: the first half is paid for
        bond = self._court.bond(case.claim.signer)
        reward = min(min(bond.amount, bond.unit) // 2, self._cap)
        ending = "time-out" if name == "demand" else case.claim.kind
        cost = (GAS[name] + GAS[ending]) * price.most
        if name == "demand" and not self._limits.demand:
            return f"no demand is sent, as you said; it would cost {_coins(cost + call.value)}"
        if reward >= cost:
            return None
        earns = f"it would earn {_coins(reward)}" if bond.amount else "the log has no bond"
        return f"{earns} and cost up to {_coins(cost)}: not sent; --at-a-loss sends it"

    # What came of it

    def _proved(self, case: Case) -> list[Notice]:
        deep = self._chain.block_number() - self._confirmations + 1
        if case.claim.state != "open" or deep < 0:
            return []
        if not self._court.proved(case.claim.signer, case.number, block=deep):
            return []
        self._store.change_claim(case.claim, state="done")
        return [self._notice(case, "proved", "info", "it is proved; the log is marked for ever")]

    def _drop(self, case: Case, why: str) -> list[Notice]:
        self._store.change_claim(case.claim, state="dropped")
        return [self._notice(case, "dropped", "info", f"it is not claimed: {why}")]

    def _refused(self, case: Case, reason: str) -> list[Notice]:
        if reason in OVER:
            return self._drop(case, OVER[reason])
        text = f"the court refuses for now: {reason}"
        return [self._notice(case, "refused", "info", text, again=reason)]

    def _say(self, case: Case, again: str, level: str, text: str) -> list[Notice]:
        return [self._notice(case, "waits", level, text, again=again)]

    def _notice(
        self, case: Case, kind: str, level: str, text: str, *, again: str = "", **data: object
    ) -> Notice:
        claim = case.claim
        return Notice(
            kind=kind,
            level="warning" if level == "warning" else "info",
            signer=claim.signer,
            number=case.number,
            text=f"proof of {claim.kind} at number {case.number}: {text}",
            data={"offence": claim.kind, **data},
            again=f"{claim.id}:{again}",
        )


def _coins(wei: int) -> str:
    return f"{wei / 1e18:.6f} of the chain's currency"
