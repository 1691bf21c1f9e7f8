"""The log opening file: a signer's word, on its way to the operator who opens the log.

No part of the wire formats (docs/format.md): what counts is the struct and its signature (§8).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterfoil.errors import MalformedFile
from counterfoil.hashing.signature import recover
from counterfoil.hashing.types import Address, Seconds, Signature

from . import strict_json
from .batch import LogOpening
from .fields import Fields, hex_out, number_out
from .quoting import quoted

FORMAT = "counterfoil/log-opening@1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOpeningFile:
    """A signed log opening, and the ledger that it is for.

    Attributes:
        signature: 65 bytes, by the opening's signer.
    """

    chain_id: int
    ledger: Address
    opening: LogOpening
    signature: Signature

    def signed_by(self) -> Address:
        """Who signed it.

        Raises:
            BadSignature: docs/format.md §6 takes no such signature.
        """
        return recover(self.opening.digest(self.chain_id, self.ledger), self.signature)

    @classmethod
    def load(cls, path: str | Path) -> LogOpeningFile:
        """Read a log opening file.

        Raises:
            FileTooLarge, MalformedFile: as `parse`.
        """
        return cls.parse(strict_json.read(path))

    @classmethod
    def parse(cls, raw: bytes) -> LogOpeningFile:
        """A log opening file from its bytes.

        Raises:
            FileTooLarge: over 64 MiB.
            MalformedFile: the layout is broken; the message names the field.
        """
        top = Fields(strict_json.parse(raw))
        kind = top.text("format")
        if kind != FORMAT:
            raise MalformedFile(f"the file's format is {quoted(kind)}, not {FORMAT!r}")
        o = top.child("opening")
        return cls(
            chain_id=top.number("chainId", 256),
            ledger=top.address("ledger"),
            opening=LogOpening(
                operator=o.address("operator"),
                signer=o.address("signer"),
                closes_at=Seconds(o.number("closesAt")),
                max_delay=Seconds(o.number("maxDelay", 32)),
            ),
            signature=Signature(top.hex("signature", 65)),
        )

    def dump(self) -> bytes:
        """The file's bytes."""
        o = self.opening
        return strict_json.dump(
            {
                "format": FORMAT,
                "chainId": number_out(self.chain_id),
                "ledger": self.ledger,
                "opening": {
                    "operator": o.operator,
                    "signer": o.signer,
                    "closesAt": number_out(o.closes_at),
                    "maxDelay": o.max_delay,
                },
                "signature": hex_out(self.signature),
            }
        )
