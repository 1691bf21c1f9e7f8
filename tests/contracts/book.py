"""What the contract tests make, sign and post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from counterfoil.formats.batch import Batch, LogOpening, batch_tree
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO
from eth_account import Account
from eth_account.signers.local import LocalAccount

GRACE = 3_600
"""Seconds of grace of the tests' ledger."""

MAX_DELAY = 600
"""Seconds: the longest promise of the tests' log."""

OPEN_FOR = 100_000
"""Seconds from opening to `closesAt` of the tests' log."""


def key(name: str) -> LocalAccount:
    """A log's key: it signs typed data and never holds gas."""
    return Account.from_key(keccak(name.encode()))


def sign(digest: bytes, by: LocalAccount) -> bytes:
    """`by`'s signature, 65 bytes r ‖ s ‖ v."""
    return bytes(by.unsafe_sign_hash(digest).signature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A posted batch and what its receipts need to be verified."""

    batch: Batch
    receipts: tuple[Receipt, ...]
    tree: merkle.Tree
    posted_at: int
    transaction: Any

    def inclusion(self, sequence: int) -> Inclusion:
        return Inclusion(
            first=self.batch.first,
            size=self.batch.size,
            posted_at=self.posted_at,
            path=tuple(self.tree.path(sequence - self.batch.first)),
        )

    def proof(self, sequence: int) -> tuple[Any, Any]:
        """Receipt and inclusion as the ledger takes them."""
        return self.receipts[sequence - self.batch.first].abi(), self.inclusion(sequence).abi()


class Book:
    """Makes what a log's key signs, and settles it, against one ledger."""

    def __init__(self, ledger, chain_id, chain, operator, payer, signer):
        self.ledger, self.chain_id, self.chain = ledger, chain_id, chain
        self.operator, self.payer, self.signer = operator, payer, signer

    def opening(self, **changes: Any) -> LogOpening:
        fields = {
            "operator": self.operator.address,
            "signer": self.signer.address,
            "closes_at": self.chain.pending_timestamp + OPEN_FOR,
            "max_delay": MAX_DELAY,
        }
        return LogOpening(**(fields | changes))

    def sign_opening(self, opening: LogOpening, by: LocalAccount | None = None) -> bytes:
        return sign(opening.digest(self.chain_id, self.ledger.address), by or self.signer)

    def open(self, by: LocalAccount | None = None, sender=None, **changes: Any) -> Any:
        by, sender = by or self.signer, sender or self.operator
        opening = self.opening(signer=by.address, operator=sender.address, **changes)
        return self.ledger.open_log(
            opening.signer,
            opening.closes_at,
            opening.max_delay,
            self.sign_opening(opening, by),
            sender=sender,
        )

    def receipt(self, sequence: int, **changes: Any) -> Receipt:
        fields = {
            "signer": self.signer.address,
            "sequence": sequence,
            "model": keccak(b"model"),
            "runtime": keccak(b"runtime"),
            "request": ZERO,
            "inputs": keccak(b"inputs %d" % sequence),
            "outputs": keccak(b"outputs %d" % sequence),
            "issued_at": self.chain.pending_timestamp,
            "settle_by": 0,
        }
        return Receipt(**(fields | changes))

    def receipts(self, count: int, first: int | None = None) -> list[Receipt]:
        first = self.ledger.next_sequence(self.signer.address) if first is None else first
        return [self.receipt(first + i) for i in range(count)]

    def batch(self, receipts: Sequence[Receipt], **changes: Any) -> Batch:
        digests = b"".join(r.digest(self.chain_id, self.ledger.address) for r in receipts)
        batch = Batch(
            signer=receipts[0].signer,
            first=receipts[0].sequence,
            size=len(receipts),
            root=batch_tree(digests).root,
        )
        return replace(batch, **changes)

    def sign_batch(self, batch: Batch, by: LocalAccount | None = None) -> bytes:
        return sign(batch.digest(self.chain_id, self.ledger.address), by or self.signer)

    def signed(self, batch: Batch, by: LocalAccount | None = None) -> tuple[Any, bytes]:
        """`post_batch`'s two arguments."""
        return batch.abi(), self.sign_batch(batch, by)

    def settle(
        self,
        receipts: Sequence[Receipt] | int,
        by: LocalAccount | None = None,
        signature: bytes | None = None,
        sender=None,
        **changes: Any,
    ) -> Settled:
        """Post receipts, or a number of them, as the log's next batch."""
        if isinstance(receipts, int):
            receipts = self.receipts(receipts)
        batch = self.batch(receipts, **changes)
        if signature is None:
            signature = self.sign_batch(batch, by)
        transaction = self.ledger.post_batch(batch.abi(), signature, sender=sender or self.payer)
        digests = b"".join(r.digest(self.chain_id, self.ledger.address) for r in receipts)
        return Settled(
            batch=batch,
            receipts=tuple(receipts),
            tree=batch_tree(digests),
            posted_at=transaction.timestamp,
            transaction=transaction,
        )


def several(settled: Settled, sequences: Sequence[int]) -> tuple[list[Any], tuple[Any, ...]]:
    """`verify_several`'s two arguments: the receipts and one proof for all of them."""
    first = settled.batch.first
    known = {sequence - first for sequence in sequences}
    siblings = []
    for layer in settled.tree.layers[:-1]:
        for place in sorted(known):
            if place ^ 1 not in known and place ^ 1 < len(layer):
                siblings.append(layer[place ^ 1].tobytes())
        known = {place >> 1 for place in known}
    receipts = [settled.receipts[sequence - first].abi() for sequence in sequences]
    return receipts, (first, settled.batch.size, settled.posted_at, siblings)
