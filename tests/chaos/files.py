"""Journals deleted, restored, copied, and two on one key."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from counterfoil.journal import Journal
from counterfoil.journal.schema import journals as journals_table

from .processes import Launcher
from .scene import Scene
from .table import Row

TIMES = 3


def rows(folder: Path, launcher: Launcher, chance: random.Random, kills: int) -> Iterator[Row]:
    for fault, row in (
        ("journal deleted while in use: saved by the process that has it open", _deleted),
        ("journal restored from a backup: refused, new log", _restored),
        ("old file put back over the journal: refused, new log", _put_back),
        ("old data folder put back over itself, unsettled receipts since: refused", _put_all_back),
        ("journal opened twice, as a copy: the copy refused", _copied),
        ("two journals on one key, alike to the inode: the lease", _leased),
    ):
        with Scene(folder / row.__name__, launcher) as scene:
            injected, note = row(scene)
            scene.settle()
            yield scene.row(
                fault, injected, "; ".join([*scene.holder.problems, *filter(None, [note])])
            )


def _refusals_of(scene: Scene, *names: str) -> int:
    """Have a process try three times; how often it was refused so."""
    before = scene.refusals(*names)
    scene.worker(calls=3).wait(30)
    return scene.refusals(*names) - before


def _rotate(scene: Scene) -> str:
    """Begin the new log that the refusal offers, and seal into it."""
    code = scene.command("key", "rotate").wait(30)
    scene.open_logs()
    scene.worker(calls=5).wait(30)
    return "" if code == 0 else f"`counterfoil key rotate` ended with {code}"


def _deleted(scene: Scene) -> tuple[int, str]:
    """Receipts wait when the file goes. The process that has it open writes down what it held.

    Put in place, that settles and does not seal; a new log goes on.
    """
    done = 0
    for _ in range(TIMES):
        worker = scene.worker(pace=0.02)
        scene.heard(15)
        path = scene.data / "journal.db"
        for name in ("journal.db", "journal.db-wal", "journal.db-shm"):
            (scene.data / name).unlink(missing_ok=True)
        done += scene.until(lambda: scene.refusals("JournalReplaced") > 0, 20)
        worker.kill()
        scene.read()
        scene.holder.refused.clear()
        path.with_name(f"{path.name}.saved-{worker.pid}").rename(path)
        if _refusals_of(scene, "JournalCopied") != 3:
            return done, "the copy was not refused"
        problem = _rotate(scene)
        if problem:
            return done, problem
        scene.settle()
    return done, "deleted with receipts waiting"


def _restored(scene: Scene) -> tuple[int, str]:
    """Backed up, sealed and settled on; then the backup is put in place, as after a crash."""
    done = 0
    for turn in range(TIMES):
        scene.worker(calls=5).wait(30)
        backup = scene.folder / f"backup{turn}"
        if scene.command("backup", str(backup)).wait(30) != 0:
            return done, "`counterfoil backup` failed"
        scene.worker(calls=5).wait(30)
        scene.settle()
        shutil.rmtree(scene.data)
        shutil.copytree(backup, scene.data)
        if _refusals_of(scene, "RestoredBackup", "JournalCopied") != 3:
            return done, "sealing was not refused"
        done += 1
        problem = _rotate(scene)
        if problem:
            return done, problem
        scene.settle()
    return done, "what came after the backup was settled, and is verified from the holder's files"


def _put_back(scene: Scene) -> tuple[int, str]:
    """A copy of the file alone, over the same inode: the mark beside the key knows better."""
    done = 0
    for _ in range(TIMES):
        scene.worker(calls=5).wait(30)
        path = scene.data / "journal.db"
        old = path.read_bytes()
        scene.worker(calls=5).wait(30)
        scene.settle()
        path.write_bytes(old)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        if _refusals_of(scene, "RestoredBackup") != 3:
            return done, "sealing was not refused"
        done += 1
        problem = _rotate(scene)
        if problem:
            return done, problem
        scene.settle()
    return done, ""


def _put_all_back(scene: Scene) -> tuple[int, str]:
    """Database, keys and mark, in place; what was signed since waits, and its holders have it.

    The newer folder is put in place again at the end, to settle what the old one lacks.
    """
    done = 0
    for _ in range(TIMES):
        scene.worker(calls=5).wait(30)
        old = {p: p.read_bytes() for p in scene.data.rglob("*") if p.is_file()}
        scene.worker(calls=5).wait(30)
        newer = {p: p.read_bytes() for p in scene.data.rglob("*") if p.is_file()}
        _write(old)
        if _refusals_of(scene, "RestoredBackup") != 3:
            return done, "sealing was not refused"
        done += 1
        _write(newer)
        scene.worker(calls=5).wait(30)
        scene.settle()
    return done, ""


def _write(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.write_bytes(content)


def _second(scene: Scene, turn: int) -> Scene:
    """The same operator's settings with a copy of the whole folder of the journal."""
    place = scene.folder / f"copy{turn}"
    shutil.copytree(scene.data, place)
    second = object.__new__(Scene)
    second.__dict__.update(scene.__dict__)
    second.profile = replace(scene.profile, journal=f"sqlite:///{place / 'journal.db'}")
    second.environment = {**scene.environment, "COUNTERFOIL_JOURNAL": second.profile.journal}
    return second


def _copied(scene: Scene) -> tuple[int, str]:
    """The original is in use; a copy with the keys is opened beside it."""
    worker = scene.worker(pace=0.02)
    done = 0
    for turn in range(TIMES):
        scene.heard(10)
        copy = _second(scene, turn)
        done += _refusals_of(copy, "JournalCopied") == 3
    worker.kill()
    return done, ""


def _leased(scene: Scene) -> tuple[int, str]:
    """The copy says that it has the original's place: only the lease can tell."""
    worker = scene.worker(pace=0.02)
    done = 0
    for turn in range(TIMES):
        scene.heard(10)
        copy = _second(scene, turn)
        path = copy.data / "journal.db"
        engine = sa.create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            connection.execute(journals_table.update().values(place=f"inode:{path.stat().st_ino}"))
        engine.dispose()
        done += _refusals_of(copy, "KeyLeased") == 3
    worker.kill()
    with Journal.open(scene.profile) as journal:
        held = journal.next_sequence()
    return done, f"the original sealed on to number {held - 1}"
