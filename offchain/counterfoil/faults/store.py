"""A challenger's own memory: what it found of a receipt, its salt, and what it sent last.

All else is on the chain, and is looked at anew each time: a re-org makes it be sent again.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from counterfoil.chain import UnderWay
from counterfoil.errors import WatchBusy, WatchState
from counterfoil.hashing.types import Digest

State = Literal["new", "open", "right", "won", "lost", "over"]
"""`open`: something was sent; `lost`: the case ended without our proof; `over`: it cannot begin."""

_data = sa.MetaData()
_challenges = sa.Table(
    "challenges", _data,
    sa.Column("receipt", sa.LargeBinary, primary_key=True),
    sa.Column("salt", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("tx", sa.LargeBinary),
    sa.Column("nonce", sa.BigInteger),
    sa.Column("sent_at", sa.Float),
    sa.Column("from_block", sa.BigInteger),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is remembered of a receipt.

    Attributes:
        salt: 32 bytes of its commitments, durable before anything is sent.
        step: what was sent last, empty: nothing.
        under_way: what was sent last, None: nothing.
        from_block: no event of its case is earlier, None: not looked up yet.
    """

    receipt: Digest
    salt: Digest
    state: State
    step: str
    under_way: UnderWay | None
    from_block: int | None


class Store:
    """One challenger's database; one process at a time uses it.

    Raises:
        WatchBusy: another process does.
        WatchState: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise WatchState(f"cannot use {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            raise WatchBusy(f"another process challenges with {path}: end it first") from error
        self._engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
        sa.event.listen(self._engine, "connect", _durable)
        with self._writing() as connection:
            _data.create_all(connection)

    def close(self) -> None:
        """Close it; another process may use it then."""
        self._engine.dispose()
        os.close(self._lock)

    def challenge(self, receipt: Digest) -> Challenge:
        """What is remembered of a receipt, begun where nothing is; its salt is durable."""
        with self._writing() as connection:
            connection.execute(
                insert(_challenges)
                .values(receipt=receipt, salt=secrets.token_bytes(32), state="new", step="")
                .on_conflict_do_nothing()
            )
            return _read(connection, receipt)

    def change(self, challenge: Challenge, **values: Any) -> Challenge:
        """Write down what became of one; as it is then."""
        mine = _challenges.c.receipt == challenge.receipt
        with self._writing() as connection:
            connection.execute(_challenges.update().where(mine).values(**values))
            return _read(connection, challenge.receipt)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            raise WatchState(f"cannot use {self.path}: {error.orig}") from error


def _durable(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _read(connection: sa.Connection, receipt: Digest) -> Challenge:
    row = connection.execute(
        sa.select(_challenges).where(_challenges.c.receipt == receipt)
    ).one()  # fmt: skip
    return Challenge(
        receipt=Digest(row.receipt),
        salt=Digest(row.salt),
        state=row.state,
        step=row.step,
        under_way=UnderWay.read(row.tx, row.nonce, row.sent_at),
        from_block=row.from_block,
    )
