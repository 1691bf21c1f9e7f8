"""The receipt file (docs/format.md §9): a receipt with whatever shows more of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterfoil.errors import MalformedFile
from counterfoil.hashing.merkle import MAX_PATH
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import strict_json
from .fields import Fields, Nested, hex_out, number_out, restore
from .preimage import Preimage
from .quoting import quoted
from .receipt import Inclusion, Receipt
from .set_opening import SetOpening

FORMAT = "counterfoil/receipt@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What shows a receipt's tensors; either side may be absent."""

    inputs: SetOpening | None = None
    outputs: SetOpening | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    """A receipt file's content. Nothing in it is checked beyond its layout: see `verify`.

    Attributes:
        extra: unknown fields, kept and never trusted.
        nested: unknown fields of the objects inside.
    """

    chain_id: int
    ledger: Address
    receipt: Receipt
    signature: Signature
    inclusion: Inclusion | None = None
    opening: Opening | None = None
    preimage: Preimage | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    nested: Nested = field(default_factory=dict)

    @property
    def digest(self) -> Digest:
        """The receipt's identity."""
        return self.receipt.digest(self.chain_id, self.ledger)

    @classmethod
    def load(cls, path: str | Path) -> ReceiptFile:
        """Read a receipt file.

        Raises:
            FileTooLarge, MalformedFile: as `parse`.
        """
        return cls.parse(strict_json.read(path))

    @classmethod
    def parse(cls, raw: bytes) -> ReceiptFile:
        """A receipt file from its bytes.

        Raises:
            FileTooLarge: over 64 MiB.
            MalformedFile: the layout is broken; the message names the field.
        """
        top = Fields(strict_json.parse(raw))
        kind = top.text("format")
        if kind != FORMAT:
            raise MalformedFile(f"the file's format is {quoted(kind)}, not {FORMAT!r}")
        chain_id, ledger = top.number("chainId", 256), top.address("ledger")
        receipt, signature = _receipt(top.child("receipt")), Signature(top.hex("signature", 65))
        inclusion, opening = top.maybe("inclusion"), top.maybe("opening")
        preimage = top.maybe("preimage")
        return cls(
            chain_id=chain_id,
            ledger=ledger,
            receipt=receipt,
            signature=signature,
            inclusion=None if inclusion is None else _inclusion(inclusion),
            opening=None if opening is None else _opening(opening),
            preimage=None if preimage is None else Preimage.parse(preimage),
            extra=top.rest(),
            nested=top.nested(),
        )

    def write(self, path: Path) -> None:
        """Write the file; with openings, which show tensors and masters, for its owner alone.

        Raises:
            OSError: it cannot be written.
        """
        mode = 0o666 if self.opening is None else 0o600
        content = self.dump()
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, mode), "wb") as stream:
            found = os.fstat(stream.fileno())
            if self.opening is not None and stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
                os.fchmod(stream.fileno(), 0o600)  # it was there, and open to others
            stream.write(content)

    def dump(self) -> bytes:
        """The file's bytes."""
        out: dict[str, Any] = {
            "format": FORMAT,
            "chainId": number_out(self.chain_id),
            "ledger": self.ledger,
            "receipt": _receipt_out(self.receipt),
            "signature": hex_out(self.signature),
        }
        if self.inclusion is not None:
            out["inclusion"] = _inclusion_out(self.inclusion)
        if self.opening is not None:
            sides = {"inputs": self.opening.inputs, "outputs": self.opening.outputs}
            out["opening"] = {name: s.dump() for name, s in sides.items() if s is not None}
        if self.preimage is not None:
            out["preimage"] = self.preimage.dump()
        return strict_json.dump(restore(out, self.extra, self.nested))


def _receipt(f: Fields) -> Receipt:
    return Receipt(
        signer=f.address("signer"),
        sequence=f.number("sequence"),
        model=Digest(f.hex("model", 32)),
        runtime=Digest(f.hex("runtime", 32)),
        request=Digest(f.hex("request", 32)),
        inputs=Digest(f.hex("inputs", 32)),
        outputs=Digest(f.hex("outputs", 32)),
        issued_at=Seconds(f.number("issuedAt")),
        settle_by=Seconds(f.number("settleBy")),
    )


def _receipt_out(r: Receipt) -> dict[str, Any]:
    return {
        "signer": r.signer,
        "sequence": number_out(r.sequence),
        "model": hex_out(r.model),
        "runtime": hex_out(r.runtime),
        "request": hex_out(r.request),
        "inputs": hex_out(r.inputs),
        "outputs": hex_out(r.outputs),
        "issuedAt": number_out(r.issued_at),
        "settleBy": number_out(r.settle_by),
    }


def _inclusion(f: Fields) -> Inclusion:
    first, size = f.run()
    transaction = f.hex("transaction", 32) if f.has("transaction") else None
    return Inclusion(
        first=first,
        size=size,
        posted_at=Seconds(f.number("postedAt")),
        path=tuple(map(Digest, f.hexes("path", 32, MAX_PATH))),
        transaction=None if transaction is None else Digest(transaction),
    )


def _inclusion_out(i: Inclusion) -> dict[str, Any]:
    out: dict[str, Any] = {
        "first": number_out(i.first),
        "size": number_out(i.size),
        "postedAt": number_out(i.posted_at),
        "path": [hex_out(node) for node in i.path],
    }
    if i.transaction is not None:
        out["transaction"] = hex_out(i.transaction)
    return out


def _opening(f: Fields) -> Opening:
    inputs, outputs = f.maybe("inputs"), f.maybe("outputs")
    return Opening(
        inputs=None if inputs is None else SetOpening.parse(inputs),
        outputs=None if outputs is None else SetOpening.parse(outputs),
    )
