"""From drafts to receipts: digest, signature, and the row that the journal keeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from counterfoil.formats.receipt import RECEIPT_TYPE, Receipt
from counterfoil.hashing.eip712 import address_word, domain_separator
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.lanes_threads import share
from counterfoil.hashing.types import Address, Digest, Seconds, Signature
from counterfoil.keys import SigningKey

from .values import Draft, Sealed

SHARED: Final = 32
PART: Final = 8
"""Receipts of a transaction from which threads share the signing, and how many each takes."""


class Signing:
    """Signs the receipts of one journal.

    Args:
        number: the journal's.
        bound: what makes of bytes a parameter that the database's driver binds soonest.
    """

    __slots__ = ("_bound", "_chain_id", "_front", "_key", "_ledger", "_number", "_signer",
                 "_struct")  # fmt: skip

    def __init__(
        self,
        *,
        number: int,
        chain_id: int,
        ledger: Address,
        key: Callable[[], SigningKey],
        signer: Address,
        bound: Callable[[bytes], bytes | bytearray],
    ) -> None:
        self._number = number
        self._chain_id = chain_id
        self._ledger = ledger
        self._key = key
        self._signer = signer
        self._bound = bound
        self._front = b"\x19\x01" + domain_separator(chain_id, ledger)
        self._struct = RECEIPT_TYPE + address_word(signer)

    def sign(
        self, drafts: Sequence[Draft], first: int, issued_at: Seconds, settle_by: Seconds
    ) -> tuple[list[Sealed], list[tuple[Any, ...]]]:
        """Receipts under the numbers from `first` on, and their rows."""
        times = issued_at.to_bytes(32, "big") + settle_by.to_bytes(32, "big")
        front, struct = self._front, self._struct
        digests = [
            keccak(
                front
                + keccak(
                    b"".join(
                        (struct, sequence.to_bytes(32, "big"), d.model, d.runtime, d.request,
                         d.inputs, d.outputs, times)
                    )
                )
            )
            for sequence, d in enumerate(drafts, first)
        ]  # fmt: skip
        number, bound = self._number, self._bound
        sealed: list[Sealed] = []
        rows: list[tuple[Any, ...]] = []
        signatures = self._signatures(digests)
        sequence = first
        for d, digest, signature in zip(drafts, digests, signatures, strict=True):
            receipt = Receipt(
                signer=self._signer,
                sequence=sequence,
                model=d.model,
                runtime=d.runtime,
                request=d.request,
                inputs=d.inputs,
                outputs=d.outputs,
                issued_at=issued_at,
                settle_by=settle_by,
            )
            sealed.append(
                Sealed(
                    receipt=receipt,
                    signature=signature,
                    chain_id=self._chain_id,
                    ledger=self._ledger,
                )
            )
            one, other = d.input_master, d.output_master
            rows.append((
                number, sequence, bound(digest), bound(d.model), bound(d.runtime),
                bound(d.request), bound(d.inputs), bound(d.outputs), issued_at, settle_by,
                bound(signature), None if one is None else bound(one),
                None if other is None else bound(other),
            ))  # fmt: skip
            sequence += 1
        return sealed, rows

    def _signatures(self, digests: Sequence[Digest]) -> Sequence[Signature]:
        sign = self._key().sign
        if len(digests) < SHARED:
            return [sign(digest) for digest in digests]
        found: list[Signature] = [Signature(b"")] * len(digests)

        def work(start: int, stop: int) -> None:
            for place in range(start, stop):
                found[place] = sign(digests[place])

        share(len(digests), work, size=PART, least=SHARED)
        return found
