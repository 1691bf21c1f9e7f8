"""Sealing: durable receipts a second, one process.

`full` survives a power cut, `normal` the crash of a process. The peer is a bare `fsync` of the
same disk, a page appended each time: what a log without group commit could not pass.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from counterfoil.formats.tensor import Tensor, commitment, fresh_master
from counterfoil.hashing import lanes
from counterfoil.journal import Draft, Journal

from .home import drafts, home
from .rows import Row
from .timing import side_by_side


def rows(quick: bool) -> Iterator[Row]:
    """One caller, eight callers, calls of many; then with the tensors of magika committed."""
    lanes.available()
    seconds = 1.0 if quick else 4.0
    with home("full") as profile, Journal.open(profile) as journal:
        some = drafts(1024)
        journal.seal_many(some)
        folder = Path(os.environ["COUNTERFOIL_HOME"])
        yield Row(what="fsync of an appended page", ours=fsync(folder) * 1e6, unit="µs")
        for size in (64, 256, 1024):
            rate = _calls(journal, some[:size], seconds)
            yield Row(what=f"full: `seal_many` of {size}", ours=rate, unit="/s", more=True,
                      peer="one fsync each", peers=1 / fsync(folder), target=15_000)  # fmt: skip
        for callers in (1, 8, 32):
            rate = _callers(journal, some, callers, seconds)
            yield Row(what=f"full: {callers} caller{'s' * (callers > 1)}", ours=rate, unit="/s",
                      more=True, peer="one fsync each", peers=1 / fsync(folder),
                      target=15_000 if callers == 8 else None)  # fmt: skip
        rate = _committed(journal, 256, seconds)
        yield Row(what="full: `seal_many` of 256, magika's tensors committed", ours=rate,
                  unit="/s", more=True, target=10_000)  # fmt: skip
    with home("normal") as profile, Journal.open(profile) as journal:
        one = side_by_side(lambda: journal.seal(some[0]), seconds=seconds, least=200)[0]
        yield Row(what="normal: one receipt", ours=one * 1e6, unit="µs")
    with home("full") as profile, Journal.open(profile) as journal:
        one = side_by_side(lambda: journal.seal(some[0]), seconds=seconds, least=200)[0]
        yield Row(what="full: one receipt", ours=one * 1e6, unit="µs")


def fsync(folder: Path, times: int = 100) -> float:
    """Median seconds of an fsync after a page was appended."""
    path = folder / "fsync"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    found = []
    try:
        for _ in range(times):
            os.write(file, bytes(4096))
            began = time.perf_counter()
            os.fsync(file)
            found.append(time.perf_counter() - began)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(found)


def _calls(journal: Journal, some: list[Draft], seconds: float) -> float:
    rates = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        began = time.perf_counter()
        journal.seal_many(some)
        rates.append(len(some) / (time.perf_counter() - began))
    return statistics.median(rates)


def _callers(journal: Journal, some: list[Draft], count: int, seconds: float) -> float:
    sealed = [0] * count
    began = time.perf_counter()
    stop = began + seconds

    def call(which: int) -> None:
        while time.perf_counter() < stop:
            journal.seal(some[sealed[which] % len(some)])
            sealed[which] += 1

    threads = [threading.Thread(target=call, args=(which,)) for which in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(sealed) / (time.perf_counter() - began)


def magika_tensors() -> tuple[Tensor, Tensor]:
    """An input and an output of magika's standard model, by size and type."""
    made = np.random.default_rng(5)
    return (
        Tensor.of("bytes", made.integers(0, 257, (1, 2048), dtype=np.int32)),
        Tensor.of("target_label", made.random((1, 214), dtype=np.float32)),
    )


def _committed(journal: Journal, size: int, seconds: float) -> float:
    given, gave = magika_tensors()
    front = drafts(1)[0]

    def draft() -> Draft:
        masters = fresh_master(), fresh_master()
        return replace(
            front,
            inputs=commitment([given], masters[0]),
            outputs=commitment([gave], masters[1]),
            input_master=masters[0],
            output_master=masters[1],
        )

    rates = []
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop:
        began = time.perf_counter()
        journal.seal_many([draft() for _ in range(size)])
        rates.append(size / (time.perf_counter() - began))
    return statistics.median(rates)
