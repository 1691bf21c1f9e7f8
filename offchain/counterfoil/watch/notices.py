"""What a watchtower tells: each thing once, also over restarts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from counterfoil.hashing.types import Address

Level = Literal["info", "warning", "alarm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing worth telling.

    Attributes:
        kind: one word, or words with hyphens: `near`, `broken`, `missing`, `sent`, …
        signer: the log that it is about, None: none.
        number: a receipt's or a batch's first, None: of the log as a whole.
        text: a sentence for people.
        data: more for programs.
        again: tells this from the same kind of thing another time.
    """

    kind: str
    text: str
    level: Level = "info"
    signer: Address | None = None
    number: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    again: str = ""

    @property
    def key(self) -> str:
        """What makes two notices one."""
        return f"{self.kind}:{self.signer}:{self.number}:{self.again}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one look found.

    Attributes:
        notices: what is new.
        logs: logs that are followed.
        receipts: receipts that are held.
        settled: of these, with a path to a batch that is deep enough.
        near: promises that will soon be broken, or whose grace is running.
        broken: promises that are broken, and other offences that are seen.
        missing: batches whose file is not to be had.
        open_claims: proofs that are on their way.
    """

    notices: tuple[Notice, ...]
    logs: int
    receipts: int
    settled: int
    near: int
    broken: int
    missing: int
    open_claims: int

    @property
    def done(self) -> bool:
        """Whether nothing is left to be looked at again."""
        return self.settled == self.receipts and not (self.open_claims or self.missing)
