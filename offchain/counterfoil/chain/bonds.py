"""What every court has (IBonds.vyi, ICommitments.vyi) in our words: bonds, marks, commitments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from eth_account.signers.local import LocalAccount

from counterfoil.errors import NoContract, Refused
from counterfoil.hashing.eip712 import address_word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds

from .client import Chain
from .contract import Call, Contract
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


def offence_name(flag: int) -> str:
    """The name of an offence by its flag, empty for none."""
    return OFFENCES[flag.bit_length() - 1] if flag else ""


class BondsClient:
    """One court on one chain, as far as all courts are alike.

    Attributes:
        artefact: the court's, by name.
        field: of a profile, that names it.
    """

    artefact: ClassVar[str]
    field: ClassVar[str]

    def __init__(self, chain: Chain, address: Address) -> None:
        self.chain = chain
        self.address = address
        self.contract = Contract(chain, self.artefact, address)

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
                f"what is at {self.address} is no {self.artefact} of the ledger {ledger}: correct "
                f"the profile's {self.field}"
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

    def credit(self, beneficiary: Address) -> int:
        """Wei kept for an account that did not take a payment."""
        return int(self.contract.read("credit", beneficiary))

    def committed_at(self, commitment: Digest) -> int:
        """The block that holds a commitment; 0: never made, or used up."""
        return int(self.contract.read("committed_at", commitment))

    def reward_cap(self) -> int:
        """Wei, the most that one proof earns."""
        return int(self.contract.read("reward_cap"))

    def commitment(self, claimant: Address, evidence: Digest, salt: Digest) -> Digest:
        """What a claimant commits; made here, as an RPC that is asked knows the evidence."""
        words = address_word(self.address) + address_word(claimant)
        return keccak(words + evidence + salt)

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

    def send(self, call: Call, account: LocalAccount) -> Digest:
        """Send one of these, for whoever waits; the transaction's hash."""
        return send(self.chain, call, account)
