"""Receipts (docs/format.md §6): nine fields, one digest, one leaf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterfoil.hashing import merkle
from counterfoil.hashing.eip712 import address_word, digest, domain_separator, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import recover
from counterfoil.hashing.types import Address, Digest, Seconds

from .frozen import filled_at_once

RECEIPT_TYPE = keccak(
    b"Receipt(address signer,uint64 sequence,bytes32 model,bytes32 runtime,bytes32 request,"
    b"bytes32 inputs,bytes32 outputs,uint64 issuedAt,uint64 settleBy)"
)

MAX_DELAY_MIN = Seconds(60)
MAX_DELAY_MAX = Seconds(30 * 24 * 3600)
"""Bounds of a log's `maxDelay` (docs/format.md §8)."""

CLOCK_TOLERANCE = Seconds(300)
"""How far `issuedAt` may lie from a client's own clock (docs/format.md §8)."""

POSTING_TOLERANCE = Seconds(60)
"""How far `issuedAt` may lie past `postedAt` (docs/format.md §11)."""


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One inference, as its signer answers for it.

    Attributes:
        signer: the log's key.
        sequence: the receipt's number in its log, from 0.
        model: hashStruct(Model).
        runtime: hashStruct(Runtime), or hashStruct(Program) of an exact program.
        request: 32 bytes chosen by the requester, or zero.
        inputs: hashStruct(TensorSet).
        outputs: hashStruct(TensorSet).
        issued_at: Unix seconds, the issuer's word.
        settle_by: Unix seconds by which a posted batch holds it; 0 is no promise.
    """

    signer: Address
    sequence: int
    model: Digest
    runtime: Digest
    request: Digest
    inputs: Digest
    outputs: Digest
    issued_at: Seconds
    settle_by: Seconds

    @property
    def struct_hash(self) -> Digest:
        """hashStruct(Receipt)."""
        return keccak(
            b"".join(
                (
                    RECEIPT_TYPE,
                    address_word(self.signer),
                    word(self.sequence),
                    self.model,
                    self.runtime,
                    self.request,
                    self.inputs,
                    self.outputs,
                    word(self.issued_at),
                    word(self.settle_by),
                )
            )
        )

    def digest(self, chain_id: int, ledger: Address) -> Digest:
        """The receipt's identity on one ledger: its EIP-712 digest."""
        return digest(domain_separator(chain_id, ledger), self.struct_hash)

    def leaf(self, chain_id: int, ledger: Address) -> Digest:
        """The receipt's leaf in its batch's tree."""
        return merkle.leaf(self.digest(chain_id, ledger))

    def signed_by(self, signature: bytes, chain_id: int, ledger: Address) -> Address:
        """Who signed it.

        Raises:
            BadSignature: docs/format.md §6 takes no such signature.
        """
        return recover(self.digest(chain_id, ledger), signature)

    def abi(self) -> tuple[Any, ...]:
        """The struct as contracts take it, fields in the interface's order."""
        return (
            self.signer, self.sequence, self.model, self.runtime, self.request,
            self.inputs, self.outputs, self.issued_at, self.settle_by,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Where a settled receipt lies: its batch and its path in it (docs/format.md §9).

    Attributes:
        first: the batch's first sequence.
        size: receipts in the batch.
        posted_at: Unix seconds, the chain's.
        path: siblings, from the leaf upwards.
        transaction: hash of the posting transaction, where known; never part of a proof.
    """

    first: int
    size: int
    posted_at: Seconds
    path: tuple[Digest, ...]
    transaction: Digest | None = None

    def root(self, leaf: Digest, sequence: int) -> Digest:
        """The batch root to which the path leads.

        Raises:
            BadPath: `sequence` lies outside the batch, or the path does not fit its place.
        """
        return merkle.root_from_path(leaf, sequence - self.first, self.size, self.path)

    def abi(self) -> tuple[Any, ...]:
        """The struct as contracts take it."""
        return (self.first, self.size, self.posted_at, list(self.path))
