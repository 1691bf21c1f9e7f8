"""The court's functions (IPromiseCourt.vyi, IBonds.vyi, ICommitments.vyi) in our words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eth_account.signers.local import LocalAccount

from counterfoil.errors import NoContract, Refused
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.hashing.eip712 import address_word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import court_events
from .client import Chain
from .contract import Call, Contract
from .court_events import CourtEvent
from .deployment import COURT
from .events import Posted
from .sending import send

OFFENCES = ("late", "conflict", "double-sign", "withheld", "fault")
"""IBonds.Offence, bit by bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """What is bonded for a log.

    Attributes:
        amount: wei, what is left.
        unit: wei that an offence takes; 0: no bond was ever made.
        asked_at: Unix seconds, 0: no withdrawal was asked.
        cases: open demands, which hold the bond.
    """

    amount: int
    unit: int
    asked_at: Seconds
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a log was caught at; `reason` is empty while it is clean.

    Attributes:
        marked_at: Unix seconds of the first proof, the chain's.
        reason: of the first proof, one of `OFFENCES`.
        count: offences proved.
    """

    marked_at: Seconds
    reason: str
    count: int

    def clean_at(self, time: int) -> bool:
        """Whether nothing was proved up to and at a time."""
        return self.count == 0 or time < self.marked_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is demanded of a log at a number.

    Attributes:
        fee: wei, for whoever answers.
        deadline: Unix seconds, 0: no demand is open.
        answered: the path was given out, once and for ever.
    """

    demander: Address
    fee: int
    deadline: Seconds
    answered: bool


def evidence(digest: Digest, signature: Signature) -> Digest:
    """The evidence hash of a signed receipt."""
    return keccak(digest + keccak(signature))


def evidence_of_two(one: Digest, other: Digest) -> Digest:
    """The evidence hash of two, from the evidence of each."""
    return keccak(one + other)


def offence_name(flag: int) -> str:
    """The name of an offence by its flag, empty for none."""
    return OFFENCES[flag.bit_length() - 1] if flag else ""


