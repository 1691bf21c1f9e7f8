"""Finding, making and rotating journals: rows, keys and schema."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import select

from counterfoil import keys
from counterfoil.config import Profile, data_folder
from counterfoil.errors import (
    BadSecret,
    JournalMissing,
    WrongKey,
)

from . import migrating
from .failpoints import hit
from .schema import journals
from .store import Store, Transaction

Row = sa.Row[Any]


def keys_folder(store: Store, profile: Profile) -> Path:
    """Where a profile's keystores are: `keys` beside the database, which may be elsewhere."""
    path = store.backend.path
    return (data_folder() / profile.name if path is None else path.parent) / "keys"


def current(store: Store, profile: Profile, now: int, *, create: bool) -> Row:
    """The row of the journal that seals for a profile's chain and ledger; made on first use.

    Raises:
        JournalMissing: there is none, and none is to be made.
        JournalTooNew, NotAJournal: the database is not one that this version writes.
    """
    where = store.url.render_as_string()
    if not store.backend.exists():
        if not create:
            raise JournalMissing(f"there is no journal {where} yet: it is made by the first run")
        store.backend.prepare()
    folder = keys_folder(store, profile)
    if migrating.is_current(store):
        with store.reading() as connection:
            row = _find(connection, store, profile, folder)
        if row is not None:
            if create:
                store.check_durable()
            return row
    if not create:
        mine = " of this machine's" if store.backend.shared else ""
        raise JournalMissing(
            f"{where} holds no journal{mine} for chain {profile.chain_id} and ledger "
            f"{profile.ledger}: it is made by the first run"
        )
    migrating.migrate(store)
    # Between the two, another process may have made it.
    with store.writing(durable=True) as transaction:
        row = _find(transaction.connection, store, profile, folder)
        return row or begin(transaction, store, profile, now)


def everywhere(store: Store, profile: Profile) -> list[Row]:
    """Rows as `every`, of a database that machines share, whosever they are.

    Raises:
        JournalMissing: there is none.
    """
    rows = every(store, profile) if migrating.is_current(store) else []
    if not rows:
        raise JournalMissing(
            f"{store.url.render_as_string()} holds no journal for chain {profile.chain_id} and "
            f"ledger {profile.ledger}: it is made by the first run"
        )
    return rows


def every(store: Store, profile: Profile) -> list[Row]:
    """Rows of all journals of a profile's chain and ledger, the oldest first."""
    j = journals.c
    with store.reading() as connection:
        return list(
            connection.execute(
                select(journals)
                .where(j.chain_id == str(profile.chain_id), j.ledger == profile.ledger)
                .order_by(j.number)
            )
        )


def begin(transaction: Transaction, store: Store, profile: Profile, now: int) -> Row:
    """Make a journal's key and row. The key is durable before the row that names it."""
    connection = transaction.connection
    journal_id = secrets.token_hex(16)
    folder = keys_folder(store, profile)
    secret = keys.secret_in_environment()
    if secret is not None:
        signer, kind = keys.derive_key(secret, journal_id).address, "derived"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    else:
        key, _ = keys.make_keystore(folder)
        signer, kind = key.address, "keystore"
    if kind == "derived" and store.backend.shared:
        _own(folder, signer).touch(mode=0o600)
    hit("open.key_made")
    store.backend.alone(transaction.cursor)
    number = (connection.execute(select(sa.func.max(journals.c.number))).scalar() or 0) + 1
    connection.execute(
        journals.insert().values(
            number=number,
            journal_id=journal_id,
            chain_id=str(profile.chain_id),
            ledger=profile.ledger,
            signer=signer,
            key_kind=kind,
            place=store.backend.place(connection),
            created_at=now,
        )
    )
    hit("open.journal_made")
    return connection.execute(select(journals).where(journals.c.number == number)).one()


def rotate(store: Store, profile: Profile, number: int, now: int) -> Row:
    """Retire a journal and begin the next, in one transaction."""
    with store.writing(durable=True) as transaction:
        transaction.connection.execute(
            journals.update()
            .where(journals.c.number == number, journals.c.retired_at.is_(None))
            .values(retired_at=now)
        )
        hit("rotate.retired")
        newest = _find(transaction.connection, store, profile, keys_folder(store, profile))
        return newest or begin(transaction, store, profile, now)


def why_not(store: Store, row: Row, folder: Path) -> str | None:
    """Why a journal never seals here, as `rules.refusal` takes it; None: nothing is known."""
    if store.backend.shared and not is_here(row, folder):
        return "elsewhere"
    with store.reading() as connection:
        return None if row.place == store.backend.place(connection) else "copied"


def key_of(row: Row, folder: Path) -> Callable[[], keys.SigningKey]:
    """How to get a journal's key, which is opened once, and only when it is needed."""
    opened: list[keys.SigningKey] = []

    def key() -> keys.SigningKey:
        if not opened:
            opened.append(_open_key(row, folder))
        return opened[0]

    return key


def check_key(row: Row, folder: Path) -> None:
    """Refuse a keystore that is missing or open to others, without opening it.

    Raises:
        KeyFileMissing, KeyFileOpen: as they say.
    """
    if row.key_kind == "keystore":
        keys.check_keystore(folder / f"{row.signer}.json")


def _open_key(row: Row, folder: Path) -> keys.SigningKey:
    if row.key_kind == "derived":
        secret = keys.secret_in_environment()
        if secret is None:
            raise BadSecret(
                f"${keys.SECRET} is not set, and the journal's key is derived from it: set it"
            )
        found = keys.derive_key(secret, row.journal_id)
        advice = f"set ${keys.SECRET} to the one that the journal began with"
    else:
        path = folder / f"{row.signer}.json"
        found = keys.load_keystore(path)
        advice = f"put the key of {row.signer} back at {path}"
    if found.address != row.signer:
        raise WrongKey(
            f"the key is {found.address}'s, the journal's log is {row.signer}'s: {advice}"
        )
    return found


def is_here(row: Row, folder: Path) -> bool:
    """Whether this machine has what opens a journal's key, where machines share a database."""
    kept = folder / f"{row.signer}.json" if row.key_kind == "keystore" else _own(folder, row.signer)
    return kept.exists()


def _own(folder: Path, signer: str) -> Path:
    """An empty file: each machine with the secret could derive every key, but began only some."""
    return folder / f"{signer}.derived"


def _find(connection: sa.Connection, store: Store, profile: Profile, folder: Path) -> Row | None:
    """The newest journal that is not retired; of a shared database, the newest that is ours."""
    j = journals.c
    rows = connection.execute(
        select(journals)
        .where(
            j.chain_id == str(profile.chain_id),
            j.ledger == profile.ledger,
            j.retired_at.is_(None),
        )
        .order_by(j.number.desc())
    )
    found = (row for row in rows.all() if not store.backend.shared or is_here(row, folder))
    return next(found, None)
