"""All that only SQLite knows: connection settings, errors, place, backup."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from counterfoil.config import Durability
from counterfoil.errors import (
    JournalError,
    JournalFailed,
    JournalFull,
    JournalLocked,
    JournalReadOnly,
    JournalReplaced,
    NotAJournal,
)

CHECKPOINT_PAGES: Final = 4000
"""Pages in the write-ahead log at which SQLite copies them into the database: 16 MB."""


class Sqlite:
    """One database file in WAL mode.

    Attributes:
        path: the file.
        lock: the file on which processes queue.
    """

    shared: Final = False
    prune: Final = "PRAGMA secure_delete=ON"

    def __init__(self, url: sa.URL, durability: Durability) -> None:
        if not url.database or url.database == ":memory:":
            raise NotAJournal("a journal is a file: name one, as in sqlite:////home/me/journal.db")
        self.path = Path(url.database).absolute()
        self.lock = self.path.with_name(self.path.name + ".lock")
        self._name = str(self.path)
        self._url = url.set(database=str(self.path))
        self._synchronous = durability.upper()
        self._inode = 0
        self._replaced = False
        self._saved: Path | None = None

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def prepare(self) -> None:
        """Make the folder, mode 0700, and an empty file, mode 0600.

        Raises:
            JournalReadOnly, JournalFull: they cannot be made.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Only where there is none: to close a file that SQLite has open drops its locks.
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError as error:
            raise _of_system(error, self.path) from error

    def engine(self, wait: float) -> sa.Engine:
        """An engine whose connections are set up and begin nothing by themselves.

        Args:
            wait: seconds to wait for another program that holds the database.
        """
        engine = sa.create_engine(
            self._url,
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=8,
            connect_args={"timeout": wait, "check_same_thread": False},
        )
        sa.event.listen(engine, "connect", self._set_up)
        sa.event.listen(engine, "begin", self._begin)
        return engine

    def _set_up(self, raw: sqlite3.Connection, _: object) -> None:
        raw.isolation_level = None
        cursor = raw.cursor()
        mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise JournalFailed(f"{self.path} takes no write-ahead log: put it on a local disk")
        cursor.execute(f"PRAGMA synchronous={self._synchronous}")
        cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @staticmethod
    def _begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("begun"):
            connection.exec_driver_sql("BEGIN")

    @staticmethod
    def begin(cursor: Any, journal: int | None, first: str | None) -> None:
        """Begin a transaction in which nobody else writes, whatever the journal."""
        cursor.execute("BEGIN IMMEDIATE")
        if first is not None:
            cursor.execute(first, (journal,))

    def alone(self, cursor: Any) -> None:
        """Nothing to do: who writes is alone."""

    def end_stuck(self, raw: Any, journal: int | None, seconds: float) -> None:
        """Nothing: a file lock ends with its process alone."""

    def durable(self, cursor: Any, on: bool) -> None:
        """Make the next transaction survive a power cut whatever the profile says, and undo it."""
        cursor.execute(f"PRAGMA synchronous={'FULL' if on else self._synchronous}")

    def place(self, connection: sa.Connection) -> str:
        """What a copy of the database has another of: its inode."""
        return f"inode:{self.path.stat().st_ino}"

    def check_durable(self, raw: Any) -> None:
        """Nothing to do: each connection says how durable it is."""

    def opened(self, raw: sqlite3.Connection) -> None:
        """Remember which file the first connection has: a later one must have the same."""
        self._inode = self._inode or self.path.stat().st_ino

    def check_in_place(self) -> None:
        """Refuse to write into a file that was deleted or replaced under its name.

        Raises:
            JournalReplaced: so it was.
        """
        if self._inode and not self._replaced:
            try:
                now = os.stat(self._name).st_ino  # noqa: PTH116 (each seal does it)
            except OSError:
                now = 0
            self._replaced = now != self._inode
        if self._replaced:  # for good: a file system may give the number to the next file
            raise JournalReplaced(
                f"{self.path} was deleted or replaced while in use: put back what it held"
                f"{'' if self._saved is None else f', which is in {self._saved},'} to settle it; "
                "a program that is started anew begins a new log"
            )

    def save(self, raw: sqlite3.Connection) -> None:
        """Write what a deleted file held beside its place, from the connection that has it open.

        The copy settles and does not seal. Where it cannot be written nothing is.
        """
        target = self.path.with_name(f"{self.path.name}.saved-{os.getpid()}")
        if self._saved is not None or target.exists():
            return
        with suppress(sqlite3.Error, OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _copy(raw, target)
            copy = sqlite3.connect(target)
            with copy:
                copy.execute("UPDATE journals SET halted='restored' WHERE halted IS NULL")
            copy.close()
            self._saved = target

    def backup(self, connection: sa.Connection, target: Path) -> None:
        """Copy the database while it is in use, with SQLite's online backup."""
        _copy(connection.connection.dbapi_connection, target)

    def scrub(self, connection: sa.Connection, table: str) -> None:
        """Leave no deleted bytes behind in the write-ahead log."""
        raw: Any = connection.connection.dbapi_connection
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @staticmethod
    def now() -> sa.ColumnElement[int]:
        """Milliseconds since 1970: who shares the file shares the machine's clock."""
        return sa.literal(time.time_ns() // 1_000_000)

    def broken(self, raw: sqlite3.Connection) -> bool:
        """Never: there is no network between."""
        return False

    def translate(  # noqa: PLR0911 (a table of codes)
        self, error: BaseException
    ) -> JournalError | None:
        """The journal's error for one of SQLite's, None where it is none of them."""
        if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
            error = error.orig
        if isinstance(error, OSError):
            return _of_system(error, self.path)
        if not isinstance(error, sqlite3.Error):
            return None
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._no_space()):
            return JournalFull(f"the disk of {self.path} is full: make room and try again")
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return JournalLocked(f"another program holds {self.path}: close it and try again")
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
            return JournalReadOnly(
                f"cannot write {self.path}: check its owner and mode, and those of its folder"
            )
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return NotAJournal(
                f"{self.path} is damaged or no database ({error}): restore a backup, "
                "or move it away to begin a new log"
            )
        return JournalFailed(f"the journal {self.path} failed: {error}")

    def _no_space(self) -> bool:
        try:
            found = os.statvfs(self.path.parent)
        except OSError:
            return False
        return found.f_bavail == 0


def _copy(raw: Any, target: Path) -> None:
    copy = sqlite3.connect(target)
    try:
        raw.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    finally:
        copy.close()
    target.chmod(0o600)


def _of_system(error: OSError, path: Path) -> JournalError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return JournalFull(f"the disk of {path} is full: make room and try again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return JournalReadOnly(
            f"cannot write in {path.parent}: check its owner and mode ({error.strerror})"
        )
    return JournalFailed(f"the journal {path} failed: {error.strerror}")
