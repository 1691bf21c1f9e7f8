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
    JournalTooNew,
    NotAJournal,
    WrongKey,
)

from .failpoints import hit
from .schema import SCHEMA, journals, meta, metadata
from .store import Store, Transaction

Row = sa.Row[Any]


def keys_folder(store: Store, profile: Profile) -> Path:
    """Where a profile's keystores are: `keys` beside the database."""
    if store.backend.path:
        return store.backend.path.parent / "keys"
    return data_folder() / profile.name / "keys"


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
    if _has_schema(store):
        row = _newest(store, profile)
        if row is not None:
            return row
    if not create:
        raise JournalMissing(
            f"{where} holds no journal for chain {profile.chain_id} and ledger "
            f"{profile.ledger}: it is made by the first run"
        )
    with store.writing(durable=True) as transaction:
        _make_schema(transaction)
    # Between the two, another process may have made it.
    with store.writing(durable=True) as transaction:
        row = _find(transaction.connection, profile)
        return row or begin(transaction, store, profile, now)


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
    hit("open.key_made")
    number = (connection.execute(select(sa.func.max(journals.c.number))).scalar() or 0) + 1
    connection.execute(
        journals.insert().values(
            number=number,
            journal_id=journal_id,
            chain_id=str(profile.chain_id),
            ledger=profile.ledger,
            signer=signer,
            key_kind=kind,
            place=store.backend.place(),
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
        newest = _find(transaction.connection, profile)
        return newest or begin(transaction, store, profile, now)


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


def _find(connection: sa.Connection, profile: Profile) -> Row | None:
    j = journals.c
    return connection.execute(
        select(journals)
        .where(
            j.chain_id == str(profile.chain_id),
            j.ledger == profile.ledger,
            j.retired_at.is_(None),
        )
        .order_by(j.number.desc())
        .limit(1)
    ).one_or_none()


def _newest(store: Store, profile: Profile) -> Row | None:
    with store.reading() as connection:
        return _find(connection, profile)


# Schema


def _has_schema(store: Store) -> bool:
    with store.reading() as connection:
        return _version(connection, store) is not None


def _version(connection: sa.Connection, store: Store) -> int | None:
    """The schema's version, None: an empty database."""
    where = store.url.render_as_string()
    names = set(sa.inspect(connection).get_table_names())
    if meta.name not in names:
        if names:
            raise NotAJournal(f"{where} is another program's database: name another journal")
        return None
    found = connection.execute(select(meta.c.value).where(meta.c.name == "schema")).scalar()
    if found is None or not str(found).isdigit():
        raise NotAJournal(f"{where} names no schema version: restore a backup")
    if int(found) > SCHEMA:
        raise JournalTooNew(
            f"{where} was written by a newer version (schema {found}, this one knows {SCHEMA}): "
            "install that version"
        )
    return int(found)


def _make_schema(transaction: Transaction) -> None:
    connection = transaction.connection
    if meta.name in sa.inspect(connection).get_table_names():
        return
    metadata.create_all(connection, checkfirst=False)
    connection.execute(meta.insert().values(name="schema", value=str(SCHEMA)))
