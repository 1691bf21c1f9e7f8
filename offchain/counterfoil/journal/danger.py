"""The earliest promise that is not kept yet, looked up in bounded time while sealing goes on.

Batches know their earliest promise. The receipts that are in no batch are looked at once each,
a page at a look, as promises need not come in the order of numbers: an operator may shorten
them while others wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from counterfoil.hashing.types import Seconds

from .statements import Statements

PAGE: Final = 2**14
"""Receipts at one look: some milliseconds, and more than are sealed between two looks."""

EVERY: Final = 1.0
"""Seconds between two looks while all is well; a seal that is refused looks each time."""

Ask = Callable[[str, tuple[Any, ...]], Any]
"""(SQL, parameters) → what has `fetchone`, in a transaction or a snapshot."""


class Promises:
    """The promises of one journal that no posted batch keeps. Not thread-safe."""

    __slots__ = ("_batched", "_looked", "_number", "_pending", "_seen", "_waiting")

    def __init__(self, number: int) -> None:
        self._number = number
        self._looked = float("-inf")
        self._pending = self._seen = 0
        self._batched: int | None = None
        self._waiting: int | None = None

    def earliest(self, ask: Ask, sql: Statements, clock: float) -> Seconds | None:
        """The earliest promise as of `EVERY` seconds ago at most; None: there is none.

        Args:
            clock: seconds that never run backwards.
        """
        if not self.fresh(clock):
            self._look(ask, sql)
            self._looked = clock
        return self.known()

    def fresh(self, clock: float) -> bool:
        """Whether the last look counts still."""
        return clock - self._looked < EVERY

    def known(self) -> Seconds | None:
        """The earliest promise as of the last look, and of those noted since."""
        known = [p for p in (self._batched, self._waiting) if p is not None]
        return Seconds(min(known)) if known else None

    def note(self, promise: Seconds) -> None:
        """A receipt with this promise was sealed here."""
        self._waiting = promise if self._waiting is None else min(promise, self._waiting)

    def forget(self) -> None:
        """Look anew the next time."""
        self._looked = float("-inf")

    def _look(self, ask: Ask, sql: Statements) -> None:
        (self._batched,) = ask(sql.promised_in_batches, (self._number,)).fetchone()
        last = ask(sql.last_batch, (self._number,)).fetchone()
        pending = last[0] if last else 0
        if pending != self._pending:
            self._pending = self._seen = pending
            self._waiting = None
        page = (self._number, self._seen, self._seen + PAGE)
        promised, top = ask(sql.promised_in_page, page).fetchone()
        if top is not None:
            self._seen = top + 1
        if promised is not None:
            self._waiting = promised if self._waiting is None else min(promised, self._waiting)
