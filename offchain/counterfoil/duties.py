"""What an operator owes besides batches. Fault proofs stand above settling, so the package's
root, which stands above both, puts the way to their duty in here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Duty(Protocol):
    """Something that a log's operator must do in time, done in every step of settling."""

    def step(self, record: Any, payer: Any) -> tuple[tuple[str, ...], list[str]]:
        """Do what is due.

        Args:
            record: the log's, as the ledger has it.
            payer: the account that pays gas, None: there is none.
        Returns:
            What was sent, and what is worth knowing, a line each.
        """


Maker = Callable[[Any, Any, Any, Callable[[], float]], Duty | None]
"""From a journal, its chain, its profile and a clock to a duty; None: the log has it not."""

_makers: list[Maker] = []


def provide(maker: Maker) -> None:
    """Say how a duty is made."""
    _makers[:] = [maker]


def duties_of(journal: Any, chain: Any, profile: Any, clock: Callable[[], float]) -> list[Duty]:
    """The duties of a log."""
    made = (make(journal, chain, profile, clock) for make in _makers)
    return [duty for duty in made if duty is not None]
