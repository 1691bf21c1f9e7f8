"""Dynamic batching: runs that come together are one run of the engine, each with its receipt.

What a row gives may depend on how many rows ran with it and on its place among them, so the
runtime of such a run names both (docs/format.md §5): `"batching":"dynamic"`, and in `run`
`{"batch":{"first":…,"rows":…}}`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from counterfoil.formats.runtime import Runtime
from counterfoil.hashing.types import Digest

from .runs import Policy, Ready, Runs
from .runtime_record import runtime
from .sealed_receipt import SealedReceipt
from .whose import Slot

DYNAMIC = "dynamic"
"""`batching` of a session whose runs may share the engine's."""

Call = Callable[[Sequence[str], Mapping[str, Any], Any], list[Any]]
"""The engine's run: names of outputs, a feed, run options."""


class Share(list[Any]):
    """One run's outputs out of a batch.

    Attributes:
        first: the run's first row in the batch.
        rows: rows of the whole batch.
    """

    def __init__(self, values: Sequence[Any], *, first: int, rows: int) -> None:
        super().__init__(values)
        self.first = first
        self.rows = rows


class _Batch:
    """Runs that go together; who opened it runs it."""

    def __init__(self) -> None:
        self.feeds: list[Mapping[str, Any]] = []
        self.rows: list[int] = []
        self.closed = threading.Event()
        self.done = threading.Event()
        self.shares: list[Share] | None = None


class Gathering:
    """Puts the runs of one session together, as they come from its threads.

    Args:
        call: the engine's run.
        rows: rows of a batch, at most; a run of more goes alone.
        wait: seconds that the first of a batch waits for others.
    """

    def __init__(self, call: Call, *, rows: int, wait: float) -> None:
        self._call = call
        self._rows = rows
        self._wait = wait
        self._open: dict[Any, _Batch] = {}
        self._lock = threading.Lock()

    def run(self, names: Sequence[str], feed: Mapping[str, Any], options: Any) -> Share:
        """Run, with others or alone.

        Args:
            names: the outputs that are asked for.
            feed: arrays, all of the same first dimension.
            options: run options; those of whoever opened the batch count.
        Raises:
            Exception: the engine's own, for this run's feed alone.
        """
        rows = _rows(feed)
        if rows is None or not 0 < rows < self._rows:
            return self._alone(names, feed, options)
        key = (tuple(names), tuple((n, a.dtype.str, a.shape[1:]) for n, a in sorted(feed.items())))
        batch, place = self._join(key, feed, rows)
        if place:
            batch.done.wait()
        else:
            self._lead(key, batch, names, options)
        if batch.shares is None:  # one feed may spoil a batch for the others: each for itself
            return self._alone(names, feed, options)
        return batch.shares[place]

    def _join(self, key: Any, feed: Mapping[str, Any], rows: int) -> tuple[_Batch, int]:
        with self._lock:
            batch = self._open.get(key)
            if batch is not None and sum(batch.rows) + rows > self._rows:
                self._close(key, batch)
                batch = None
            if batch is None:
                batch = self._open[key] = _Batch()
            batch.feeds.append(feed)
            batch.rows.append(rows)
            if sum(batch.rows) == self._rows:
                self._close(key, batch)
            return batch, len(batch.feeds) - 1

    def _close(self, key: Any, batch: _Batch) -> None:
        if self._open.get(key) is batch:
            del self._open[key]
        batch.closed.set()

    def _lead(self, key: Any, batch: _Batch, names: Sequence[str], options: Any) -> None:
        try:
            batch.closed.wait(self._wait)
            with self._lock:
                self._close(key, batch)
            batch.shares = self._together(batch, names, options)
        except Exception:
            if len(batch.feeds) == 1:
                raise
        finally:
            batch.done.set()

    def _together(self, batch: _Batch, names: Sequence[str], options: Any) -> list[Share] | None:
        total = sum(batch.rows)
        feed = batch.feeds[0]
        if len(batch.feeds) > 1:
            feed = {name: np.concatenate([f[name] for f in batch.feeds]) for name in feed}
        values = self._call(names, feed, options)
        if len(batch.feeds) > 1 and any(np.ndim(v) == 0 or len(v) != total for v in values):
            return None  # the model gives no row for a row
        shares, first = [], 0
        for rows in batch.rows:
            cut = values if rows == total else [v[first : first + rows] for v in values]
            shares.append(Share(cut, first=first, rows=total))
            first += rows
        return shares

    def _alone(self, names: Sequence[str], feed: Mapping[str, Any], options: Any) -> Share:
        return Share(self._call(names, feed, options), first=0, rows=_rows(feed) or 0)


def _rows(feed: Mapping[str, Any]) -> int | None:
    """The first dimension that all arrays of a feed share, None: they share none."""
    found = {a.shape[0] if np.ndim(a) else None for a in feed.values()}
    return found.pop() if len(found) == 1 else None


class GatheredRuns(Runs):
    """Runs whose runtime says with how many rows, and where among them, they ran."""

    def _seal(
        self, ready: Ready, outputs: tuple[Any, Sequence[Any]], policy: Policy, slot: Slot | None
    ) -> SealedReceipt:
        share = outputs[1]
        if isinstance(share, Share):
            made, digest = self._runtime_of(share)
            ready = replace(ready, runtime=made, runtime_digest=digest)
        return super()._seal(ready, outputs, policy, slot)

    def _runtime_of(self, share: Share) -> tuple[Runtime, Digest]:
        run = {"batch": {"first": share.first, "rows": share.rows}}
        known = self._runtimes.get(repr(run))
        if known is None:
            made = runtime(self._record, run, self._providers)
            known = self._runtimes[repr(run)] = (made, made.digest)
        return known
