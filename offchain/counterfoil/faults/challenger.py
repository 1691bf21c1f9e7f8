"""The challenger: it takes a receipt's case a step further, and by and by to its end.

What is sent is decided anew at each look, from the chain alone. A transaction is signed and
written down before it is sent, so that after a kill at any point the next look finds it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

from eth_account.signers.local import LocalAccount

from counterfoil.chain import (
    Call,
    Chain,
    FaultCourtClient,
    Prepared,
    fault_evidence,
    send_in,
    slot_after,
)
from counterfoil.chain.events import block_at
from counterfoil.chain.sending import fees
from counterfoil.errors import (
    NonceTaken,
    NotReplayable,
    OutOfFunds,
    Refused,
    TooDear,
    Underpriced,
)
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address, Digest, Seconds

from .docket import STEP_DOWN, Docket
from .looks import Limits, Look, Said, coins, what
from .points import hit
from .proving import prove_call
from .run import Proof, Run
from .store import Challenge, Store
from .walk import (
    DemandNode,
    End,
    Move,
    Prove,
    Refund,
    Situation,
    Summon,
    TimeOutDemand,
    TimeOutSummons,
    Wait,
    next_move,
)

REORG = 64
"""Blocks that are read before the receipt's own: a re-org may have moved it to an earlier one."""

FEE_ROOM = 2
"""Times the least fee that a summons or a demand pays: the base fee may double until its block."""

GAS = {
    "summon": 200_000, "commit": 50_000, "demand": 120_000, "prove": 470_000, "time-out": 110_000
}  # fmt: skip
"""Gas of a whole transaction, at most. Source: tests/contracts/faults, which hold them to it."""

GAS_LIMIT = 1_500_000
"""Of a proof that cannot be estimated yet: its commitment is not a block old."""

ENDED = ("faulty", "final")
"""States of a case that is over."""

OVER = {
    "fault: summon window over": "it cannot be summoned any more",
}
"""Refusals after which a receipt is never summoned any more."""

log = logging.getLogger(__name__)


