"""The log opening file: a signer's word, on its way to the operator who opens the log.

No part of the wire formats (docs/format.md): what counts is the struct and its signature (§8).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterfoil.hashing.signature import recover
from counterfoil.hashing.types import Address, Seconds, Signature

from . import strict_json
from .batch import LogOpening
from .fields import Fields, hex_out, number_out


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
        f = Fields(strict_json.parse(raw))
        return cls(
            chain_id=f.number("chainId", 256),
            ledger=f.address("ledger"),
            opening=LogOpening(
                operator=f.address("operator"),
                signer=f.address("signer"),
                closes_at=Seconds(f.number("closesAt")),
                max_delay=Seconds(f.number("maxDelay", 32)),
            ),
            signature=Signature(f.hex("signature", 65)),
        )

    def dump(self) -> bytes:
        """The file's bytes."""
        o = self.opening
        return strict_json.dump(
            {
                "chainId": number_out(self.chain_id),
                "ledger": self.ledger,
                "operator": o.operator,
                "signer": o.signer,
                "closesAt": number_out(o.closes_at),
                "maxDelay": o.max_delay,
                "signature": hex_out(self.signature),
            }
        )
