"""Plain processes of this machine: each has a session, gets blocks, and may die.

A worker is started as a program of its own and spoken to over one socket, which ends when the
owner does, however that ends; then so does the worker.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Final

from counterfoil.errors import CounterfoilError, WorkerDied

from .work import Done, Setup, Task, Worker

AHEAD: Final = 2
"""Blocks that a worker has been given and not handed over, at most."""

DEATHS: Final = 3
"""Workers that may die on one block, or before their first, until the job stops."""

BEGIN: Final = "import sys; from counterfoil.mapping.processes import work; work(int(sys.argv[1]))"


class _Process:
    """One worker, from outside."""

    def __init__(self, setup: Setup) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", BEGIN, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        self.pipe = Connection(ours.detach())
        self.given: deque[Task] = deque()
        self.ready = False
        self._say(setup)

    def give(self, task: Task) -> None:
        """Hand over a block."""
        self.given.append(task)
        self._say(task)

    def _say(self, what: object) -> None:
        with suppress(OSError):  # it died: `hear` finds out
            self.pipe.send(what)

    def end(self) -> None:
        """End the process, whatever it does."""
        self.pipe.close()
        self.process.kill()
        self.process.wait()


def run(setup: Setup, tasks: Iterable[Task], workers: int) -> Iterator[Done]:
    """Do blocks, in whatever order they are done. Nothing runs ahead of who takes the results.

    Raises:
        WorkerDied: workers die again and again on one block, or before their first.
        CounterfoilError: what keeps a worker from beginning.
    """
    queue = deque(tasks)
    running = [_Process(setup) for _ in range(min(workers, len(queue)))]
    deaths: dict[int | None, int] = {}
    try:
        while queue or any(p.given for p in running):
            for process in running:
                _feed(process, queue)
            for pipe in wait([p.pipe for p in running]):
                process = next(p for p in running if p.pipe is pipe)
                try:
                    heard = process.pipe.recv()
                except (EOFError, OSError):
                    running.remove(process)
                    if process.ready and not process.given:  # of no use any more
                        process.end()
                        continue
                    _mourn(process, queue, deaths)
                    running.append(_Process(setup))
                    continue
                if isinstance(heard, CounterfoilError):
                    raise heard
                if heard is None:
                    process.ready = True
                    continue
                process.given.popleft()
                _feed(process, queue)
                yield heard
    finally:
        for process in running:
            process.end()


def _feed(process: _Process, queue: deque[Task]) -> None:
    while queue and process.ready and len(process.given) < AHEAD:
        # A large message waits for a worker that listens: two would wait for each other.
        if process.given and queue[0].masters:
            return
        process.give(queue.popleft())


def _mourn(process: _Process, queue: deque[Task], deaths: dict[int | None, int]) -> None:
    block = process.given[0].block if process.given else None
    deaths[block] = deaths.get(block, 0) + 1
    queue.extendleft(reversed(process.given))
    process.end()
    if deaths[block] >= DEATHS:
        code = process.process.returncode
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        where = "before its first rows" if block is None else f"on the rows of block {block}"
        raise WorkerDied(
            f"a worker died {DEATHS} times {where} ({how}): is there memory enough for so many "
            "workers, and does the model run by itself?"
        )


def work(descriptor: int) -> None:
    """A worker's whole life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the owner's
    pipe = Connection(descriptor)
    with suppress(EOFError, OSError):
        setup = pipe.recv()
        try:
            worker = Worker(setup)
        except CounterfoilError as error:
            pipe.send(error)
            return
        pipe.send(None)
        while True:
            pipe.send(worker.run(pipe.recv()))


__all__ = ["run", "work"]