class Challenger:
    """Challenges receipts from one account.

    Args:
        account: pays and earns; None: nothing is sent, which is said.
        clock: Unix seconds.
        confirmations: blocks after which an end counts, its own counted.
    """

    def __init__(
        self,
        chain: Chain,
        court: FaultCourtClient,
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

    def known(self, receipt: Digest) -> Challenge:
        """What is remembered of a receipt."""
        return self._store.challenge(receipt)

    def ended(self, receipt: Digest) -> bool:
        """Whether nothing is left to do for a receipt, as far as is remembered.

        An end of a case is looked for on the chain again: a re-org deeper than `confirmations`
        takes it back, and then it goes on.

        Raises:
            ChainError: no usable answer from the RPC.
        """
        challenge = self._store.challenge(receipt)
        if challenge.state in ("won", "lost"):
            if self._court.case_of(receipt).state in ENDED:
                return True
            log.warning("a re-org took back how a case ended: set more confirmations")
            self._store.change(challenge, state="open")
            return False
        return challenge.state not in ("new", "open")

    def advance(self, file: ReceiptFile, run: Run) -> Look:
        """Do the next step of a receipt's case, if there is one to do now.

        Args:
            file: settled, verified, with both sets opened whole.
        Raises:
            ChainError: no usable answer from the RPC; nothing is lost, look again.
        """
        if file.inclusion is None:
            raise NotReplayable("the receipt is not settled as far as its file shows")
        challenge = self._store.challenge(file.digest)
        if challenge.from_block is None:
            start = block_at(self._chain, file.inclusion.posted_at)
            challenge = self._store.change(challenge, from_block=max(0, start - REORG))
        docket = Docket.of(
            file.digest,
            self._court.events(from_block=challenge.from_block or 0, receipt=file.digest),
        )
        window = self._court.terms(file.receipt.signer).summon_window
        situation = Situation(
            case=self._court.case_of(file.digest),
            docket=docket,
            now=self._chain.next_time(),
            summon_until=Seconds(file.inclusion.posted_at + window),
            me=Address(self._account.address) if self._account else Address("0x" + "00" * 20),
            refunded=frozenset(
                d.place for d in docket.open_demands() if self._court.was_refunded(d)
            )
            if docket.fell
            else frozenset(),
        )
        move = next_move(run, situation)
        hit("challenge.decided")
        if isinstance(move, End):
            return self._end(challenge, docket, move)
        if isinstance(move, Wait):
            return Look(
                move=move,
                until=move.until,
                said=(
                    Said(
                        kind="waits", again=f"{move.what}:{move.until}",
                        text=f"waits for {move.what}, due within {move.until - situation.now} s",
                    ),
                ),
            )  # fmt: skip
        try:
            return Look(move=move, said=tuple(self._act(file, run, challenge, docket, move)))
        except Refused as refusal:
            return self._refused(challenge, move, refusal.reason)

    # What is next

    def _act(
        self, file: ReceiptFile, run: Run, challenge: Challenge, docket: Docket, move: Move
    ) -> list[Said]:
        summons: Call | None = None
        if isinstance(move, Summon):
            fee = FEE_ROOM * self._court.least_summons_fee(file.receipt.signer)
            summons = self._court.summon_call(run.summons(file), fee)
        begins: list[Said] = []
        # also where another opened the case: whoever demands pays the operator for its answers
        if summons is not None or (challenge.state == "new" and not isinstance(move, Refund)):
            said, worth = self._priced(file.receipt.signer, run, docket, move, summons)
            begins.append(said)
            if not worth:
                return begins
        if summons is not None:
            return begins + self._send(challenge, "summon", summons)
        if isinstance(move, Prove):
            return begins + self._prove(run, challenge, docket, move.proof)
        return begins + self._send(challenge, *self._call(docket, move))

    def _call(self, docket: Docket, move: Move) -> tuple[str, Call]:
        """The transaction of a move, by the name of what it costs."""
        court, facts, answer = self._court, docket.facts, docket.answer
        assert facts is not None
        if isinstance(move, TimeOutSummons):
            return "time-out", court.time_out_summons_call(facts)
        assert answer is not None
        if isinstance(move, DemandNode):
            fee = FEE_ROOM * court.least_demand_fee(row=move.node.layer == 0)
            return "demand", court.demand_rows_call(facts, answer, move.node, fee)
        if isinstance(move, TimeOutDemand):
            return "time-out", court.time_out_demand_call(facts, answer, move.demand)
        assert isinstance(move, Refund)
        return "refund", court.refund_call(move.demand)

    def _prove(self, run: Run, challenge: Challenge, docket: Docket, proof: Proof) -> list[Said]:
        """Commit to the evidence, and a block later show it."""
        if self._account is None:
            return self._no_payer(proof)
        court, me = self._court, Address(self._account.address)
        commitment = court.commitment(me, _evidence(docket.receipt, proof), challenge.salt)
        made = court.committed_at(commitment)
        if made == 0:
            return self._send(challenge, "commit", court.commit_call(commitment))
        if self._chain.block_number() < made:
            return []
        return self._send(challenge, "prove", prove_call(court, run, docket, proof, challenge.salt))

    def _end(self, challenge: Challenge, docket: Docket, move: End) -> Look:
        state = {"right": "right", "won": "won", "too-late": "over"}.get(move.how, "lost")
        if move.how in ("won", "faulty", "final"):
            deep = self._chain.block_number() - self._confirmations + 1
            settled = deep >= 0 and self._court.case_of(docket.receipt, block=deep).state
            if settled not in ENDED:
                return Look(move=Wait(until=Seconds(0), what="confirmations"), said=())
        if challenge.state != state:
            self._store.change(challenge, state=state)
        texts = {
            "right": "the receipt is right: its outputs are what the program gives",
            "won": "it is proved: the log lost a unit of its bond and is marked for ever",
            "faulty": "the case fell by another's proof",
            "final": "the case is final: nothing can be proved any more",
            "too-late": "nothing can be proved any more: the time for it is over",
        }
        level: Literal["info", "warning"] = "warning" if move.how == "too-late" else "info"
        data: dict[str, Any] = {"end": move.how}
        if docket.fell is not None:
            data |= {"prover": docket.fell[0], "fault": docket.fell[1].name.lower()}
        return Look(
            move=move,
            said=(
                Said(kind="ended", text=texts[move.how], level=level, again=move.how, data=data),
            ),
        )

    # Sending

    def _send(self, challenge: Challenge, name: str, call: Call) -> list[Said]:
        account = self._account
        if account is None:
            return self._no_payer(None)
        now, last = self._clock(), challenge.under_way
        slot = slot_after(self._chain, Address(account.address), last, now)
        if slot is None:
            return []

        def remember(made: Prepared) -> None:
            hit("challenge.prepared")
            self._store.change(
                challenge, state="open", step=name, tx=made.digest, nonce=made.nonce, sent_at=now
            )
            hit("challenge.remembered")

        try:
            made = send_in(
                slot, self._chain, call, account, remember,
                young=GAS_LIMIT, most=self._limits.gas_price,
            )  # fmt: skip
        except (TooDear, OutOfFunds) as error:
            again = "dear" if isinstance(error, TooDear) else "funds"
            return [Said(kind="waits", level="warning", again=again, text=f"waits: {error}")]
        except (NonceTaken, Underpriced) as error:
            log.info("%s", error)
            return []
        hit("challenge.sent")
        return [
            Said(
                kind="sent", again=f"{name}:{made.digest.hex()}",
                text=f"sent {name} in 0x{made.digest.hex()}"
                + (f", with {coins(call.value)}" if call.value else ""),
                data={"step": name, "transaction": made.digest, "value": call.value},
            )
        ]  # fmt: skip

    # What it costs and earns

    def cost(self, run: Run, move: Move, summons: Call | None) -> int:
        """Wei that a challenge may cost at most from a move on, all of it.

        That is gas, the summons' fee, and the fees of a whole descent in which every demand
        is answered; of another's time-out its gas.
        """
        most = fees(self._chain).most
        if isinstance(move, TimeOutSummons | TimeOutDemand):
            return GAS["time-out"] * most
        demands = 0
        if run.trace is not None and not isinstance(move, Prove):
            demands = -(-(len(run.trace.tree.layers) - 1) // STEP_DOWN) + 1
        gas = demands * GAS["demand"] + GAS["commit"] + GAS["prove"]
        spent = gas * most
        if summons is not None:
            spent += GAS["summon"] * most + summons.value
        if demands:
            nodes = FEE_ROOM * self._court.least_demand_fee(row=False)
            row = FEE_ROOM * self._court.least_demand_fee(row=True)
            spent += (demands - 1) * nodes + row
        return spent

    def _reward(self, signer: Address, docket: Docket, move: Move) -> int:
        """Wei that the challenger earns; of an assertion's bond too."""
        facts = docket.facts
        me = None if self._account is None else Address(self._account.address)
        if isinstance(move, TimeOutSummons) and facts is not None and facts.opened_by != me:
            return 0
        if isinstance(move, TimeOutDemand) and move.demand.demander != me:
            return 0
        bond = self._court.bond(signer)
        earns = min(min(bond.amount, bond.unit) // 2, self._cap)
        if facts is not None and facts.asserted:
            earns += min(facts.stake // 2, self._cap)
        return earns

    def _priced(
        self, signer: Address, run: Run, docket: Docket, move: Move, summons: Call | None
    ) -> tuple[Said, bool]:
        """What is said before the first transaction, and whether it is sent."""
        spent, earns = self.cost(run, move, summons), self._reward(signer, docket, move)
        data = {"cost": spent, "reward": earns}
        wrong = f"the receipt is wrong ({what(run.claim)})"
        if self._limits.at_a_loss or earns >= spent:
            text = f"{wrong}: to prove it costs up to {coins(spent)} and earns {coins(earns)}"
            return Said(kind="begins", level="alarm", text=text, data=data), True
        why = f"it would earn {coins(earns)}"
        if not earns:
            others = isinstance(move, TimeOutSummons | TimeOutDemand)
            why = "another earns what it brings" if others else "the log has no bond"
        text = f"{wrong}, but {why} and cost up to {coins(spent)}: --at-a-loss sends it"
        return Said(kind="unprofitable", level="alarm", text=text, data=data), False

    def _no_payer(self, proof: Proof | None) -> list[Said]:
        about = "" if proof is None else f" ({what(proof)})"
        text = f"nothing is sent{about}: the profile names no payer"
        return [Said(kind="no-payer", level="warning", text=text)]

    def _refused(self, challenge: Challenge, move: Move, reason: str) -> Look:
        if reason in OVER:
            self._store.change(challenge, state="over")
            said = Said(kind="ended", level="warning", text=OVER[reason], again=reason)
            return Look(move=End(how="too-late"), said=(said,))
        said = Said(
            kind="refused", text=f"the court refuses for now: {reason}", again=reason
        )  # fmt: skip
        return Look(move=move, said=(said,))


def _evidence(receipt: Digest, proof: Proof) -> Digest:
    return fault_evidence(receipt, proof.fault, proof.place, proof.element)
