"""The batch file (docs/format.md §10): whoever holds it can rebuild every path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from counterfoil.errors import MalformedFile
from counterfoil.hashing.merkle import Tree
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import strict_json
from .batch import MAX_URI, Batch, batch_tree
from .fields import Fields, Nested, hex_out, number_out, restore
from .quoting import quoted
from .receipt import Inclusion

FORMAT = "counterfoil/batch@1"

MAX_BYTES = 2**30
"""Largest batch file read: some 16 million receipts."""


@dataclass(frozen=True, kw_only=True)
class BatchFile:
    """A signed batch with the digests of its receipts.

    Attributes:
        signature: 65 bytes, or empty after a revoke.
        digests: the receipts' digests in order, size × 32 bytes.
        extra: unknown fields, kept and never trusted.
        nested: unknown fields of the objects inside.
    """

    chain_id: int
    ledger: Address
    batch: Batch
    signature: Signature
    digests: bytes
    extra: Mapping[str, Any] = field(default_factory=dict)
    nested: Nested = field(default_factory=dict)

    @cached_property
    def tree(self) -> Tree:
        """The tree over the receipts."""
        return batch_tree(self.digests)

    def inclusion(
        self, sequence: int, posted_at: Seconds, transaction: Digest | None = None
    ) -> Inclusion:
        """Where a receipt of this batch lies, once the batch is posted.

        Raises:
            BadPath: `sequence` lies outside the batch.
        """
        return Inclusion(
            first=self.batch.first,
            size=self.batch.size,
            posted_at=posted_at,
            path=tuple(self.tree.path(sequence - self.batch.first)),
            transaction=transaction,
        )

    @classmethod
    def load(cls, path: str | Path) -> BatchFile:
        """Read a batch file.

        Raises:
            FileTooLarge, MalformedFile: as `parse`.
        """
        return cls.parse(strict_json.read(path, MAX_BYTES))

    @classmethod
    def parse(cls, raw: bytes) -> BatchFile:
        """A batch file from its bytes.

        Raises:
            FileTooLarge: over `MAX_BYTES`.
            MalformedFile: the layout is broken, or the digests do not give the batch's root.
        """
        top = Fields(strict_json.parse(raw, MAX_BYTES))
        kind = top.text("format")
        if kind != FORMAT:
            raise MalformedFile(f"the file's format is {quoted(kind)}, not {FORMAT!r}")
        chain_id, ledger = top.number("chainId", 256), top.address("ledger")
        b = top.child("batch")
        first, size = b.run()
        batch = Batch(
            signer=b.address("signer"),
            first=first,
            size=size,
            root=Digest(b.hex("root", 32)),
            uri=b.text("uri"),
        )
        if len(batch.uri.encode()) > MAX_URI:
            raise b.bad("uri", f"is over {MAX_URI} bytes")
        signature = top.hex("signature")
        if len(signature) not in (0, 65):
            raise top.bad("signature", f"has {len(signature)} bytes, not 65")
        file = cls(
            chain_id=chain_id,
            ledger=ledger,
            batch=batch,
            signature=Signature(signature),
            digests=top.hex("digests", 32 * size),
            extra=top.rest(),
            nested=top.nested(),
        )
        if file.tree.root != batch.root:
            raise top.bad("digests", "do not give batch.root")
        return file

    def dump(self) -> bytes:
        """The file's bytes."""
        b = self.batch
        out: dict[str, Any] = {
            "format": FORMAT,
            "chainId": number_out(self.chain_id),
            "ledger": self.ledger,
            "batch": {
                "signer": b.signer,
                "first": number_out(b.first),
                "size": number_out(b.size),
                "root": hex_out(b.root),
                "uri": b.uri,
            },
            "signature": hex_out(self.signature),
            "digests": hex_out(self.digests),
        }
        return strict_json.dump(restore(out, self.extra, self.nested))
