"""Receipts as they settle: one thread looks at the journals, and tells whoever listens."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from counterfoil.journal import BatchState, Journal

from .gate import overloaded
from .logs import Logs

log = logging.getLogger("counterfoil.server")

EVERY: Final = 1.0
"""Seconds between two looks."""

HEARTBEAT: Final = 15.0
"""Seconds after which a silent stream says that it lives."""

BEHIND: Final = 1024
"""Batches that a listener may be behind before its stream is ended."""

PAGE: Final = 1024

STATES: Final[dict[BatchState, str]] = {
    "cut": "sealed",
    "sent": "sealed",
    "posted": "posted",
    "final": "final",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Receipts first … first+size−1 of a log have a state that they had not before."""

    journal: Journal
    first: int
    size: int
    state: str


class _Follower:
    """What was last known of one journal's batches."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._next = journal.pending().first
        self._known = {b.batch.first: STATES[b.state] for b in journal.unsettled_batches()}

    def look(self) -> Iterator[Change]:
        """What has changed since the last look."""
        journal = self._journal
        upto = journal.pending().first
        while self._next < upto:
            self._known[self._next] = "sealed"
            self._next += journal.stored_batch(self._next).batch.size
        current = {b.batch.first: b for b in journal.unsettled_batches()}
        for first, before in sorted(self._known.items()):
            stored = current.get(first) or journal.stored_batch(first)
            state = STATES[stored.state]
            if state == "final":
                del self._known[first]
            else:
                self._known[first] = state
            if state != before:
                yield Change(journal=journal, first=first, size=stored.batch.size, state=state)


class Following:
    """Looks at a profile's journals and hands out what changes, to streams of one event loop."""

    def __init__(self, logs: Logs, streams: int) -> None:
        self._logs = logs
        self._streams = streams
        self._listeners: set[asyncio.Queue[Change | None]] = set()
        self._followers: dict[str, _Follower] = {}
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look; called in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)
        self._thread.start()

    def end_streams(self) -> None:
        """End every stream, and take no more."""
        self._streams = 0
        for queue in list(self._listeners):
            _end(queue)

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(10)

    def listen(self) -> AsyncIterator[bytes]:
        """A stream of server-sent events, from now on.

        Raises:
            RequestRefused: 503, there are too many.
        """
        if len(self._listeners) >= self._streams:
            raise overloaded("the server has as many event streams as it takes")
        return self._events()

    @property
    def listening(self) -> int:
        """Streams that are open."""
        return len(self._listeners)

    async def _events(self) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[Change | None] = asyncio.Queue(BEHIND)
        if not self._streams:  # the server has begun to stop
            return
        self._listeners.add(queue)  # here, as a stream that is never begun is never ended
        try:
            yield b"retry: 2000\n: listening\n\n"
            while True:
                try:
                    change = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    yield b": alive\n\n"
                    continue
                if change is None:
                    return
                for at in range(change.first, change.first + change.size, PAGE):
                    yield await asyncio.to_thread(_page, change, at)
        finally:
            self._listeners.discard(queue)

    def _run(self) -> None:
        problem = ""
        while not self._stop.wait(EVERY):
            try:
                changes = [c for f in self._all() for c in f.look()]
                problem = ""
            except Exception as error:  # the thread lives as long as the server
                if repr(error) != problem:
                    problem = repr(error)
                    log.warning("the journals cannot be followed", exc_info=error)
                continue
            if changes and self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._tell, changes)

    def _all(self) -> list[_Follower]:
        for journal in self._logs.journals():
            if journal.signer not in self._followers:
                self._followers[journal.signer] = _Follower(journal)
        return list(self._followers.values())

    def _tell(self, changes: list[Change]) -> None:
        for queue in list(self._listeners):
            for change in changes:
                try:
                    queue.put_nowait(change)
                except asyncio.QueueFull:  # it may listen anew
                    _end(queue)
                    break


def _end(queue: asyncio.Queue[Change | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


def _page(change: Change, at: int) -> bytes:
    stop = min(at + PAGE, change.first + change.size)
    events = []
    for sealed in change.journal.iterate(at, stop):
        data = {
            "digest": "0x" + sealed.digest.hex(),
            "signer": sealed.receipt.signer,
            "sequence": sealed.receipt.sequence,
            "state": change.state,
            "batch": change.first,
        }
        events.append(f"event: receipt\ndata: {json.dumps(data)}\n\n")
    return "".join(events).encode()
