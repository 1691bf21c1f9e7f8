"""One database at a time seals with a key, whatever else fails to tell a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from counterfoil.errors import JournalCopied, KeyLeased
from counterfoil.journal import lease as leases
from counterfoil.journal.lease import Lease
from counterfoil.journal.schema import journals as table
from support.journals import draft, profile

SIGNER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    own = tmp_path / "leases"
    own.mkdir()
    monkeypatch.setattr(leases, "folder", lambda: own)
    monkeypatch.setattr(leases, "PATIENCE", 0.1)
    return own


@pytest.fixture
def lease(tmp_path):
    """Makes leases on one key for databases by name, and ends them."""
    made = []

    def make(name):
        path = tmp_path / name
        path.touch()
        made.append(Lease(SIGNER, path))
        return made[-1]

    yield make
    for one in made:
        one.give_back()


def test_take__same_database__shared(lease, folder):
    one, two = lease("a"), lease("a")
    one.take()
    two.take()
    one.take()
    one.give_back()
    with pytest.raises(KeyLeased):
        lease("b").take()
    two.give_back()
    assert list(folder.iterdir()) == []


def test_take__other_database__refused_until_given_back(lease):
    one, two = lease("a"), lease("b")
    one.take()
    with pytest.raises(KeyLeased, match=r"/a is sealing with the key of 0x4e59.*key rotate"):
        two.take()
    one.give_back()
    two.take()
    with pytest.raises(KeyLeased, match="/b is sealing"):
        one.take()


def test_take__holder_killed__free(lease, tmp_path, folder):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from counterfoil.journal import lease\n"
        "lease.folder = lambda: Path(sys.argv[1])\n"
        f"held = lease.Lease('{SIGNER}', Path(sys.argv[2])); held.take()\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    (tmp_path / "a").touch()
    command = [sys.executable, "-c", code, str(folder), str(tmp_path / "a")]
    assert subprocess.run(command, check=False).returncode == -9
    assert [p.name for p in folder.iterdir()] == [SIGNER]
    lease("b").take()


def test_take__forked_child__its_own(lease):
    one = lease("a")
    one.take()
    pid = os.fork()
    if pid == 0:
        one.take()
        one.give_back()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    with pytest.raises(KeyLeased):
        lease("b").take()


def test_take__many_at_once__one_database_wins(lease, tmp_path, folder):
    code = (
        "import sys; from pathlib import Path\n"
        "from counterfoil.errors import KeyLeased\n"
        "from counterfoil.journal import lease\n"
        "lease.folder = lambda: Path(sys.argv[1])\n"
        f"held = lease.Lease('{SIGNER}', Path(sys.argv[2]))\n"
        "try: held.take(); print('taken', flush=True)\n"
        "except KeyLeased: print('refused', flush=True)\n"
        "sys.stdin.read()"
    )
    names = ["a", "b", "a", "b"]
    for name in names:
        (tmp_path / name).touch()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), str(tmp_path / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    said = [process.stdout.readline().strip() for process in running]
    for process in running:
        process.communicate("")
    winners = {name for name, word in zip(names, said, strict=True) if word == "taken"}
    assert len(winners) == 1
    assert said == ["taken" if name in winners else "refused" for name in names]


def make_alike(folder: Path, place: str) -> None:
    """As if the copy had the inode that the original has."""
    engine = sa.create_engine(f"sqlite:///{folder / 'journal.db'}")
    with engine.begin() as connection:
        connection.execute(table.update().values(place=place))
    engine.dispose()


def test_seal__whole_folder_copied_with_the_same_inode__refused_while_in_use(opened, tmp_path):
    original = opened(profile(tmp_path / "a"))
    original.seal(draft(0))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    copy = opened(profile(tmp_path / "b"))
    with pytest.raises(JournalCopied):
        copy.seal(draft(1))
    with copy._store.reading() as connection:
        place = copy._store.backend.place(connection)
    make_alike(tmp_path / "b", place)
    alike = opened(profile(tmp_path / "b"))
    with pytest.raises(KeyLeased, match="key rotate"):
        alike.seal(draft(1))
    assert original.seal(draft(1)).receipt.sequence == 1
    assert alike.rotate().seal(draft(1)).receipt.sequence == 0
