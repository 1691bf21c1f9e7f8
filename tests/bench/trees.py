"""Merkle trees: from leaf hashes to the root.

Peers make trees of another shape (pairs sorted) over as many leaves; they run in this run, in
their own processes. merkletreejs hashes with noble's keccak, the quickest in JavaScript.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from counterfoil.hashing import lanes, merkle

from .rows import Row
from .timing import once, side_by_side

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHONS = {"murky-tree": ".venv-bench-murky", "merkly": ".venv-bench-merkly"}
"""Environments of peers that want other versions than the project; `make bench` makes them."""


def rows(quick: bool) -> Iterator[Row]:
    """Ours at the peers' sizes, then a million leaves, layers, paths, memory."""
    lanes.available()
    sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000)
    ours = {}
    for size in sizes:
        leaves = _leaves(size)
        ours[size] = side_by_side(lambda leaves=leaves: merkle.root(leaves), seconds=0.5)[0]
    for peer, command, rounds, largest in _peers(quick):
        asked = [size for size in sizes if size <= largest]
        if not Path(command[0]).exists():
            for size in asked:
                yield Row(what=f"root of {size:,} leaves", ours=ours[size] * 1e3, unit="ms",
                          peer=peer, note="not installed here: `make bench` does")  # fmt: skip
            continue
        done = subprocess.run(
            [*command, str(rounds), *map(str, asked)],
            capture_output=True, text=True, check=True, timeout=1200, cwd=ROOT,
        )  # fmt: skip
        for line in done.stdout.splitlines():
            found = json.loads(line)
            yield Row(
                what=f"root of {found['size']:,} leaves",
                ours=ours[found["size"]] * 1e3,
                unit="ms",
                peer=found["peer"],
                peers=found["seconds"] * 1e3,
            )
    yield from _million(2 if quick else 10)
    yield from _path_from_journal(quick)


def _peers(quick: bool) -> Iterator[tuple[str, list[str], int, int]]:
    node = shutil.which("node") or "node"
    rounds = 3 if quick else 5
    yield "merkletreejs", [node, str(HERE / "trees.mjs")], rounds, 100_000
    for peer, folder in PYTHONS.items():
        script = HERE / f"trees_{peer.partition('-')[0]}.py"
        yield peer, [str(ROOT / folder / "bin" / "python"), str(script)], rounds, 10_000


def _leaves(size: int) -> merkle.Nodes:
    return np.random.default_rng(size).integers(0, 256, (size, 32), dtype=np.uint8)


def _million(seconds: float) -> Iterator[Row]:
    leaves = _leaves(1_000_000)
    root, layers = side_by_side(
        lambda: merkle.root(leaves), lambda: merkle.Tree(leaves), seconds=seconds
    )
    yield Row(what="root of 1,000,000 leaves", ours=root * 1e3, unit="ms", target=100)
    yield Row(what="all layers of 1,000,000 leaves", ours=layers * 1e3, unit="ms", target=150)
    tree = merkle.Tree(leaves)
    path = side_by_side(partial(tree.path, 777_777), seconds=0.2)[0]
    yield Row(what="path from kept layers", ours=path * 1e6, unit="µs", target=100)
    del tree
    for what, work in (("root", merkle.root), ("all layers", merkle.Tree)):
        tracemalloc.start()
        work(leaves)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        yield Row(what=f"memory over the leaves, {what}", ours=peak / 2**20, unit="MiB", target=100)


_LOOK_UP = """
import time
from counterfoil.config import load_profile
from counterfoil.journal import Journal
journal = Journal.open(load_profile(), create=False)
batches = journal._batches
began = time.perf_counter()
path = batches.inclusion(batches.holding(40_000), 40_000).path
print(time.perf_counter() - began)
assert len(path) == 16
began = time.perf_counter()
journal.receipt_file(12_345, openings=False)
print(time.perf_counter() - began)
times = []
for sequence in range(0, 65_536, 997):
    began = time.perf_counter()
    batches.inclusion(batches.holding(sequence), sequence)
    times.append(time.perf_counter() - began)
print(sorted(times)[len(times) // 2])
"""


def _path_from_journal(quick: bool) -> Iterator[Row]:
    """A settled batch of 65,536 in a journal; the path of one receipt in fresh processes."""
    from .home import GENESIS, drafts, home

    with home() as profile:
        from counterfoil.journal import Journal

        with Journal.open(profile) as journal:
            journal.note_chain(GENESIS, None, 1_790_000_000)
            some = drafts(1024)
            for _ in range(64):
                journal.seal_many(some)
            cut = once(journal.cut_batch)
            journal.mark_posted(0, 1_790_000_001, GENESIS, 7)
        took: list[list[float]] = [[], [], []]
        for _ in range(3 if quick else 9):
            done = subprocess.run(
                [sys.executable, "-c", _LOOK_UP], capture_output=True, text=True, check=True
            )
            for found, line in zip(took, done.stdout.split(), strict=True):
                found.append(float(line))
    first, file, later = (statistics.median(found) * 1e3 for found in took)
    note = "with the batch that holds it; imports and opening the journal not counted"
    yield Row(what="path in a batch of 65,536: first look-up of a fresh process", ours=first,
              unit="ms", target=5, note=note)  # fmt: skip
    yield Row(what="path in a batch of 65,536: any other", ours=later, unit="ms", target=5)
    yield Row(what="a whole receipt file from it, the first", ours=file, unit="ms")
    yield Row(what="cut a batch of 65,536, durable and signed", ours=cut * 1e3, unit="ms")
