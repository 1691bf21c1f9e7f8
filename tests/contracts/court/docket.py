"""What the court's tests sign, commit and prove."""

from __future__ import annotations

from typing import Any

from book import Book, Settled, sign
from counterfoil.formats.batch import Batch
from counterfoil.formats.receipt import Receipt
from counterfoil.hashing.eip712 import address_word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address
from eth_account.signers.local import LocalAccount

CLAIM_WINDOW = 4_000
"""Seconds: how long the tests' court takes claims and demands."""

ANSWER_WINDOW = 1_000
"""Seconds in which the tests' court wants a path."""

UNIT = 10**18
"""Wei that an offence takes."""

CAP = UNIT // 20
"""Wei that a proof earns at most: less than half a unit."""

BURN = "0x000000000000000000000000000000000000dEaD"

SALT = keccak(b"salt")

LATE, CONFLICT, DOUBLE_SIGN, WITHHELD = 1, 2, 4, 8
"""IBonds.Offence, as numbered by the compiler."""


def posted(settled: Settled) -> tuple[int, int, bytes, int]:
    """A batch as its word commits to it."""
    batch: Batch = settled.batch
    return (batch.first, batch.size, batch.root, settled.posted_at)


class Docket:
    """Makes evidence against `book`'s log and sends it, two transactions a claim."""

    def __init__(self, court, book: Book, chain, challenger):
        self.court, self.book, self.chain, self.challenger = court, book, chain, challenger

    def signed(self, receipt: Receipt, by: LocalAccount | None = None) -> bytes:
        digest = receipt.digest(self.book.chain_id, self.book.ledger.address)
        return sign(digest, by or self.book.signer)

    def promised(self, sequence: int, **changes: Any) -> Receipt:
        """A receipt that promises 300 seconds from now."""
        now = self.chain.pending_timestamp
        return self.book.receipt(sequence, **({"issued_at": now, "settle_by": now + 300} | changes))

    def evidence(self, receipt: Receipt, by: LocalAccount | None = None) -> bytes:
        digest = receipt.digest(self.book.chain_id, self.book.ledger.address)
        return keccak(digest + keccak(self.signed(receipt, by)))

    def commitment(self, claimant: Any, evidence: bytes, salt: bytes = SALT) -> bytes:
        words = map(address_word, (Address(self.court.address), Address(claimant.address)))
        return keccak(b"".join(words) + evidence + salt)

    def commit(self, evidence: bytes, sender=None, salt: bytes = SALT) -> Any:
        sender = sender or self.challenger
        return self.court.commit(self.commitment(sender, evidence, salt), sender=sender)

    def shown(self, receipt: Receipt, by: LocalAccount | None = None) -> tuple[Any, bytes]:
        return receipt.abi(), self.signed(receipt, by)

    def commit_to(self, receipt: Receipt, sender=None) -> Any:
        return self.commit(self.evidence(receipt), sender)

    def late_unsettled(self, receipt: Receipt, sender=None, commit: bool = True) -> Any:
        if commit:
            self.commit_to(receipt, sender)
        return self.court.prove_late_unsettled(
            *self.shown(receipt), SALT, sender=sender or self.challenger
        )

    def late_settled(self, receipt: Receipt, settled: Any, sender=None, commit: bool = True) -> Any:
        if commit:
            self.commit_to(receipt, sender)
        batch = posted(settled) if isinstance(settled, Settled) else settled
        return self.court.prove_late_settled(
            *self.shown(receipt), SALT, batch, sender=sender or self.challenger
        )

    def conflict(
        self, receipt: Receipt, settled: Settled, sender=None, commit: bool = True, **changes: Any
    ) -> Any:
        if commit:
            self.commit_to(receipt, sender)
        there = settled.receipts[receipt.sequence - settled.batch.first]
        leaf = there.leaf(self.book.chain_id, self.book.ledger.address)
        fields = {"leaf": leaf, "inclusion": settled.inclusion(receipt.sequence).abi()} | changes
        return self.court.prove_conflict(
            *self.shown(receipt), SALT, *fields.values(), sender=sender or self.challenger
        )

    def commit_to_both(self, one: Receipt, other: Receipt, sender=None) -> Any:
        return self.commit(keccak(self.evidence(one) + self.evidence(other)), sender)

    def double_sign(self, one: Receipt, other: Receipt, sender=None, commit: bool = True) -> Any:
        if commit:
            self.commit_to_both(one, other, sender)
        return self.court.prove_double_sign(
            *self.shown(one), *self.shown(other), SALT, sender=sender or self.challenger
        )

    def demand(self, settled: Settled, sequence: int, sender=None, fee: int | None = None) -> Any:
        value = 2 * self.court.least_fee() if fee is None else fee
        return self.court.demand(
            self.book.signer.address,
            sequence,
            posted(settled),
            sender=sender or self.challenger,
            value=value,
        )

    def answer(self, settled: Settled, sequence: int, sender=None, **changes: Any) -> Any:
        receipt = settled.receipts[sequence - settled.batch.first]
        leaf = receipt.leaf(self.book.chain_id, self.book.ledger.address)
        fields = {"leaf": leaf, "inclusion": settled.inclusion(sequence).abi()} | changes
        return self.court.answer(
            self.book.signer.address,
            sequence,
            *fields.values(),
            sender=sender or self.book.operator,
        )

    def time_out(self, sequence: int, sender=None) -> Any:
        return self.court.time_out(
            self.book.signer.address, sequence, sender=sender or self.challenger
        )
