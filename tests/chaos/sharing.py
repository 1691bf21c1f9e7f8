"""Processes that share one journal, all busy: nobody waits long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from .processes import Launcher
from .scene import Scene
from .table import Row

PROCESSES = 4
CALLS = 1500
LIMIT = 0.050
"""Seconds that nobody should wait for the others."""


def rows(folder: Path, launcher: Launcher, _: random.Random, kills: int) -> Iterator[Row]:
    calls = CALLS if kills >= 300 else CALLS // 10
    with Scene(folder, launcher, batch_size=2**14) as scene:
        running = [scene.worker(calls=calls, measured=PROCESSES) for _ in range(PROCESSES)]
        for process in running:
            process.wait(300)
        scene.settle()
        waits = sorted(scene.holder.waits)
        over = sum(wait > LIMIT for wait in waits)
        parts = {name: waits[int(len(waits) * of)] for name, of in (("p50", 0.5), ("p99", 0.99))}
        figures = ", ".join(f"{name} {1e3 * wait:.1f} ms" for name, wait in parts.items())
        note = (
            f"{len(waits):,} waits: {figures}, max {1e3 * waits[-1]:.1f} ms; "
            f"{over} over {1e3 * LIMIT:.0f} ms"
        )
        yield scene.row("four busy processes share one journal", len(running), note)
