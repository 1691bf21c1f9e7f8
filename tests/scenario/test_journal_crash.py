"""Real processes, killed with SIGKILL: what they told of is in the journal, unchanged."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from counterfoil import keys
from counterfoil.journal import Journal, failpoints
from support import journals
from support.told import Told, hold

pytestmark = pytest.mark.slow

TESTS = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv(keys.PASSPHRASE, raising=False)
    monkeypatch.delenv(keys.SECRET, raising=False)
    monkeypatch.setattr(keys, "_keyring", lambda: None)


def start(folder, output, *, durability="full", name="p", calls=0, every=0, threads=1, point=""):
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "COUNTERFOIL_FAILPOINT": point}
    command = [folder, durability, name, calls, every, threads]
    return subprocess.Popen(
        [sys.executable, "-m", "support.sealing_process", *map(str, command)],
        stdout=output.open("a"),
        stderr=subprocess.PIPE,
        env=environment,
    )


def wait_for_lines(path: Path, lines: int, process) -> None:
    deadline = time.monotonic() + 60
    while path.read_bytes().count(b"\n") < lines:
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline, "the process tells nothing"
        time.sleep(0.005)


def check(folder: Path, told: Told, durability="full") -> int:
    """Hold the journal against what was told; returns how many receipts it has."""
    with Journal.open(journals.profile(folder, durability=durability)) as journal:
        return hold(journal, told)


POINTS = [
    *(f"{name}:{count}" for name in failpoints.NAMES if name[:4] == "seal" for count in (1, 6)),
    *(f"{name}:{count}" for name in failpoints.NAMES if name[:3] == "cut" for count in (2,)),
]


@pytest.mark.parametrize("point", POINTS)
def test_kill_at_a_point__nothing_lost_or_renumbered(tmp_path, point):
    told, output = Told(), tmp_path / "out"
    output.touch()
    process = start(tmp_path / "j", output, every=3, point=point)
    assert process.wait(60) == -signal.SIGKILL
    told.read(output.read_text())
    before = check(tmp_path / "j", told)
    # The same program again, to its end: it goes on where the first one stopped.
    process = start(tmp_path / "j", output, name="q", calls=3)
    assert process.wait(60) == 0, process.stderr.read().decode()
    told.read(output.read_text())
    assert check(tmp_path / "j", told) == before + 6


@pytest.mark.parametrize("point", ["open.key_made", "open.journal_made"])
def test_kill_while_made__made_by_the_next(tmp_path, point):
    told, output = Told(), tmp_path / "out"
    output.touch()
    process = start(tmp_path / "j", output, point=point)
    assert process.wait(60) == -signal.SIGKILL
    process = start(tmp_path / "j", output, calls=2)
    assert process.wait(60) == 0, process.stderr.read().decode()
    told.read(output.read_text())
    assert check(tmp_path / "j", told) == 3


def test_kill_while_rotating__still_the_old_log(tmp_path):
    source = journals.profile(tmp_path / "j")
    with Journal.open(source) as journal:
        journal.seal(journals.draft())
        pid = os.fork()
        if pid == 0:  # as if the variable had been set
            failpoints._NAME = "rotate.retired"
            from counterfoil.journal import opening

            opening.hit = failpoints._armed
            journal.rotate()
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        assert journal.seal(journals.draft(1)).receipt.sequence == 1
    with Journal.open(source) as again:
        assert again.signer == journal.signer


@pytest.mark.parametrize(("durability", "threads"), [("full", 1), ("normal", 1), ("normal", 4)])
def test_kill_at_random__again_and_again__nothing_lost(tmp_path, durability, threads):
    told, chance = Told(), random.Random(7)
    for turn in range(4):
        output = tmp_path / f"out{turn}"
        output.touch()
        process = start(
            tmp_path / "j", output, durability=durability, name=f"t{turn}", every=5, threads=threads
        )
        wait_for_lines(output, 1, process)
        time.sleep(chance.uniform(0, 0.15))
        process.kill()
        process.wait(60)
        told.read(output.read_text())
        assert check(tmp_path / "j", told, durability) >= len(told.receipts)
    assert len(told.receipts) >= 4


def test_four_processes__killed_one_by_one__one_log(tmp_path):
    told, chance = Told(), random.Random(11)
    outputs = [tmp_path / f"out{n}" for n in range(4)]
    for output in outputs:
        output.touch()
    running = [
        start(tmp_path / "j", output, name=f"p{n}", every=4, threads=1 + n % 2)
        for n, output in enumerate(outputs)
    ]
    for process, output in zip(running, outputs, strict=True):
        wait_for_lines(output, 5, process)
    for process in running:
        time.sleep(chance.uniform(0, 0.2))
        assert process.poll() is None, process.stderr.read().decode()
        process.kill()
        process.wait(60)
    for output in outputs:
        told.read(output.read_text())
    assert all(output.read_text() for output in outputs)
    check(tmp_path / "j", told)


def test_four_processes__to_their_end__every_receipt_once(tmp_path):
    told = Told()
    outputs = [tmp_path / f"out{n}" for n in range(4)]
    for output in outputs:
        output.touch()
    running = [
        start(tmp_path / "j", output, name=f"p{n}", calls=60) for n, output in enumerate(outputs)
    ]
    for process in running:
        assert process.wait(120) == 0, process.stderr.read().decode()
    for output in outputs:
        told.read(output.read_text())
    assert len(told.receipts) == 4 * 120
    assert check(tmp_path / "j", told) == 4 * 120


def test_stopped_process__holds_nobody_up(tmp_path):
    """A process that is stopped between two seals does not keep the others from sealing."""
    output = tmp_path / "out"
    output.touch()
    process = start(tmp_path / "j", output, calls=1)
    assert process.wait(60) == 0, process.stderr.read().decode()
    with Journal.open(journals.profile(tmp_path / "j", durability="full"), wait=5) as journal:
        journal.seal(journals.draft("held open"))
        again = start(tmp_path / "j", output, name="q", calls=5)
        assert again.wait(60) == 0, again.stderr.read().decode()
        assert journal.seal(journals.draft("after")).receipt.sequence == 1 + 1 + 9


def test_torn_write_ahead_log__what_is_whole_is_kept(tmp_path):
    """The file's tail lost after a kill: a log without a gap remains, and does not seal on."""
    output = tmp_path / "out"
    output.touch()
    process = start(tmp_path / "j", output, durability="normal")
    wait_for_lines(output, 50, process)
    process.kill()
    process.wait(60)
    wal = tmp_path / "j" / "journal.db-wal"
    os.truncate(wal, wal.stat().st_size * 2 // 3)
    with Journal.open(journals.profile(tmp_path / "j")) as journal:
        held = [s.receipt.sequence for s in journal.iterate()]
        assert held == list(range(len(held)))
        assert len(held) < 50 + output.read_text().count("\n")
        from counterfoil.errors import RestoredBackup

        with pytest.raises(RestoredBackup):  # the mark beside the key has seen more
            journal.seal(journals.draft("would be a number twice"))
