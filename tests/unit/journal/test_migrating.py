"""The schema: forwards from every released version, once, and to what a new journal has."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from counterfoil.errors import JournalTooNew
from counterfoil.journal import Journal, migrating
from counterfoil.journal.schema import SCHEMA, leases, metadata
from counterfoil.journal.store import Store
from support.journals import draft

SCHEMAS = Path(__file__).parent / "schemas"
RELEASED = range(1, SCHEMA)


def ddl(version: int, database: str) -> list[str]:
    text = (SCHEMAS / f"{version}.{database}.sql").read_text()
    return [statement for statement in text.split(";\n") if statement.strip()]


def set_back(profile, version: int, database: str) -> None:
    """Put all that a journal holds into tables of an older version, under the same place."""
    engine = sa.create_engine(profile.journal)
    with engine.begin() as connection:
        held = {
            table: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in metadata.sorted_tables
            if table.name != "counterfoil_meta"
        }
        metadata.drop_all(connection)
        for statement in ddl(version, database):
            connection.exec_driver_sql(statement)
        there = set(sa.inspect(connection).get_table_names())
        if database == "postgres":  # a table that is made anew is not where it was
            place = connection.exec_driver_sql("SELECT 'journals'::regclass::oid").scalar()
            for row in held[metadata.tables["journals"]]:
                row["place"] = f"{row['place'].rpartition(':')[0]}:{place}"
        for table, rows in held.items():
            if rows and table.name in there:
                connection.execute(table.insert(), rows)
    engine.dispose()


def version(profile) -> str:
    engine = sa.create_engine(profile.journal)
    with engine.connect() as connection:
        found = connection.execute(
            sa.text("SELECT value FROM counterfoil_meta WHERE name = 'schema'")
        ).scalar_one()
    engine.dispose()
    return found


def test_steps__every_released_version__in_one_row():
    script = ScriptDirectory(str(migrating.STEPS))
    found = [step.revision for step in reversed(list(script.iterate_revisions("head", "base")))]
    assert found == [str(n) for n in range(1, SCHEMA + 1)]
    assert {int(path.name.partition(".")[0]) for path in SCHEMAS.iterdir()} == set(RELEASED)


@pytest.mark.parametrize("released", RELEASED)
def test_open__older_schema__brought_forwards_and_goes_on(opened, profile, database, released):
    with opened(profile) as journal:
        sealed = journal.seal_many([draft(n) for n in range(5)])
        batch = journal.cut_batch(limit=3)
    set_back(profile, released, database)
    assert version(profile) == str(released)
    again = opened(profile)
    assert version(profile) == str(SCHEMA)
    assert list(again.iterate()) == sealed
    assert again.stored_batch(0).batch == batch.batch
    assert again.seal(draft(5)).receipt.sequence == 5
    assert again.cut_batch().batch.first == 3


@pytest.mark.parametrize("released", RELEASED)
def test_migrate__older_schema__as_a_new_one(opened, profile, database, released):
    opened(profile).close()
    set_back(profile, released, database)
    with opened(profile, create=False) as journal, journal._store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("released", RELEASED)
def test_open__many_at_once__migrated_once(opened, profile, database, released, monkeypatch):
    opened(profile).close()
    set_back(profile, released, database)
    steps, gate, found = [], threading.Barrier(6), []
    monkeypatch.setattr(migrating, "hit", steps.append)

    def work():
        gate.wait()
        found.append(Journal.open(profile, wait=20))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signers = {journal.signer for journal in found}
    for journal in found:
        journal.close()
    assert len(found) == 6
    assert len(signers) == 1
    assert len(steps) == SCHEMA - released


def test_migrate__fails_midway__nothing_changed(opened, profile, database, monkeypatch):
    opened(profile).close()
    set_back(profile, 1, database)

    def fail(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(migrating, "hit", fail)
    with pytest.raises(KeyboardInterrupt):
        opened(profile)
    assert version(profile) == "1"
    engine = sa.create_engine(profile.journal)
    assert not sa.inspect(engine).has_table(leases.name)
    engine.dispose()
    monkeypatch.undo()


def test_open__newer_schema__refused_and_untouched(opened, profile, database):
    opened(profile).close()
    engine = sa.create_engine(profile.journal)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE counterfoil_meta SET value = '{SCHEMA + 1}'"))
    engine.dispose()
    with pytest.raises(JournalTooNew, match="install that version"):
        opened(profile)
    assert version(profile) == str(SCHEMA + 1)


def test_migrate__new_schema__no_alembic_to_import(opened, profile, database):
    """A new journal is made at once: who runs a model for the first time waits for no import."""
    store = Store(profile.journal, "full")
    try:
        if not store.backend.exists():
            store.backend.prepare()
        seen: list[str] = []
        original = migrating._step
        migrating._step = lambda *_: seen.append("step")  # type: ignore[assignment]
        migrating.migrate(store)
        migrating._step = original
        assert seen == []
        assert migrating.is_current(store)
    finally:
        store.close()
