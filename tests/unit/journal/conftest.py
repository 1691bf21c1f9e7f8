"""A journal of its own for each test."""

from __future__ import annotations

import os
import subprocess

import pytest
from counterfoil import keys
from counterfoil.config import Profile
from counterfoil.journal import Journal
from support import journals, postgres


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv(keys.PASSPHRASE, raising=False)
    monkeypatch.delenv(keys.SECRET, raising=False)
    monkeypatch.setattr(keys, "_keyring", lambda: None)


@pytest.fixture
def clock():
    return journals.Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, tmp_path, monkeypatch):
    """Which database journals are in: what asks for this, or `profile`, runs on each."""
    if request.param == "postgres":
        places = postgres.Places(postgres.shared())
        monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
        monkeypatch.setattr(journals, "where", places)
        yield request.param
        places.drop()
    else:
        yield request.param


@pytest.fixture
def profile(database, tmp_path) -> Profile:
    return journals.profile(tmp_path / "data")


@pytest.fixture
def opened(request, clock):
    """Opens journals, and closes them at the end."""
    if "database" in request.fixturenames:
        request.getfixturevalue("database")  # is there before journals, and goes after them
    found = []

    def open_(profile, **options):
        found.append(Journal.open(profile, **{"clock": clock, "wait": 2.0, **options}))
        return found[-1]

    yield open_
    for journal in found:
        journal.close()


@pytest.fixture
def journal(opened, profile) -> Journal:
    return opened(profile)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte; `small_disk.remount('ro')` makes it read-only."""
    folder = tmp_path / "small"
    folder.mkdir()

    def mount(*options: str) -> bool:
        done = subprocess.run(["mount", *options], capture_output=True, check=False)
        return done.returncode == 0

    size = ("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder))
    if os.geteuid() != 0 or not mount(*size):
        pytest.skip("only root can mount a small file system here")

    class Disk:
        path = folder

        def remount(self, how: str) -> None:
            assert mount("-o", f"remount,{how}", str(folder))

    yield Disk()
    subprocess.run(["umount", "-l", str(folder)], check=True)
