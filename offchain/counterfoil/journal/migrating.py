"""The schema: made where there is none, and brought forwards from every released version.

The version is a row of `counterfoil_meta`. Each file of `migrations/versions`
is one step, in Alembic's words; the step's revision is the version that it leads to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import select

from counterfoil.errors import JournalTooNew, NotAJournal

from .failpoints import hit
from .schema import SCHEMA, meta, metadata
from .store import Store

STEPS: Final = Path(__file__).parent / "migrations"


def is_current(store: Store) -> bool:
    """Whether there is a schema; one of an older version is brought forwards first.

    Raises:
        JournalTooNew, NotAJournal: it is not one that this version writes.
    """
    with store.reading() as connection:
        found = _version(connection, store)
    if found is not None and found < SCHEMA:
        migrate(store)
    return found is not None


def migrate(store: Store) -> int | None:
    """Make the schema, or bring it forwards, in one transaction and once, whoever else tries.

    Returns:
        The version before; None: there was none.
    Raises:
        JournalTooNew, NotAJournal: it is not one that this version writes.
        JournalReadOnly: the database's role may not.
    """
    with store.writing(durable=True) as transaction:
        connection = transaction.connection
        found = _version(connection, store)
        if found is None:
            metadata.create_all(connection, checkfirst=False)
            connection.execute(meta.insert().values(name="schema", value=str(SCHEMA)))
        elif found < SCHEMA:
            _step(connection, found)
    return found


def _step(connection: sa.Connection, version: int) -> None:
    from alembic.migration import MigrationContext  # only here: it takes a while to import
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(STEPS))
    steps = list(script.iterate_revisions(str(SCHEMA), str(version)))
    with Operations.context(MigrationContext.configure(connection)):
        for step in reversed(steps):
            step.module.upgrade()
            connection.execute(
                meta.update().where(meta.c.name == "schema").values(value=step.revision)
            )
            hit("migrate.stepped")


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
