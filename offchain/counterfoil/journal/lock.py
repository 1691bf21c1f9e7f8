"""A turnstile between processes, since SQLite's busy handler is unfair.

Two file locks: who wants in takes the gate, waits there for the door, takes the door and
gives the gate back. A process that comes round again finds the gate held by whoever waits,
so nobody overtakes the one in front. At the gate, who has waited longest looks most often,
and newcomers seldom: every look takes processor time from the one that holds the door.

Python collects no garbage meanwhile: in a large program that takes 200 ms, and others would
wait for it. It is put off until the door is free.
"""

from __future__ import annotations

import gc
import os
import random
import time
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path

from counterfoil.errors import JournalLocked

_DOOR = ((0.25, 100e-6),)
_GATE = ((5e-3, 1e-3), (20e-3, 300e-6), (0.25, 50e-6))
"""Seconds waited up to which there are so many seconds between two looks."""

_IDLE = 2e-3
"""Seconds between two looks once the holder seems stuck."""


class Turnstile:
    """One per journal object; threads of a process queue elsewhere, before they come here.

    Attributes:
        path: the door's file; the gate's has `.gate` after it. Both are made, mode 0600, and
            stay: to delete a lock file while others wait on it would make two locks of one.
    """

    __slots__ = ("_door", "_gate", "_paused", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._gate = self._door = -1
        self._paused = False

    def acquire(self, wait: float) -> None:
        """Take the lock.

        Args:
            wait: seconds to wait at most.
        Raises:
            JournalLocked: others held it for longer.
            OSError: the lock files cannot be made.
        """
        if self._door < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._gate = os.open(f"{self.path}.gate", flags, 0o600)
            self._door = os.open(self.path, flags, 0o600)
        if gc.isenabled():
            gc.disable()
            self._paused = True
        try:
            start = 0.0 if _took(self._gate) else self._take(self._gate, _GATE, 0.0, wait)
            try:
                if not _took(self._door):
                    self._take(self._door, _DOOR, start, wait)
            finally:
                flock(self._gate, LOCK_UN)
        except BaseException:
            self._resume()
            raise

    def release(self) -> None:
        """Give the lock back."""
        flock(self._door, LOCK_UN)
        self._resume()

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            gc.enable()

    def close(self) -> None:
        """Close the files. A forked child calls this: the parent's lock stays the parent's."""
        for descriptor in (self._gate, self._door):
            if descriptor >= 0:
                os.close(descriptor)
        self._gate = self._door = -1
        self._resume()

    def _take(
        self, descriptor: int, pauses: tuple[tuple[float, float], ...], start: float, wait: float
    ) -> float:
        """Wait for a lock, and say since when; `start` 0: since now."""
        start = start or time.monotonic()
        while True:
            if _took(descriptor):
                return start
            waited = time.monotonic() - start
            if waited > wait:
                raise JournalLocked(
                    f"another process has held {self.path} for {wait:g} s: "
                    "look for a process that is stopped or stuck, and end it"
                )
            pause = next((pause for until, pause in pauses if waited < until), _IDLE)
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)


def _took(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True
