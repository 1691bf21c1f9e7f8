"""kill -9, at each named point of seal, cut, rotate and settle, and at random."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from counterfoil.journal import failpoints
from counterfoil.settle import points

from .processes import Launcher, Running
from .scene import Scene
from .table import Row

SEAL = tuple(name for name in failpoints.NAMES if name.startswith("seal."))
CUT = tuple(name for name in failpoints.NAMES if name.startswith("cut."))
MADE = tuple(name for name in failpoints.NAMES if name.startswith("open."))
ROTATED = (*(n for n in failpoints.NAMES if n.startswith("rotate.")), *MADE)
SETTLE = points.NAMES

PATIENCE = 30.0
"""Seconds in which a failpoint is met, or it counts as not injected."""


def rows(folder: Path, launcher: Launcher, chance: random.Random, kills: int) -> Iterator[Row]:
    """One log that goes on through every kill: about `kills` of them in all."""
    named = len(SEAL) + len(CUT) + len(SETTLE) + len(MADE) + len(ROTATED)
    each = max(1, kills * 2 // 3 // named)
    at_random = max(3, kills - each * named)
    with Scene(folder / "kills", launcher, confirmations=2) as scene:
        for point in SEAL:
            yield _row(scene, f"kill -9 at {point}", _worker, point, each, chance)
        for point in (*CUT, *SETTLE):
            yield _row(scene, f"kill -9 at {point}", _settler, point, each, chance)
        for point in ROTATED:
            yield _row(scene, f"kill -9 of key rotate at {point}", _rotate, point, each, chance)
        share = -(-at_random // 3)
        rounds = {"worker": share, "settler": share, "both": -(-share // 2)}  # both: two a round
        for what, times in rounds.items():
            before, done = scene.holder.counts(), 0
            for _ in range(times):
                done += _at_random(scene, what, chance)
            yield scene.row(f"kill -9 of {what} at random", done, _problem(scene), before)
        node = scene.node
        for point in MADE:
            done, counts = 0, [0, 0, 0, 0]
            for turn in range(each):
                place = folder / f"made-{point}-{turn}"
                with Scene(place, launcher, node=node, begun_at=point) as fresh:
                    done += fresh.killed
                    fresh.worker(calls=3).wait(PATIENCE)
                    fresh.settle()
                    counts = [a + b for a, b in zip(counts, fresh.holder.counts(), strict=True)]
            yield Row(
                fault=f"kill -9 of the first run at {point}", injected=done, signed=counts[0],
                lost=counts[1], reused=counts[2], broken=counts[3],
            )  # fmt: skip


def _row(scene, fault, kill, point, times, chance) -> Row:
    before, done = scene.holder.counts(), 0
    for _ in range(times):
        done += kill(scene, point, chance)
        scene.settle()
    note = "" if done == times else f"{times - done} of {times} were not met"
    return scene.row(fault, done, _problem(scene) or note, before)


def _problem(scene: Scene) -> str:
    return scene.holder.problems[0] if scene.holder.problems else ""


def _killed(process: Running) -> bool:
    code = process.wait(PATIENCE)
    process.kill()
    return code == -signal.SIGKILL


def _worker(scene: Scene, point: str, chance: random.Random) -> bool:
    count, size = chance.randint(1, 8), chance.choice((1, 1, 3))
    return _killed(scene.worker(point=f"{point}:{count}", size=size, pace=0.002))


def _settler(scene: Scene, point: str, chance: random.Random) -> bool:
    """A worker seals on while the settler is killed."""
    worker = scene.worker(pace=0.02)
    try:
        scene.heard(10)
        if point == "settle.reorged":
            return _reorged(scene, point, worker)
        return _killed(scene.settler(point=f"{point}:{chance.randint(1, 2)}"))
    finally:
        worker.kill()


def _reorged(scene: Scene, point: str, worker: Running) -> bool:
    """A batch is in a block, not final; the block goes; the settler that sees it is killed."""
    worker.kill()
    settler = scene.settler()
    seen = scene.until(lambda: any(b.state == "posted" for b in _batches(scene)))
    settler.kill()
    if not seen:
        return False
    scene.node.ask("anvil_reorg", 1, [])
    return _killed(scene.settler(point=point))


def _batches(scene: Scene) -> list:
    with scene.journals() as journals:
        return [batch for journal in journals for batch in journal.batches()]


def _rotate(scene: Scene, point: str, _: random.Random) -> bool:
    """Killed in the middle of a rotation, the old log goes on."""
    done = _killed(scene.command("key", "rotate", point=point))
    worker = scene.worker(calls=3)
    worker.wait(PATIENCE)
    return done


def _at_random(scene: Scene, what: str, chance: random.Random) -> int:
    worker, settler = scene.worker(pace=0.005), scene.settler()
    try:
        scene.heard(2)
        time.sleep(chance.uniform(0, 0.6))
        victims = {"worker": [worker], "settler": [settler], "both": [worker, settler]}[what]
        return sum(victim.kill() for victim in victims)
    finally:
        worker.kill()
        settler.kill()
        scene.settle()
