"""Real processes and a real PostgreSQL: killed, stopped, cut off, taken over; nothing is lost."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from counterfoil import keys
from counterfoil.errors import (
    JournalCopied,
    JournalInDoubt,
    JournalNotDurable,
    JournalUnreachable,
)
from counterfoil.journal import Journal, failpoints, sealer
from support import journals
from support.machines import Machine
from support.postgres import Server
from support.told import Told, hold

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv(keys.PASSPHRASE, raising=False)
    monkeypatch.delenv(keys.SECRET, raising=False)
    monkeypatch.setattr(keys, "_keyring", lambda: None)


@pytest.fixture(scope="module")
def server():
    found = Server()
    yield found
    found.remove()


@pytest.fixture
def name(server):
    found = server.database()
    yield found
    server.drop(found)


class Site:
    """A machine of real processes: a home, leases, and what its processes told."""

    def __init__(self, folder: Path, url: str) -> None:
        self.home = folder / "home"
        self.state = folder / "state"
        self.url = url
        self.folder = folder
        self.running: list[subprocess.Popen] = []
        self.outputs: list[Path] = []
        folder.mkdir()

    @property
    def keys(self) -> Path:
        return self.home / "data" / "fleet" / "keys"

    def start(
        self, *, name="p", calls=0, every=0, threads=1, point="", patient=False
    ) -> tuple[subprocess.Popen, Path]:
        output = self.folder / f"out{len(self.outputs)}"
        output.touch()
        self.outputs.append(output)
        environment = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "COUNTERFOIL_FAILPOINT": point,
            "COUNTERFOIL_HOME": str(self.home),
            "XDG_STATE_HOME": str(self.state),
            "SEALING_JOURNAL": self.url,
            "SEALING_PATIENT": "1" if patient else "",
        }
        command = [self.folder, "full", name, calls, every, threads]
        process = subprocess.Popen(
            [sys.executable, "-m", "support.sealing_process", *map(str, command)],
            stdout=output.open("a"), stderr=(self.folder / f"{output.name}.err").open("w"),
            env=environment,
        )  # fmt: skip
        self.running.append(process)
        return process, output

    def told(self) -> Told:
        found = Told()
        for output in self.outputs:
            found.read(output.read_text())
        return found

    def wait_for(self, output: Path, lines: int, process: subprocess.Popen) -> None:
        deadline = time.monotonic() + 60
        while output.read_bytes().count(b"\n") < lines:
            assert process.poll() is None, self.said(output)
            assert time.monotonic() < deadline, "the process tells nothing"
            time.sleep(0.01)

    def said(self, output: Path) -> str:
        return (self.folder / f"{output.name}.err").read_text()

    def journals(self, monkeypatch) -> list[Journal]:
        with monkeypatch.context() as patch:
            patch.setenv("COUNTERFOIL_HOME", str(self.home))
            profile = journals.profile(self.folder, journal=self.url, name="fleet")
            return Journal.open_all(profile)

    def end(self) -> None:
        for process in self.running:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait(30)


@pytest.fixture
def site(server, name, tmp_path):
    made = []

    def make(database=None):
        made.append(Site(tmp_path / f"site{len(made)}", database or server.url(name)))
        return made[-1]

    yield make
    for one in made:
        one.end()


def check(monkeypatch, *sites: Site) -> int:
    """Hold the one log of these machines against all that they told."""
    told = Told()
    for each in sites:
        for output in each.outputs:
            told.read(output.read_text())
    (journal,) = (j for j in sites[0].journals(monkeypatch) if not j.key_is_elsewhere)
    with journal:
        return hold(journal, told)


POINTS = [f"{p}:6" for p in failpoints.NAMES if p[:4] == "seal"] + [
    f"{p}:2" for p in failpoints.NAMES if p[:3] == "cut"
]


@pytest.mark.parametrize("point", POINTS)
def test_kill_at_a_point__the_same_machine_goes_on_at_once(site, monkeypatch, point):
    one = site()
    process, _ = one.start(every=3, point=point)
    assert process.wait(60) == -signal.SIGKILL
    before = check(monkeypatch, one)
    process, output = one.start(name="q", calls=3)
    assert process.wait(60) == 0, one.said(output)
    assert check(monkeypatch, one) == before + 6


@pytest.mark.parametrize("point", ["open.key_made", "open.journal_made"])
def test_kill_while_made__made_by_the_next(site, monkeypatch, point):
    one = site()
    process, _ = one.start(point=point)
    assert process.wait(60) == -signal.SIGKILL
    process, output = one.start(calls=2)
    assert process.wait(60) == 0, one.said(output)
    assert check(monkeypatch, one) == 3


def test_two_machines_one_key__each_follows_the_other_when_it_is_killed(site, monkeypatch):
    one, two = site(), site()
    process, output = one.start(name="a0", every=4, threads=2)
    one.wait_for(output, 5, process)
    shutil.copytree(one.keys, two.keys)
    refused, said = two.start(name="early", calls=1)
    assert refused.wait(60) != 0
    assert "KeyLeased" in two.said(said)
    sites = (one, two)
    for turn in range(1, 4):
        process.kill()
        process.wait(30)
        died = time.monotonic()
        there = sites[turn % 2]
        process, output = there.start(name=f"a{turn}", every=4, threads=2)
        there.wait_for(output, 5, process)
        assert time.monotonic() - died < 20, "a dead machine held the log for too long"
    process.kill()
    process.wait(30)
    assert check(monkeypatch, one, two) > 15


def test_stopped_machine__taken_over__goes_on_and_signs_nothing(site, monkeypatch):
    one, two = site(), site()
    process, output = one.start(name="stopped", threads=2)
    one.wait_for(output, 5, process)
    shutil.copytree(one.keys, two.keys)
    process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    heir, there = two.start(name="heir", calls=20)
    assert heir.wait(60) == 0, two.said(there)
    assert time.monotonic() - stopped < 40, "a stopped machine held the log for too long"
    after, last = two.start(name="after")
    two.wait_for(last, 5, after)
    before = output.read_text().count("\n")
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) != 0, "it goes on as if nothing had happened"
    assert re.search("KeyLeased|JournalUnreachable", one.said(output))
    after.kill()
    after.wait(30)
    # what was committed before the stop leaves after it, and nothing else: each of two threads
    # has three receipts of a group on their way
    assert output.read_text().count("\n") - before <= 6
    check(monkeypatch, one, two)


def test_server_killed_and_connections_cut__nothing_lost(server, site, name, monkeypatch):
    """Three processes on two machines with two logs, under faults, for about half a minute."""
    one, two = site(), site()
    chance = random.Random(3)
    started = [
        (one, *one.start(name="x", every=5, threads=3, patient=True)),
        (one, *one.start(name="y", every=7, threads=2, patient=True)),
        (two, *two.start(name="z", every=6, threads=2, patient=True)),
    ]
    for there, process, output in started:
        there.wait_for(output, 3, process)
    stop = threading.Event()

    def cut():
        while not stop.wait(chance.uniform(0.02, 0.2)):
            with suppress(psycopg.Error), server.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
                    "ORDER BY random() LIMIT 1",
                    (name,),
                )

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        for turn in range(4):
            time.sleep(chance.uniform(1.0, 2.0))
            if turn == 2:  # a process dies as well
                started[1][1].kill()
            server.kill()
            time.sleep(chance.uniform(0, 0.5))
            server.start()
        time.sleep(2)
    finally:
        stop.set()
        cutting.join()
    for there, process, output in (started[0], started[2]):
        lines = output.read_bytes().count(b"\n")
        there.wait_for(output, lines + 5, process)  # it goes on by itself
        process.kill()
        process.wait(30)
    assert check(monkeypatch, one) > 20
    assert check(monkeypatch, two) > 10


def test_server_gone_at_the_commit__in_doubt_and_then_known(
    server, site, name, tmp_path, monkeypatch
):
    machine = Machine(tmp_path / "m", server.url(name), monkeypatch)
    journal = machine.open(wait=1.0)
    machine.seal(journal, 0)
    monkeypatch.setattr(
        sealer, "hit", lambda point: server.kill() if point == "seal.inserted" else None
    )
    try:
        with pytest.raises(JournalInDoubt, match="from number 1 on"):
            machine.seal(journal, 1)
        monkeypatch.undo()
        with pytest.raises(JournalUnreachable):
            journal.next_sequence()
    finally:
        server.start()
    assert journal.next_sequence() == 1
    assert machine.seal(journal, 1).receipt.sequence == 1
    machine.close()


def test_server_without_fsync__refused(server, name, tmp_path, monkeypatch):
    machine = Machine(tmp_path / "m", server.url(name), monkeypatch)
    journal = machine.open()
    machine.seal(journal, 0)
    server.stop()
    server.start(fsync="off")
    try:
        with pytest.raises(JournalNotDurable, match="fsync=on"):
            machine.seal(journal, 1)
        with pytest.raises(JournalNotDurable):
            machine.open()
        with machine.here():
            assert isinstance(journal.refusal(), JournalNotDurable)
        assert journal.next_sequence() == 1
    finally:
        server.stop()
        server.start()
    assert machine.seal(journal, 1).receipt.sequence == 1
    machine.close()


def test_standby_promoted__refused_also_by_who_was_connected(tmp_path, monkeypatch):
    server = Server()
    try:
        machine = Machine(tmp_path / "m", server.url(), monkeypatch)
        journal = machine.open()
        machine.seal(journal, 0)
        server.stop()
        (server.data / "standby.signal").touch()
        server.start()
        with pytest.raises(JournalCopied):
            machine.seal(machine.open(), 1)  # as long as it is a standby
        with server.connect() as connection:
            connection.execute("SELECT pg_promote()")
        with pytest.raises(Exception, match="another server or database"):
            machine.seal(journal, 1)
        again = machine.open()
        with pytest.raises(JournalCopied, match="key rotate"):
            machine.seal(again, 1)
        assert again.cut_batch().batch.size == 1
        with machine.here():
            fresh = again.rotate()
        assert machine.seal(fresh, 0).receipt.sequence == 0
        fresh.close()
        machine.close()
    finally:
        server.remove()


def test_migration_killed_midway__done_by_the_next(server, name, site, monkeypatch):
    one = site()
    process, output = one.start(calls=3)
    assert process.wait(60) == 0, one.said(output)
    with server.connect(name) as connection:
        connection.execute("DROP TABLE leases, summonable")
        connection.execute("UPDATE counterfoil_meta SET value = '1' WHERE name = 'schema'")
    process, _ = one.start(name="q", calls=3, point="migrate.stepped")
    assert process.wait(60) == -signal.SIGKILL
    process, output = one.start(name="r", calls=3)
    assert process.wait(60) == 0, one.said(output)
    assert check(monkeypatch, one) == 12
