"""What a challenger may spend, what one look came to, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from counterfoil.hashing.types import Seconds

from .run import Proof
from .walk import End, Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a challenger may spend.

    Attributes:
        gas_price: wei a gas, at most; above it everything waits.
        at_a_loss: begin also what earns less than it may cost.
    """

    gas_price: int
    at_a_loss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing worth telling.

    Attributes:
        kind: one word, or words with hyphens.
        text: a sentence for people.
        again: tells this from the same kind of thing another time.
        data: more for programs.
    """

    kind: str
    text: str
    level: Literal["info", "warning", "alarm"] = "info"
    again: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look came to.

    Attributes:
        move: what is to be done, or was sent.
        until: Unix seconds, the chain's: nothing is to be done before; None: look again soon.
    """

    move: Move
    said: tuple[Said, ...]
    until: Seconds | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do for this receipt."""
        return isinstance(self.move, End)

    @property
    def stopped(self) -> bool:
        """Whether nothing is sent, and time does not change it."""
        return any(said.kind in ("unprofitable", "no-payer") for said in self.said)


def what(proof: Proof | None) -> str:
    """What is wrong, in a few words."""
    if proof is None:
        return "another trace"
    names = {
        "STEP": "a wrong step", "LINK": "another output than the program's",
        "TENSOR": "another tensor than the program's", "COUNT": "another number of tensors",
        "LENGTH": "a row of another length", "FILLING": "something behind the last row",
    }  # fmt: skip
    return names[proof.fault.name]


def coins(wei: int) -> str:
    return f"{wei / 1e18:.6f} of the chain's currency"
