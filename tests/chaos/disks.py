"""A full disk, fsync that fails, and power cuts."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .node import shim
from .processes import Launcher
from .scene import Scene
from .table import Row

TIMES = 4


def rows(folder: Path, launcher: Launcher, chance: random.Random, kills: int) -> Iterator[Row]:
    folder.mkdir(parents=True)
    yield _full(folder / "full", launcher)
    library = shim(folder)
    for fault, row in (
        ("fsync fails with EIO", _fsync),
        ("power cut at full: what was not fsynced is gone", _power),
    ):
        if isinstance(library, str):
            yield Row(fault=fault, note=library, skipped=True)
        else:
            yield row(folder / row.__name__, launcher, library, fault, chance)
    yield _unclean(folder / "unclean", launcher)


@contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """A file system of one megabyte; gives why there is none, or nothing."""
    folder.mkdir(parents=True)
    done = _mount("-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(folder))
    try:
        yield done
    finally:
        if not done:
            subprocess.run(["umount", "-l", str(folder)], check=False)


def _mount(*arguments: str) -> str:
    """Why it failed; empty if it did not."""
    try:
        done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no `mount`"
    return "" if done.returncode == 0 else "mounting a small file system is not permitted"


def _full(folder: Path, launcher: Launcher) -> Row:
    fault = "disk full"
    with small_disk(folder.with_name("disk")) as refused:
        disk = folder.with_name("disk")
        if refused:
            return Row(fault=fault, note=refused, skipped=True)
        with Scene(folder, launcher, journal=disk / "journal.db") as scene:
            settler, notes, done = scene.settler(), [], 0
            worker = scene.worker(pace=0.001)
            for size in range(2, 2 + TIMES):
                before = scene.refusals("JournalFull")
                done += scene.until(
                    lambda seen=before: scene.refusals("JournalFull") > seen + 3, 90
                )
                _mount("-o", f"remount,size={size}m", str(disk))
            if not scene.heard(20, 30):
                notes.append("sealing did not resume")
            worker.kill()
            _mount("-o", "remount,size=64m", str(disk))
            if not scene.wait_final(90):
                notes.append("the settler did not recover by itself")
            if settler.stop() not in (0, None):
                notes.append(f"the settler ended with {settler.ended()}")
            scene.settle()
            count = scene.refusals("JournalFull")
            said = f"{count} receipts were refused as JournalFull"
            return scene.row(fault, done, "; ".join(notes) or said)


def _fsync(folder: Path, launcher: Launcher, library: Path, fault: str, _: random.Random) -> Row:
    with Scene(folder, launcher) as scene:
        switch = folder / "fsync"
        switch.write_bytes(b"")
        environment = {"LD_PRELOAD": str(library), "CHAOS_FSYNC": str(switch)}
        worker = scene.execute({"worker": {"pace": 0.005}}, **environment)
        settler = scene.execute(
            {"command": ["settle", "--watch", "--interval", "0.1"]}, **environment
        )
        injected, notes = 0, []
        for _turn in range(TIMES):
            if not scene.heard(10, 60):
                notes.append("sealing did not resume")
            switch.write_bytes(b"x")
            time.sleep(0.7)
            injected += len(switch.read_bytes()) - 1
            switch.write_bytes(b"")
        scene.heard(10)
        worker.kill()
        if not scene.wait_final(60):
            notes.append("the settler did not recover by itself")
        settler.stop()
        scene.settle()
        count = scene.refusals("JournalFailed", "JournalFull")
        return scene.row(
            fault, injected,
            "; ".join([*scene.holder.problems, *notes]) or f"{count} receipts were refused",
        )  # fmt: skip


def _power(
    folder: Path, launcher: Launcher, library: Path, fault: str, chance: random.Random
) -> Row:
    """Killed, and every file put back to what it was at its last fsync; then another boot."""
    with Scene(folder, launcher) as scene:
        environment = {"LD_PRELOAD": str(library), "CHAOS_SYNCED": str(scene.data)}
        injected, notes = 0, []
        for turn in range(TIMES):
            worker = scene.execute({"worker": {"pace": 0.002}}, **environment)
            scene.heard(30)
            time.sleep(chance.uniform(0, 0.3))
            worker.kill()
            scene.read()
            injected += _forget_unsynced(scene.data)
            boot = _other_boot(scene, turn)
            if boot and boot not in notes:
                notes.append(boot)
            scene.settle()
        notes = [*scene.holder.problems, *notes]
        return scene.row(fault, injected, "; ".join(notes))


def _forget_unsynced(folder: Path) -> int:
    """What a power cut leaves of the database; 1 if there was something to put back."""
    found = 0
    for path in (folder / "journal.db", folder / "journal.db-wal"):
        copy = path.with_name(path.name + ".synced")
        if copy.exists():
            with path.open("r+b") as stream:
                stream.truncate(0)
                stream.write(copy.read_bytes())
            copy.unlink()
            found = 1
        elif path.name.endswith("-wal") and path.exists():
            with path.open("r+b") as stream:
                stream.truncate(0)
    for path in folder.glob("*-shm"):
        path.unlink()
    for path in (folder / "keys").glob("*.mark"):
        with path.open("r+b") as stream:
            stream.truncate(0)
    return found


def _rebooted(scene: Scene, name: int) -> tuple[str, ...]:
    """What comes before a command, so that it sees another boot of the machine."""
    boot = scene.folder / f"boot{name}"
    boot.write_text(f"00000000-0000-0000-0000-{name:012d}\n")
    script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
    return ("unshare", "-m", "sh", "-c", script, str(boot))


def _can_reboot(scene: Scene) -> str:
    try:
        done = subprocess.run(
            [*_rebooted(scene, 0), "cat", "/proc/sys/kernel/random/boot_id"],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return "no `unshare`"
    good = done.returncode == 0 and done.stdout.startswith("00000000")
    return "" if good else "another boot cannot be feigned without root"


def _other_boot(scene: Scene, turn: int) -> str:
    """Seal some more in another boot; why it was not one."""
    why = _can_reboot(scene)
    worker = scene.execute({"worker": {"calls": 3}}, () if why else _rebooted(scene, turn + 1))
    worker.wait(60)
    scene.read()
    refused = scene.refusals("UncleanBoot", "RestoredBackup")
    return f"{refused} refusals after the cut" if refused else why


def _unclean(folder: Path, launcher: Launcher) -> Row:
    """At `normal`, killed, and another boot: it refuses, and a new log goes on."""
    fault = "unclean boot at normal (local chain): refused, new log"
    with Scene(folder, launcher, durability="normal") as scene:
        why = _can_reboot(scene)
        if why:
            return Row(fault=fault, note=why, skipped=True)
        injected, notes = 0, []
        for turn in range(2):
            worker = scene.worker(pace=0.005)
            scene.heard(20)
            worker.kill()
            before = scene.refusals("UncleanBoot")
            again = scene.execute({"worker": {"calls": 2}}, _rebooted(scene, turn + 1))
            again.wait(60)
            injected += scene.refusals("UncleanBoot") == before + 2
            if scene.command("key", "rotate").wait(30) != 0:
                notes.append("`counterfoil key rotate` failed")
            scene.open_logs()
            if not scene.heard(0):
                notes.append("the new log does not seal")
        last = scene.worker(calls=3)
        last.wait(30)
        scene.settle()
        with scene.journals() as journals:
            logs = len(journals)
        note = f"{logs} logs, all settled"
        return scene.row(fault, injected, "; ".join([*scene.holder.problems, *notes]) or note)
