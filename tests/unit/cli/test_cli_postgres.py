"""The commands with a journal in PostgreSQL."""

from __future__ import annotations

import pytest
from support.postgres import shared


@pytest.fixture
def database():
    found = shared().database()
    yield found
    shared().drop(found)


@pytest.fixture(autouse=True)
def journal(home, database, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_JOURNAL", shared().url(database))


def test_migrate__new_database__tables_and_no_log(invoke):
    assert invoke("migrate", "--json").json["before"] is None
    answer = invoke("migrate", "--json").json
    assert answer["before"] == answer["after"]
    assert invoke("status", "--json").json["logs"] == []


def test_commands__of_a_sealed_receipt__as_with_a_file(invoke, home, receipt):
    (log,) = invoke("status", "--json").json["logs"]
    assert (log["sealed"], log["refusal"]) == (1, None)
    assert invoke("verify", receipt).code == 0
    assert invoke("export", "files", "--json").json["written"] == 1
    assert invoke("backup", "copy", "--json").json["database"].endswith("journal.db")
    assert invoke("forget", "--masters", "0:1", "--json").json["masters"] == 1
    assert invoke("doctor").code in (0, 1)
    assert "0x" in invoke("key", "show").out
    rotated = invoke("key", "rotate", "--json").json
    assert rotated["old"] == log["signer"]
    assert len(invoke("status", "--json").json["logs"]) == 2
    assert (home / "data" / "local" / "keys" / f"{rotated['signer']}.json").exists()


def test_status__machine_without_the_key__says_where_it_is(invoke, receipt, tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "another machine"))
    (log,) = invoke("status", "--json").json["logs"]
    assert log["sealed"] == 1
    assert "on another machine" in log["refusal"]
    assert "this machine" in invoke("key", "show").complaint


def test_server_away__one_line(invoke, monkeypatch, tmp_path):
    url = f"postgresql+psycopg://nobody:hunter2@/x?host={tmp_path}"
    monkeypatch.setenv("COUNTERFOIL_JOURNAL", url)
    answer = invoke("status")
    assert answer.code == 75
    assert "hunter2" not in answer.complaint
