"""Batches and log openings (docs/format.md §7 and §8): what a log's key signs for the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from counterfoil.errors import BadPath
from counterfoil.hashing import merkle
from counterfoil.hashing.eip712 import address_word, digest, domain_separator, text, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds

BATCH_TYPE = keccak(b"Batch(address signer,uint64 first,uint64 size,bytes32 root,string uri)")
OPENING_TYPE = keccak(
    b"LogOpening(address operator,address signer,uint64 closesAt,uint32 maxDelay)"
)

MAX_SIZE = 2**32
"""Receipts in a batch, at most."""

MAX_URI = 256
"""Bytes of a batch's `uri`, at most: the ledger's bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A run of a log's receipts under one root.

    Attributes:
        first: the first receipt's sequence.
        size: receipts, 1 … 2^32.
        root: tree root over the receipts' leaves, 32 bytes.
        uri: where the batch file is published; may be empty.
    """

    signer: Address
    first: int
    size: int
    root: Digest
    uri: str = ""

    def digest(self, chain_id: int, ledger: Address) -> Digest:
        """What the log's key signs."""
        return digest(
            domain_separator(chain_id, ledger),
            keccak(
                BATCH_TYPE
                + address_word(self.signer)
                + word(self.first)
                + word(self.size)
                + self.root
                + text(self.uri)
            ),
        )

    def abi(self) -> tuple[Any, ...]:
        """The struct as contracts take it."""
        return (self.signer, self.first, self.size, self.root, self.uri)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOpening:
    """A signer's word that `operator` may open its log.

    Attributes:
        closes_at: Unix seconds after which the log issues no receipts.
        max_delay: seconds, the longest promise, 60 … 30 days.
    """

    operator: Address
    signer: Address
    closes_at: Seconds
    max_delay: Seconds

    def digest(self, chain_id: int, ledger: Address) -> Digest:
        """What the signer signs."""
        return digest(
            domain_separator(chain_id, ledger),
            keccak(
                OPENING_TYPE
                + address_word(self.operator)
                + address_word(self.signer)
                + word(self.closes_at)
                + word(self.max_delay)
            ),
        )


def batch_word(root: bytes, size: int, posted_at: int) -> Digest:
    """The one word that the ledger keeps of a batch: keccak(abi.encode(root, size, postedAt))."""
    return keccak(root + word(size) + word(posted_at))


def batch_tree(digests: bytes) -> merkle.Tree:
    """The tree over a batch's receipts.

    Args:
        digests: the receipts' digests in order, size × 32 bytes.
    Raises:
        EmptyTree: no digests.
        BadPath: they are not whole.
    """
    if len(digests) % 32:
        raise BadPath(f"{len(digests)} bytes are no whole number of digests")
    rows = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 32)
    return merkle.Tree(merkle.leaves(rows))
