"""All that only PostgreSQL knows: session settings, locks, errors, what tells a copy."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from counterfoil.errors import (
    JournalError,
    JournalFailed,
    JournalFull,
    JournalLocked,
    JournalNotDurable,
    JournalReadOnly,
    JournalReplaced,
    JournalUnreachable,
    NotAJournal,
)

from .copying import copy_to_sqlite

IDLE: Final = 30
"""Seconds after which a transaction is ended whose program says nothing, stopped as it may be, so
that others get its lock. The tree of the largest batch takes a few.
"""

CONNECT: Final = 10
"""Seconds to connect within."""

_LOCKS: Final = 0x6366_6C67
"""First half of the advisory locks' keys: "cflg". The second is the journal's number, or 0."""

_PLACE: Final = """
SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE
  'pg:' || (SELECT system_identifier FROM pg_control_system())
  || ':' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  || ':' || (SELECT oid FROM pg_database WHERE datname = current_database())
  || ':' || 'journals'::regclass::oid END"""
"""The cluster, its timeline, the database, the table: one differs after a dump was restored,
after a recovery to an earlier time, and on a standby that was promoted."""

_FULL: Final = ("53100", "54000")
_HELD: Final = ("55P03", "40P01", "40001", "57014")
_READ_ONLY: Final = ("25006", "42501")
_AWAY: Final = ("57P01", "57P02", "57P03", "57P05", "25P03", "53300")
"""SQLSTATE codes. Source: PostgreSQL's documentation, appendix A."""