class CourtClient:
    """One court on one chain. Who sends a claim is `claimant`, and earns what it earns."""

    def __init__(self, chain: Chain, address: Address) -> None:
        self.chain = chain
        self.address = address
        self.contract = Contract(chain, COURT, address)

    def require(self, ledger: Address) -> None:
        """Hold what answers at the address against a court of this ledger.

        Raises:
            NoContract: nothing is there, or no court of this ledger.
        """
        self.contract.require_code()
        try:
            found = str(self.contract.read("ledger"))
        except (Refused, NoContract):
            found = ""
        if found.lower() != ledger.lower():
            raise NoContract(
                f"what is at {self.address} is no court of the ledger {ledger}: correct the "
                "profile's court"
            )

    # Views

    def bond(self, signer: Address) -> Bond:
        """A log's bond; all zero where none was made."""
        amount, unit, asked, cases = self.contract.read("bond", signer)
        return Bond(amount=amount, unit=unit, asked_at=Seconds(asked), cases=cases)

    def standing(self, signer: Address) -> Standing:
        """What a log was caught at."""
        marked, reason, count = self.contract.read("standing", signer)
        return Standing(marked_at=Seconds(marked), reason=offence_name(reason), count=count)

    def clean_at(self, signer: Address, time: Seconds) -> bool:
        """Whether nothing was proved against a log up to and at a time."""
        return bool(self.contract.read("clean_at", signer, time))

    def withdrawable_after(self, signer: Address) -> Seconds:
        """The last second at which a bond stays."""
        return Seconds(self.contract.read("withdrawable_after", signer))

    def proved(self, signer: Address, number: int, *, block: int | None = None) -> bool:
        """Whether the offence under a number was counted."""
        return bool(self.contract.read("proved", signer, number, block=block))

    def credit(self, beneficiary: Address) -> int:
        """Wei kept for an account that did not take a payment."""
        return int(self.contract.read("credit", beneficiary))

    def committed_at(self, commitment: Digest) -> int:
        """The block that holds a commitment; 0: never made, or used up."""
        return int(self.contract.read("committed_at", commitment))

    def demand_of(self, signer: Address, sequence: int) -> Demand:
        """What is demanded at a number."""
        demander, fee, deadline, answered = self.contract.read("demand_of", signer, sequence)
        return Demand(
            demander=checksummed(bytes.fromhex(demander[2:])),
            fee=fee,
            deadline=Seconds(deadline),
            answered=answered,
        )

    def least_fee(self) -> int:
        """Wei that a demand pays at least, at the newest block's base fee."""
        return int(self.contract.read("least_fee"))

    def due(self, receipt: Receipt) -> Seconds:
        """The last second at which a promised receipt is settled in time.

        Raises:
            Refused: it promises nothing, with the reason.
        """
        return Seconds(self.contract.read("due", receipt.abi()))

    def claim_window(self) -> Seconds:
        """How long a late settlement can be proved and a path demanded."""
        return Seconds(self.contract.read("claim_window"))

    def answer_window(self) -> Seconds:
        """How long a demanded path may take."""
        return Seconds(self.contract.read("answer_window"))

    def reward_cap(self) -> int:
        """Wei, the most that one proof earns."""
        return int(self.contract.read("reward_cap"))

    def commitment(self, claimant: Address, evidence: Digest, salt: Digest) -> Digest:
        """What a claimant commits; made here, as an RPC that is asked knows the evidence."""
        words = address_word(self.address) + address_word(claimant)
        return keccak(words + evidence + salt)

    # Events

    def events(
        self,
        signer: Address,
        *,
        from_block: int,
        to_block: int | None = None,
        names: tuple[str, ...] = tuple(court_events.SIGNATURES),
        number: int | None = None,
    ) -> Iterator[CourtEvent]:
        """What happened to a log, the oldest first."""
        stop = self.chain.block_number() if to_block is None else to_block
        return court_events.read(
            self.contract, signer, start=from_block, stop=stop, names=names, number=number
        )

    # What transactions send

    def make_bond_call(self, signer: Address, unit: int, amount: int) -> Call:
        """To make a log's bond, by its operator."""
        return replace(self.contract.call("make_bond", signer, unit), value=amount)

    def add_bond_call(self, signer: Address, amount: int) -> Call:
        """To add to a bond, by anybody."""
        return replace(self.contract.call("add_bond", signer), value=amount)

    def ask_withdrawal_call(self, signer: Address) -> Call:
        """To ask for a bond back, by the operator."""
        return self.contract.call("ask_withdrawal", signer)

    def withdraw_call(self, signer: Address) -> Call:
        """To take back what is left of a bond, by the operator."""
        return self.contract.call("withdraw", signer)

    def collect_call(self, to: Address) -> Call:
        """To have a kept payment sent on."""
        return self.contract.call("collect", to)

    def commit_call(self, commitment: Digest) -> Call:
        """To announce evidence."""
        return self.contract.call("commit", commitment)

    def late_unsettled_call(self, receipt: Receipt, signature: Signature, salt: Digest) -> Call:
        """To prove that a due receipt is in no batch."""
        return self.contract.call("prove_late_unsettled", receipt.abi(), signature, salt)

    def late_settled_call(
        self, receipt: Receipt, signature: Signature, salt: Digest, batch: Posted
    ) -> Call:
        """To prove that the batch with a receipt's number came late."""
        return self.contract.call(
            "prove_late_settled", receipt.abi(), signature, salt, _posted(batch)
        )

    def conflict_call(
        self,
        receipt: Receipt,
        signature: Signature,
        salt: Digest,
        leaf: Digest,
        inclusion: Inclusion,
    ) -> Call:
        """To prove that another leaf is at a receipt's number."""
        return self.contract.call(
            "prove_conflict", receipt.abi(), signature, salt, leaf, inclusion.abi()
        )

    def double_sign_call(
        self,
        one: tuple[Receipt, Signature],
        other: tuple[Receipt, Signature],
        salt: Digest,
    ) -> Call:
        """To prove that two receipts have one number."""
        return self.contract.call(
            "prove_double_sign", one[0].abi(), one[1], other[0].abi(), other[1], salt
        )

    def demand_call(self, sequence: int, batch: Posted, fee: int) -> Call:
        """To demand the path of a number, for a fee in wei."""
        call = self.contract.call("demand", batch.signer, sequence, _posted(batch))
        return replace(call, value=fee)

    def answer_call(
        self, signer: Address, sequence: int, leaf: Digest, inclusion: Inclusion
    ) -> Call:
        """To give out a demanded path."""
        return self.contract.call("answer", signer, sequence, leaf, inclusion.abi())

    def time_out_call(self, signer: Address, sequence: int) -> Call:
        """To close a demand that nobody answered."""
        return self.contract.call("time_out", signer, sequence)

    def send(self, call: Call, account: LocalAccount) -> Digest:
        """Send one of these, for whoever waits; the transaction's hash."""
        return send(self.chain, call, account)


def _posted(batch: Posted) -> tuple[int, int, bytes, int]:
    return (batch.first, batch.size, batch.root, batch.posted_at)
