"""Clock jumps, of the machine and of the chain, both ways."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from .node import shim
from .processes import Launcher
from .scene import Scene
from .table import Row

OWN = (200, -200, 3600, -3600)
"""Seconds by which the machine's clock jumps. The last is refused, as it must be."""


def rows(folder: Path, launcher: Launcher, chance: random.Random, kills: int) -> Iterator[Row]:
    folder.mkdir(parents=True)
    library = shim(folder)
    for jump in OWN:
        fault = f"machine's clock jumps by {jump:+d} s, and back"
        if isinstance(library, str):
            yield Row(fault=fault, note=library, skipped=True)
        else:
            yield _own(folder / f"own{jump}", launcher, library, fault, jump)
    yield _chain(folder / "chain", launcher)


class _Clock:
    """A clock that the processes under the shim share."""

    def __init__(self, path: Path, library: Path) -> None:
        self._path = path
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(path)}
        path.write_bytes(bytes(8))

    def set(self, seconds: int) -> None:
        with self._path.open("r+b") as stream:
            stream.write(struct.pack("q", seconds))


def _own(folder: Path, launcher: Launcher, library: Path, fault: str, jump: int) -> Row:
    """Worker and settler share the clock that jumps; the chain's clock stays."""
    with Scene(folder, launcher) as scene:
        clock, notes, done = _Clock(folder / "clock", library), [], 0
        worker = scene.execute({"worker": {"pace": 0.02}}, **clock.environment)
        settler = scene.execute(
            {"command": ["settle", "--watch", "--interval", "0.1"]}, **clock.environment
        )
        for _ in range(2):
            if not scene.heard(20, 60):
                notes.append("sealing did not resume")
            clock.set(jump)
            done += 1
            time.sleep(3)
            clock.set(0)
            done += 1
            time.sleep(2)
            if jump > 300:
                break  # sealing is refused until the clocks have come to the last receipt's time
        if jump > 0:  # receipts are ahead of every clock: the world goes on to their time
            clock.set(jump)
            scene.node.ask("evm_increaseTime", jump)
            scene.node.mine(1)
        if not scene.heard(5, 60):
            notes.append("sealing did not resume")
        worker.kill()
        if not scene.wait_final(60):
            notes.append("the settler did not recover by itself")
        settler.stop()
        scene.settle()
        said = ", ".join(f"{count} {name}" for name, count in scene.holder.refused.items())
        notes = [*scene.holder.problems, *notes]
        return scene.row(fault, done, "; ".join(notes) or (f"refused: {said}" if said else ""))


def _chain(folder: Path, launcher: Launcher) -> Row:
    """The chain's clock runs ahead by 100 s at a time, until the machine's is behind."""
    with Scene(folder, launcher) as scene:
        settler, worker, done, notes = scene.settler(), scene.worker(pace=0.05), 0, []
        for _ in range(4):
            scene.heard(5)
            worker.kill()
            if not scene.wait_final(30):
                notes.append("the settler did not settle")
            scene.node.ask("evm_increaseTime", 100)
            scene.node.mine(1)
            done += 1
            time.sleep(1)
            worker = scene.worker(pace=0.05)
        refused = scene.until(lambda: scene.refusals("ClockWrong") > 0, 20)
        if not refused:
            notes.append("a clock that is 400 s behind the chain's was not refused")
        worker.kill()
        scene.wait_final(30)
        settler.stop()
        scene.settle()
        said = "over 300 s behind the chain, sealing is refused as ClockWrong"
        notes = [*scene.holder.problems, *notes]
        return scene.row("chain's clock runs ahead by 4 × 100 s", done, "; ".join(notes) or said)
