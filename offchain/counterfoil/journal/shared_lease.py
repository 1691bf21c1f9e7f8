"""A lease on a log in the database: one machine at a time seals, where several could.

The row of a journal says who holds the lease, until when by the database's clock, and how
often it has changed hands: the fence. Who seals reads the row in the transaction that numbers
the receipt, behind the journal's lock, behind which alone the row changes hands too. So a
holder that was stopped for however long, and goes on, finds another fence and signs nothing.

The time is for others: when it is over, and only then, they may take the lease. A holder whose
time is over and whose fence still stands goes on, and the time with it.

A holder is all processes of one machine that seal with the key: they share a name by `Lease`.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from contextlib import suppress
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import select

from counterfoil.errors import JournalError, KeyLeased
from counterfoil.hashing.types import Address

from .boot import boot_id
from .lease import Lease
from .schema import leases
from .store import Store, Transaction

TIME: Final = 10.0
"""Seconds that a lease lasts after its holder was last heard of."""

BEAT: Final = 3.0
"""Seconds after which a holder is heard of again: two may be lost."""

LOOK: Final = 0.25
"""Seconds between two looks at a lease that another has."""


class NotHeld(Exception):
    """Another holder has taken the lease since."""


class Held(NamedTuple):
    """A lease as it stands. `until`, `now`: milliseconds since 1970, the database's clock."""

    holder: str
    fence: int
    until: int
    now: int


class SharedLease:
    """A machine's lease on one log, renewed while it is held.

    Args:
        number: the journal's.
    """

    def __init__(self, store: Store, number: int, signer: Address) -> None:
        self._store = store
        self._number = number
        self._signer = signer
        self._now = store.backend.now()
        self._local: Lease | None = None
        self._holder = ""
        self._fence = 0
        self._renewed = 0.0
        self._pid = 0
        self._end = threading.Event()

    # Taking and giving back

    def take(self) -> None:
        """Take the lease, or keep it. Waits for one whose holder is not heard of any more.

        Raises:
            KeyLeased: another machine, or another database on this one, seals with the key.
            JournalError: the database fails.
        """
        if self._pid != os.getpid():  # a forked child takes its own
            self._fence, self._local, self._end = 0, None, threading.Event()
            self._pid = os.getpid()
        self._holder = self._take_here()
        start, first = time.monotonic(), None
        while True:
            other = self._look() or self._try()
            if other is None:
                break
            first = first or other
            left = (other.until - other.now) / 1000
            alive = (other.fence, other.until) != (first.fence, first.until)
            if alive or time.monotonic() - start + left > self._store.wait:
                raise KeyLeased(
                    f"{other.holder.partition(' ')[0]} is sealing with the key of {self._signer}: "
                    f"end that program, which frees the log at once, or {TIME:g} s after it was "
                    "killed; or run `counterfoil key rotate` for a new log here"
                )
            time.sleep(min(LOOK, max(0.01, left)))
        self._renewed = time.monotonic()
        self._end.set()
        self._end = threading.Event()
        threading.Thread(
            target=_beat, args=(weakref.ref(self), self._end), name="lease", daemon=True
        ).start()

    def give_back(self) -> None:
        """End the lease: the machine's last process frees the log for others."""
        self._end.set()
        if self._local is not None and self._pid == os.getpid():
            self._local.give_back(self._free)
        self._local, self._fence = None, 0

    def _take_here(self) -> str:
        """Share this machine's lease; its holder's name, which the first process made."""
        if self._local is None:
            with self._store.reading() as connection:
                place = self._store.backend.place(connection)
            name = self._store.url.render_as_string()
            token = f"{socket.gethostname()[:64] or 'a machine'} {os.urandom(16).hex()}"
            said = f"{place}@{boot_id()} {name}\t{token}"
            self._local = Lease(self._signer, said.encode())
        return self._local.take().decode(errors="replace").partition("\t")[2]

    def _look(self) -> Held | None:
        """Who has the lease, if another has; one who is not heard of any more is let go of.

        Looks without the journal's lock, which a program that was stopped may still have.
        """
        with self._store.reading() as connection:
            held = self._read(connection)
            if held is None or held.holder == self._holder:
                return None
            if held.until > held.now:
                return held
            raw = connection.connection.dbapi_connection
            self._store.backend.end_stuck(raw, self._number, TIME / 2)
        return None

    def _try(self) -> Held | None:
        """Take the lease, unless another has it, who is returned."""
        with self._store.writing() as transaction:
            return self._try_in(transaction)

    def _try_in(self, transaction: Transaction) -> Held | None:
        held = self._read(transaction.connection)
        connection, mine = transaction.connection, leases.c.journal == self._number
        until = self._now + int(1000 * TIME)
        if held is None:
            self._fence = 1
            connection.execute(
                leases.insert().values(
                    journal=self._number, holder=self._holder, fence=1, until=until
                )
            )
        elif held.holder == self._holder:
            self._fence = held.fence
            connection.execute(leases.update().where(mine).values(until=until))
        elif held.until > held.now:
            return held
        else:
            self._fence = held.fence + 1
            connection.execute(
                leases.update()
                .where(mine)
                .values(holder=self._holder, fence=self._fence, until=until)
            )
        return None

    def _free(self) -> None:
        with suppress(JournalError), self._store.writing() as transaction:
            transaction.connection.execute(
                leases.update()
                .where(leases.c.journal == self._number, leases.c.fence == self._fence)
                .values(until=0)
            )

    # Holding

    def check(self, transaction: Transaction, row: Any) -> None:
        """In the transaction that numbers: whether the lease is held, and still will be.

        Args:
            row: holder and fence as the transaction read them; None: no lease is there.
        Raises:
            NotHeld: another has taken it.
        """
        if row is None or (row[0], row[1]) != (self._holder, self._fence):
            raise NotHeld
        if time.monotonic() - self._renewed > BEAT:
            self._renew(transaction)

    def renew(self) -> bool:
        """Be heard of, unless it was a moment ago; False: the lease is another's by now."""
        if time.monotonic() - self._renewed < BEAT / 2:
            return True
        with self._store.writing() as transaction:
            return self._renew(transaction)

    def _renew(self, transaction: Transaction) -> bool:
        done = transaction.connection.execute(
            leases.update()
            .where(
                leases.c.journal == self._number,
                leases.c.holder == self._holder,
                leases.c.fence == self._fence,
            )
            .values(until=self._now + int(1000 * TIME))
        )
        self._renewed = time.monotonic()
        return done.rowcount == 1

    def _read(self, connection: sa.Connection) -> Held | None:
        c = leases.c
        row = connection.execute(
            select(c.holder, c.fence, c.until, self._now).where(c.journal == self._number)
        ).one_or_none()
        return None if row is None else Held(*row)


def _beat(reference: weakref.ref[SharedLease], end: threading.Event) -> None:
    """Renew until the lease is given back, lost, or forgotten with its journal."""
    while not end.wait(BEAT):
        lease = reference()
        if lease is None:
            return
        with suppress(JournalError):  # a server that is away is asked again
            if not lease.renew():
                return
        del lease