class Postgres:
    """One database on a server, which machines share.

    Each session is in autocommit: transactions begin by statements of ours, those that write at
    READ COMMITTED behind an advisory lock, those that read at REPEATABLE READ.
    """

    path: Final = None
    lock: Final = None
    shared: Final = True
    prune: Final = "SELECT 1"

    def __init__(self, url: sa.URL) -> None:
        try:
            import psycopg
        except ImportError:
            raise NotAJournal(
                "a journal in PostgreSQL needs more: pip install 'counterfoil[postgres]'"
            ) from None
        self._psycopg = psycopg
        self._url = url.set(drivername="postgresql+psycopg")
        self._name = self._url.render_as_string()
        self._place = ""

    def exists(self) -> bool:
        """True: whether it is there shows when it is asked."""
        return True

    def prepare(self) -> None:
        """Nothing: databases are made by their owner."""

    def engine(self, wait: float) -> sa.Engine:
        """An engine; see the class.

        Args:
            wait: seconds to wait for locks.
        """
        engine = sa.create_engine(
            self._url,
            paramstyle="format",
            poolclass=QueuePool,
            pool_size=4,
            max_overflow=8,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": CONNECT,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 1000 * IDLE,
                "application_name": f"counterfoil {os.getpid()}",
            },
        )
        milliseconds = max(1, int(wait * 1000))

        def set_up(raw: Any, _: object) -> None:
            raw.autocommit = True
            raw.execute(
                # remote_apply is more than `on`; all others are less
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') <> 'remote_apply';"
                f"SET lock_timeout = {milliseconds};"
                f"SET idle_in_transaction_session_timeout = {1000 * IDLE}"
            )

        sa.event.listen(engine, "connect", set_up)
        sa.event.listen(engine, "begin", self._begin_reading)
        return engine

    @staticmethod
    def _begin_reading(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get("begun"):
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def begin(self, cursor: Any, journal: int | None, first: str | None) -> None:
        """Begin, and queue for the journal: the server grants its locks in turn.

        What the transaction reads afterwards is as of then, not as of before the wait. All
        goes in one message, as the way to the server is what takes the time.
        """
        begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        lock = f"SELECT pg_advisory_xact_lock({_LOCKS}, {journal or 0:d})"
        try:
            if first is None:
                cursor.execute(f"{begin}; {lock}")
                return
            with cursor.connection.pipeline():
                cursor.execute(begin)
                cursor.execute(lock)
                cursor.execute(first, (journal,))
        except self._psycopg.errors.LockNotAvailable:
            cursor.connection.rollback()
            self.end_stuck(cursor.connection, journal, IDLE)  # the next one gets the lock
            raise

    def end_stuck(self, raw: Any, journal: int | None, seconds: float) -> None:
        """End sessions of this role whose transactions have had the journal's lock for so long.

        The server's own limit, `IDLE`, does not end all of them: after messages that were sent
        together it may not be set, and among them a session does not count as idle. What they
        wrote is undone, and who is ended connects anew.
        """
        raw.execute(
            "SELECT pg_terminate_backend(pid, 1000) "
            "FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND usename = current_user AND pid <> pg_backend_pid() "
            "AND xact_start < clock_timestamp() - make_interval(secs => %s)",
            (_LOCKS, journal or 0, seconds),
        )

    @staticmethod
    def alone(cursor: Any) -> None:
        """Queue for the making of journals, after the journal's own lock, never before it."""
        cursor.execute(f"SELECT pg_advisory_xact_lock({_LOCKS}, 0)")

    def durable(self, cursor: Any, on: bool) -> None:
        """Nothing to do: every transaction is."""

    def place(self, connection: sa.Connection) -> str:
        """Cluster, timeline, database and table, by their numbers; `standby` on one."""
        place = str(connection.exec_driver_sql(_PLACE).scalar_one())
        self._place = self._place or place
        return place

    def opened(self, raw: Any) -> None:
        """Check that a new connection leads to the same database, and that it keeps its word.

        Raises:
            JournalReplaced: it leads to another, as after a fail-over.
            JournalNotDurable: a crash of the server may lose what was committed.
        """
        self.check_durable(raw)
        # What is written looks for single rows by their keys. Plans are made when a table is
        # empty, or by guesses where nothing is analysed yet: none of them may read it whole.
        raw.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
        if not raw.execute("SELECT to_regclass('journals') IS NOT NULL").fetchone()[0]:
            return  # nothing to lose yet
        place = raw.execute(_PLACE).fetchone()[0]
        self._place = self._place or place
        if self._place != place:
            raise JournalReplaced(
                f"{self._name} leads to another server or database than before, which may lack "
                "receipts: a program that is started anew says whether it can seal"
            )

    def check_durable(self, raw: Any) -> None:
        """Whether the server keeps what it has committed.

        Raises:
            JournalNotDurable: it may lose it.
        """
        if raw.execute("SHOW fsync").fetchone()[0] != "on":
            raise JournalNotDurable(
                f"the server of {self._name} runs with fsync=off: a crash would lose receipts "
                "that have left; set fsync=on"
            )

    def check_in_place(self) -> None:
        """Nothing to do: a connection leads to where it led, and a new one is checked."""

    def save(self, raw: Any) -> None:
        """Nothing to do: a database is not lost from under its connection."""

    def backup(self, connection: sa.Connection, target: Path) -> None:
        """Copy every table into an SQLite file, all as of one moment."""
        copy_to_sqlite(connection, target)

    def scrub(self, connection: sa.Connection, table: str) -> None:
        """Free the deleted rows' room for new ones, where the role may.

        Their bytes stay on the server's disk until they are written over: see docs/postgres.md.
        """
        raw: Any = connection.connection.dbapi_connection
        raw.rollback()
        with suppress(self._psycopg.Error):  # somebody else's snapshot may be in the way
            raw.execute(f"VACUUM {table}")

    def broken(self, raw: Any) -> bool:
        """Whether the connection is gone."""
        return bool(raw.closed or raw.broken)

    @staticmethod
    def now() -> sa.ColumnElement[int]:
        """Milliseconds since 1970 by the server's clock, at the moment of the statement."""
        return sa.cast(
            sa.func.floor(sa.extract("epoch", sa.func.clock_timestamp()) * 1000), sa.BigInteger
        )

    def translate(self, error: BaseException) -> JournalError | None:  # noqa: PLR0911 (a table)
        """The journal's error for one of PostgreSQL's, None where it is none of them."""
        if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
            error = error.orig
        if isinstance(error, OSError):
            return JournalFailed(f"the journal {self._name} failed: {error.strerror}")
        if isinstance(error, sa.exc.TimeoutError):
            return JournalLocked("all connections of this program are in use: try again")
        if not isinstance(error, self._psycopg.Error):
            return None
        code = error.sqlstate or ""
        text = " ".join(str(error).split())
        if code in _FULL:
            return JournalFull(f"the server of {self._name} has no room: {text}")
        if code in _HELD:
            return JournalLocked(
                f"another program has held {self._name} for too long: look for one that is "
                f"stopped or stuck, and end it ({text})"
            )
        if code in _READ_ONLY:
            return JournalReadOnly(
                f"cannot write {self._name}: {text}; see docs/postgres.md for the rights needed"
            )
        # no code at all: the connection could not be made, or is gone
        away = not code and isinstance(error, self._psycopg.OperationalError)
        if away or code in _AWAY or code.startswith("08"):
            return JournalUnreachable(f"{self._name} cannot be reached: {text}")
        if code.startswith(("28", "3D")):
            return JournalUnreachable(f"{self._name} lets nobody in like that: {text}")
        return JournalFailed(f"the journal {self._name} failed: {text}")
