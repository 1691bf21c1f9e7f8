"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass

from counterfoil.errors import InclusionMissing, NotAnchored, NotSettled, UnknownLedger
from counterfoil.hashing.types import Address, Digest, Seconds

from .anchor import Anchoring


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was verified of one receipt file, and what was not.

    Attributes:
        digest: the receipt's identity.
        signed: whose key signed it.
        opened: what the file opens: inputs, outputs, model, runtime.
        included: whether the file's path leads from the receipt to a root; that the root is
            in the ledger, only `anchored` says.
        root: that root.
        anchored: what the ledger vouches for; None: it was not asked, or is not known.
        covered: whether a batch covers the receipt's number, with this receipt or another:
            only `anchored` tells which; None: the ledger was not asked.
        known_ledger: whether the ledger is on the verifier's own list.
        promise: `settleBy`, Unix seconds; None: the receipt promises nothing.
        notes: what was not checked or is worth knowing, a sentence each.
    """

    chain_id: int
    ledger: Address
    digest: Digest
    signed: Address
    opened: tuple[str, ...]
    included: bool
    root: Digest | None
    anchored: Anchoring | None
    covered: bool | None
    known_ledger: bool
    promise: Seconds | None
    notes: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Which of signed, opened, included, anchored hold."""
        held = {
            "signed": True,
            "opened": bool(self.opened),
            "included": self.included,
            "anchored": self.anchored is not None,
        }
        return tuple(word for word, holds in held.items() if holds)

    def require_anchored(self) -> Anchoring:
        """What the ledger vouches for, for who acts on nothing less.

        Raises:
            UnknownLedger: the ledger is not on the verifier's list.
            NotSettled: the ledger has no batch with the receipt's number.
            InclusionMissing: the file shows no path to a batch.
            NotAnchored: no chain was asked.
        """
        if not self.known_ledger:
            raise UnknownLedger(
                f"the ledger {self.ledger} on chain {self.chain_id} is not on your list: "
                "add it to the profile's ledgers if you trust it"
            )
        if self.covered is False:
            raise NotSettled("the receipt was never settled: no batch of its log has its number")
        if not self.included:
            raise InclusionMissing(
                "the file shows no path to a batch: ask its issuer for the settled receipt"
            )
        if self.anchored is None:
            raise NotAnchored("no chain was asked: give an RPC of the receipt's chain")
        return self.anchored
