"""The promise court's functions (IPromiseCourt.vyi) in our words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import court_events
from .bonds import BondsClient
from .contract import Call
from .court_events import CourtEvent
from .deployment import COURT
from .events import Posted


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


class CourtClient(BondsClient):
    """One court on one chain. Who sends a claim is `claimant`, and earns what it earns."""

    artefact = COURT
    field = "court"

    # Views

    def proved(self, signer: Address, number: int, *, block: int | None = None) -> bool:
        """Whether the offence under a number was counted."""
        return bool(self.contract.read("proved", signer, number, block=block))

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


def _posted(batch: Posted) -> tuple[int, int, bytes, int]:
    return (batch.first, batch.size, batch.root, batch.posted_at)
