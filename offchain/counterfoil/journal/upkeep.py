"""Keeping a journal: backups, and forgetting what need not be kept."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from counterfoil.errors import BackupExists
from counterfoil.keys import write_private

from .schema import journals, kept_sets, receipts, summonable, tensors
from .store import Store


def backup(store: Store, keys: Path, folder: Path) -> Path:
    """Copy the database, in use as it may be, and the keystores into a folder of their own.

    The copy is an SQLite file, also of a database on a server. It says of itself that it is a
    copy: restored, it settles but does not seal.

    Returns:
        The copied database.
    Raises:
        BackupExists: the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupExists(f"{folder} is not empty: name a new folder")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = store.backend.path
    target = folder / ("journal.db" if path is None else path.name)
    with store.reading() as connection:
        store.backend.backup(connection, target)
    _mark_restored(target)
    if keys.is_dir():
        (folder / "keys").mkdir(mode=0o700)
        for path in sorted(keys.iterdir()):
            if path.suffix == ".json" or path.name == "passphrase":
                write_private(folder / "keys" / path.name, path.read_bytes())
    return target


def _mark_restored(target: Path) -> None:
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(target)))
    try:
        with engine.begin() as connection:
            connection.execute(
                journals.update().where(journals.c.halted.is_(None)).values(halted="restored")
            )
    finally:
        engine.dispose()


def forget_tensors(store: Store, number: int, now: int, everything: bool) -> int:
    """Delete kept tensors whose time is over, or all of them; not what a court may ask for.

    Returns:
        How many.
    """

    def old(table: sa.Table) -> sa.ColumnElement[bool]:
        s = summonable.c
        held = sa.exists().where(s.journal == table.c.journal, s.sequence == table.c.sequence)
        mine = sa.and_(table.c.journal == number, ~held)
        return mine if everything else sa.and_(mine, table.c.keep_until <= now)

    return forgetting(
        store,
        [tensors.delete().where(old(tensors)), kept_sets.delete().where(old(kept_sets))],
        tensors,
    )[0]


def forget_masters(store: Store, number: int, first: int, stop: int) -> int:
    """Forget the masters of receipts first … stop−1: nobody can open them any more.

    Returns:
        Receipts whose masters were there.
    """
    r = receipts.c
    return forgetting(
        store,
        [
            receipts.update()
            .where(
                r.journal == number,
                r.sequence >= first,
                r.sequence < stop,
                r.input_master.is_not(None),
            )
            .values(input_master=None, output_master=None)
        ],
        receipts,
    )[0]


def forgetting(store: Store, statements: list[sa.Update | sa.Delete], table: sa.Table) -> list[int]:
    """Run statements whose rows are to leave no trace in a table's files; rows of each."""
    with store.writing(durable=True) as transaction:
        transaction.cursor.execute(store.backend.prune)
        counts = [transaction.connection.execute(s).rowcount for s in statements]
    with store.reading() as connection:
        store.backend.scrub(connection, table.name)
    return counts
