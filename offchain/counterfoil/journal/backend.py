"""What a database has to offer a journal; `sqlite` and `postgres` each do in their own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from counterfoil.errors import JournalError


class Backend(Protocol):
    """One database.

    Attributes:
        path: the database's file; None: it is on a server.
        lock: the file on which processes queue for writing; None: the database has a queue.
        shared: whether several machines may use the database, each with logs of its own.
        prune: the statement before deleting what is to leave no trace.
    """

    @property
    def path(self) -> Path | None: ...
    @property
    def lock(self) -> Path | None: ...
    @property
    def shared(self) -> bool: ...
    @property
    def prune(self) -> str: ...

    def exists(self) -> bool:
        """Whether it is worth connecting."""

    def prepare(self) -> None:
        """Make what a connection needs."""

    def engine(self, wait: float) -> sa.Engine:
        """An engine whose connections are set up, and whose readers see one moment."""

    def begin(self, cursor: Any, journal: int | None, first: str | None) -> None:
        """Begin a transaction in which nobody else writes.

        Args:
            journal: to this journal; None: the schema, or a new journal.
            first: a query, of the journal's number alone, that the cursor is to have run then.
        """

    def alone(self, cursor: Any) -> None:
        """From here on nobody else makes a journal, until the transaction ends."""

    def end_stuck(self, raw: Any, journal: int | None, seconds: float) -> None:
        """End transactions that have kept others from writing to a journal for so long."""

    def durable(self, cursor: Any, on: bool) -> None:
        """Make the next transaction survive a power cut whatever the profile says, and undo it."""

    def place(self, connection: sa.Connection) -> str:
        """What a copy of the database has another of."""

    def check_durable(self, raw: Any) -> None:
        """Refuse a database that may lose what it has committed."""

    def opened(self, raw: Any) -> None:
        """Take note of a new connection that writes."""

    def check_in_place(self) -> None:
        """Refuse to write into another database than the one that was opened."""

    def save(self, raw: Any) -> None:
        """Save what a connection still holds of a database that is gone."""

    def backup(self, connection: sa.Connection, target: Path) -> None:
        """Copy the database, in use as it may be, into an SQLite file."""

    def scrub(self, connection: sa.Connection, table: str) -> None:
        """Leave as little as can be of what was deleted from a table."""

    def broken(self, raw: Any) -> bool:
        """Whether a connection is of no use any more."""

    def now(self) -> sa.ColumnElement[int]:
        """Milliseconds since 1970 by the clock that all who share the database see."""

    def translate(self, error: BaseException) -> JournalError | None:
        """The journal's error for one of the database's, None where it is none of them."""
