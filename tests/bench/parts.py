"""Where the microseconds of a receipt go.

A run of 5,000 bytes passed through, sealed at `normal`; medians of each part, taken in place. The
timers themselves cost some: the sum is more than what the group above has.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
from counterfoil.hashing import lanes
from counterfoil.journal import Journal
from counterfoil.journal.lock import Turnstile
from counterfoil.journal.marks import Marks
from counterfoil.journal.signing import Signing
from counterfoil.journal.sqlite import Sqlite

from .home import home
from .inference import _identity
from .rows import Row

Times = dict[str, list[int]]

SQL = "SQL: the row, if the log stands as it did, committed into the write-ahead log"


def rows(quick: bool) -> Iterator[Row]:
    """One row a part, the rest last."""
    lanes.available()
    runs = 500 if quick else 5000
    with (
        tempfile.TemporaryDirectory() as folder,
        home("normal") as profile,
        Journal.open(profile) as journal,
    ):
        import onnxruntime
        from counterfoil.inference.capture import Inputs, Outputs
        from counterfoil.inference.sealing import RunSealer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = _identity(Path(folder))
        session = counterfoil.InferenceSession(path, options, journal=journal)
        bare: Any = onnxruntime.InferenceSession(path, options)
        feed = {"x": np.random.default_rng(1).random(1250, dtype=np.float32)}
        for _ in range(100):
            session.run(None, feed)
        times: Times = {}
        with ExitStack() as stack:
            for owner, name, label in (
                (Inputs, "capture", "read the inputs"),
                (Outputs, "tensors", "read the outputs"),
                (RunSealer, "commit", "commit to inputs and outputs"),
                (Signing, "_signatures", "the signature"),
                (Signing, "sign", "digest, receipt and row"),
                (Turnstile, "acquire", "wait for no other process"),
                (Turnstile, "release", "wait for no other process"),
                (Sqlite, "check_in_place", "the file is still there"),
                (Marks, "read", "marks of how far the log is"),
                (Marks, "write", "marks of how far the log is"),
            ):
                stack.enter_context(_timed(times, owner, name, label))
            store = journal._store
            store.cursor()
            cursor = store._cursor
            store._cursor = _Cursor(cursor, times)
            whole = [_ns(lambda: session.run(None, feed)) for _ in range(runs)]
            store._cursor = cursor
        alone = statistics.median(_ns(lambda: bare.run(None, feed)) for _ in range(runs))
    parts = {label: sum(found) / runs for label, found in times.items()}
    middle = {label: statistics.median(found) * len(found) / runs for label, found in times.items()}
    middle["digest, receipt and row"] -= middle["the signature"]
    total = statistics.median(whole) - alone
    for label in sorted(parts, key=lambda label: -middle[label]):
        yield _row(label, middle[label], total)
    yield _row("the rest: Python between these", total - sum(middle.values()), total)
    yield _row("all of it", total, total)


def _row(label: str, nanoseconds: float, total: float) -> Row:
    note = f"{100 * nanoseconds / total:.0f}%"
    return Row(what=label, ours=max(nanoseconds, 0) / 1e3, unit="µs", note=note)


def _ns(work: Callable[[], Any]) -> int:
    began = time.perf_counter_ns()
    work()
    return time.perf_counter_ns() - began


@contextmanager
def _timed(times: Times, owner: type, name: str, label: str) -> Iterator[None]:
    real = getattr(owner, name)
    found = times.setdefault(label, [])

    def timed(*given: Any, **named: Any) -> Any:
        began = time.perf_counter_ns()
        try:
            return real(*given, **named)
        finally:
            found.append(time.perf_counter_ns() - began)

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, real)


class _Cursor:
    """The driver's cursor, timed."""

    def __init__(self, cursor: Any, times: Times) -> None:
        self._cursor = cursor
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, sql: str, *given: Any) -> Any:
        began = time.perf_counter_ns()
        done = self._cursor.execute(sql, *given)
        self._times.setdefault(SQL, []).append(time.perf_counter_ns() - began)
        return done
