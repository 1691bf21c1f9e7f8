"""A journal's database: one writer at a time, over threads, processes and forks."""

from __future__ import annotations

import ctypes
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from counterfoil.config import Durability
from counterfoil.errors import (
    JournalClosed,
    JournalError,
    JournalLocked,
    JournalReplaced,
    NotAJournal,
)

from .backend import Backend
from .lock import Turnstile
from .sqlite import Sqlite

WAIT = 10.0
"""Seconds that a caller waits for others before it gets `JournalLocked`."""

FORK = 60.0
"""Seconds that a fork waits for a thread that writes: a transaction of a large batch takes some."""


class Store:
    """A database, with the one connection that writes.

    Attributes:
        journal: the number of the journal that is written to; None: none is there yet, or
            the schema is made. On a server, each journal has a queue of its own.

    A fork is safe: before it, no transaction is open and every connection is closed; after it,
    parent and child each connect anew. (SQLite's locks belong to a process and its library
    keeps their count in memory, so a connection must not cross a fork, not even unused.) Where
    a thread writes for longer than a fork waits, the child's journal is closed instead.
    """

    def __init__(self, url: str, durability: Durability, wait: float = WAIT) -> None:
        try:
            parsed = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise NotAJournal(f"{url!r} is no database URL: see the profile's `journal`") from None
        self.url = parsed
        self.wait = wait
        self.backend = _backend(parsed, durability)
        self.journal: int | None = None
        self.closed = False
        self._turnstile = None if self.backend.lock is None else Turnstile(self.backend.lock)
        self._engine: sa.Engine | None = None
        self._writer: sa.Connection | None = None
        self._raw: Any = None
        self._cursor: Any = None
        self._crossed = False
        self._new_locks()
        _stores.add(self)

    def _new_locks(self) -> None:
        self._mutex = threading.Lock()
        self._readers = 0
        self._turn = threading.Condition()
        self._forking = False
        self._alone = True

    @property
    def dialect(self) -> sa.Dialect:
        """The database's dialect, for statements that are compiled once."""
        return self.engine.dialect

    @property
    def engine(self) -> sa.Engine:
        self._check_open()
        if self._engine is None:
            self._engine = self.backend.engine(self.wait)
        return self._engine

    def _check_open(self) -> None:
        if self._crossed:
            raise JournalClosed(
                "this process was forked while a thread wrote to the journal for over "
                f"{FORK:g} s: start it anew"
            )
        if self.closed:
            raise JournalClosed("the journal is closed: open it anew")

    def writer(self) -> sa.Connection:
        """The writing connection; only inside a `Transaction`, or while it is made."""
        if self._writer is None:
            self._writer = self.engine.connect().execution_options(begun=True)
            self.backend.opened(self._writer.connection.dbapi_connection)
        return self._writer

    def cursor(self) -> Any:
        """The driver's own cursor of the writing connection; as `writer`."""
        if self._cursor is None:
            connection = self.writer().connection
            self._cursor, self._raw = connection.cursor(), connection.dbapi_connection
        return self._cursor

    def writing(self, *, durable: bool = False, begun: bool = True) -> Transaction:
        """A transaction in which nobody else writes.

        Args:
            durable: survive a power cut, whatever the profile says.
            begun: False: it begins with its `begin`. Until then each statement of the cursor is
                a transaction of its own, in which still none of our programs writes.
        """
        return Transaction(self, durable, begun)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A snapshot to read from. Short: a fork waits for it.

        Raises:
            JournalError: as the database's error says.
        """
        with self._turn:
            while self._forking:
                self._turn.wait(self.wait)
            self._readers += 1
        try:
            with self.engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, OSError) as error:
            raise self.translated(error) from error
        finally:
            with self._turn:
                self._readers -= 1
                self._turn.notify_all()

    def check_durable(self) -> None:
        """Refuse a database that may lose what it has committed.

        Raises:
            JournalNotDurable: so it may.
        """
        with self.reading() as connection:
            self.backend.check_durable(connection.connection.dbapi_connection)

    def translated(self, error: BaseException) -> BaseException:
        """The journal's own error for a database's, else the error itself."""
        return self.backend.translate(error) or error

    def close(self) -> None:
        """Close every connection. What is sealed stays sealed."""
        if self.closed:
            return
        with self._held():
            self._disconnect()
            self.closed = True
            if self._turnstile is not None:
                self._turnstile.close()

    @contextmanager
    def _held(self) -> Iterator[None]:
        if not self._mutex.acquire(timeout=self.wait):
            raise JournalLocked(
                f"a thread has held the journal for {self.wait:g} s: is the disk stuck?"
            )
        try:
            yield
        finally:
            self._mutex.release()

    def _disconnect(self) -> None:
        self._raw = self._cursor = None
        if self._writer is not None:
            with suppress(sa.exc.DBAPIError):
                self._writer.close()
            self._writer = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    # Forks

    def _before_fork(self) -> None:
        self._alone = self._mutex.acquire(timeout=FORK)
        if not self._alone:
            return  # the transaction, and its connection, stay the thread's that is in it
        deadline = time.monotonic() + self.wait
        with self._turn:
            self._forking = True
            while self._readers and time.monotonic() < deadline:
                self._turn.wait(0.1)
        self._disconnect()

    def _after_fork_in_parent(self) -> None:
        if not self._alone:
            return
        with self._turn:
            self._forking = False
            self._turn.notify_all()
        self._mutex.release()

    def _after_fork_in_child(self) -> None:
        if self._turnstile is not None:
            self._turnstile.close()
        alone = self._alone
        self._new_locks()
        if not alone:
            # Not even closed: what they would undo, the parent is about to commit.
            parents = [self._engine, self._writer, self._raw, self._cursor]
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(parents))
            self._engine = self._writer = self._raw = self._cursor = None
            self._crossed = self.closed = True


class Transaction:
    """`with store.writing() as transaction`: commits at the end, rolls back on an exception.

    Attributes:
        cursor: the driver's own, for what must be quick.
        connection: SQLAlchemy's, in the same transaction.
        after: run once what was written is committed, before anybody else may write.
        in_doubt: the connection broke at the commit, which may have been done all the same.
    """

    __slots__ = ("_begun", "_connection", "_durable", "_store", "after", "cursor", "in_doubt")

    def __init__(self, store: Store, durable: bool, begun: bool) -> None:
        self._store = store
        self._begun = begun
        self._durable = durable
        self._connection: sa.Connection | None = None
        self.after: Callable[[], None] | None = None
        self.in_doubt = False

    @property
    def connection(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._store.writer()
        return self._connection

    def __enter__(self) -> Self:
        store = self._store
        if not store._mutex.acquire(timeout=store.wait):
            raise JournalLocked(
                f"a thread has held the journal for {store.wait:g} s: is the disk stuck?"
            )
        try:
            store._check_open()
            if store._turnstile is not None:
                store._turnstile.acquire(store.wait)
            try:
                self._check_in_place()
                if self._begun:
                    self.begin()
                else:
                    self.cursor: Any = store.cursor()
            except BaseException:
                self._drop()
                self._let_in()
                raise
        except BaseException as error:
            store._mutex.release()
            translated = store.translated(error)
            if translated is error:
                raise
            raise translated from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        store = self._store
        try:
            if kind is not None:
                self._roll_back()
            else:
                try:
                    if self._connection is not None and self._connection.in_transaction():
                        self._connection.commit()
                    else:
                        store._raw.commit()
                except BaseException:
                    self.in_doubt = store.backend.broken(store._raw)
                    self._roll_back()
                    # What a failed commit left behind is for a new connection to find out.
                    self._drop()
                    raise
                if self.after is not None:
                    self.after()
            if self._durable and store._writer is not None:
                store.backend.durable(self.cursor, False)
        except BaseException as failure:
            translated = store.translated(failure)
            if translated is failure:
                raise
            raise translated from failure
        finally:
            self._let_in()
            store._mutex.release()
        if error is not None and not isinstance(error, JournalError):
            translated = store.translated(error)
            if translated is not error:
                raise translated from error

    def begin(self, first: str | None = None) -> None:
        """Begin what was not begun yet.

        Args:
            first: a query of the journal's number alone, for the cursor to have run at first.
        """
        store = self._store
        used = store._raw
        try:
            try:
                self._start(first)
            except Exception:
                if used is None or not store.backend.broken(used):
                    raise
                self._drop()  # the server was started anew: nothing is lost by connecting again
                self._start(first)
        except BaseException:
            self._drop()
            raise

    def _start(self, first: str | None) -> None:
        store = self._store
        self.cursor = store.cursor()
        if self._durable:
            store.backend.durable(self.cursor, True)
        store.backend.begin(self.cursor, store.journal, first)

    def alone(self, statement: str, given: tuple[Any, ...]) -> bool:
        """One statement as a transaction of its own, instead of `begin`; whether it did a row."""
        try:
            self.cursor.execute(statement, given)
        except BaseException:
            self._drop()  # as after a commit that failed
            raise
        return bool(self.cursor.rowcount == 1)

    def _let_in(self) -> None:
        if self._store._turnstile is not None:
            self._store._turnstile.release()

    def _check_in_place(self) -> None:
        store = self._store
        try:
            store.backend.check_in_place()
        except JournalReplaced:
            raw = None if store._writer is None else store._writer.connection.dbapi_connection
            if raw is None:
                raise
            store.backend.save(raw)
            store.backend.check_in_place()  # says where it is

    def _roll_back(self) -> None:
        store = self._store
        with suppress(Exception):
            if self._connection is not None and self._connection.in_transaction():
                self._connection.rollback()
            store._raw.rollback()
        if store._raw is not None and store.backend.broken(store._raw):
            self._drop()

    def _drop(self) -> None:
        store = self._store
        store._raw = store._cursor = None
        if store._writer is not None:
            with suppress(Exception):
                store._writer.invalidate()
                store._writer.close()
            store._writer = None


def _backend(url: sa.URL, durability: Durability) -> Backend:
    name = url.get_backend_name()
    if name == "sqlite":
        return Sqlite(url, durability)
    if name == "postgresql":
        from .postgres import Postgres  # its driver is an extra

        return Postgres(url)
    raise NotAJournal(
        f"a journal in {name} is not supported: use sqlite:///… or postgresql+psycopg://…"
    )


_stores: weakref.WeakSet[Store] = weakref.WeakSet()
_held_over_fork: list[Store] = []
_fork = threading.Lock()


def _before() -> None:
    _fork.acquire()
    _held_over_fork.extend(store for store in list(_stores) if not store.closed)
    for store in _held_over_fork:
        store._before_fork()


def _in_parent() -> None:
    while _held_over_fork:
        _held_over_fork.pop()._after_fork_in_parent()
    _fork.release()


def _in_child() -> None:
    while _held_over_fork:
        _held_over_fork.pop()._after_fork_in_child()
    _fork.release()


os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
