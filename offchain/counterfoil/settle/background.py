"""Settling in a thread of the program that runs the models."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from counterfoil.chain import Chain
from counterfoil.config import Profile, load_profile
from counterfoil.errors import BadConfig, JournalMissing
from counterfoil.journal import Journal
from counterfoil.keys import account

from .settlement import Settlement
from .settler import Settler
from .timing import LONGEST_PAUSE

log = logging.getLogger("counterfoil")

AGAIN = 60.0
"""Seconds between two looks for logs that were begun since."""


class BackgroundSettling:
    """A daemon thread that settles a profile's logs until it is stopped or the program ends.

    It never raises into the program: what goes wrong is in `problem`, and in the log
    `counterfoil` when it changes. What is not settled at the program's end stays in the journal
    for whoever settles next.

    Attributes:
        problem: why nothing is settled now; None: nothing is wrong.
        last: what the last step did.
    """

    def __init__(self, profile: Profile, interval: float) -> None:
        self._profile = profile
        self._interval = interval
        self._stop = threading.Event()
        self._settlers: dict[str, Settler] = {}
        self._journals: list[Journal] = []
        self._looked = float("-inf")
        self.problem: Exception | None = None
        self.last: Settlement | None = None
        self._thread = threading.Thread(target=self._run, name="counterfoil-settle", daemon=True)
        self._thread.start()
        _running.add(self)

    @property
    def running(self) -> bool:
        """Whether the thread goes on; False in a fork, which has none of its parent's threads."""
        return self._thread.is_alive()

    def stop(self, timeout: float | None = 10.0) -> bool:
        """Ask the thread to end after its present step.

        Returns:
            Whether it has ended within `timeout` seconds.
        """
        self._stop.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause = self._interval
        try:
            while not self._stop.wait(pause):
                pause = self._interval if self._step() else min(2 * pause, LONGEST_PAUSE)
        finally:
            for journal in self._journals:
                journal.close()

    def _step(self) -> bool:
        """One step of every log.

        Returns:
            Whether nothing is wrong.
        """
        problem: Exception | None = None
        try:
            self._look()
        except JournalMissing:  # the first receipt makes it
            self._looked = float("-inf")
        except Exception as error:
            problem = error
        for settler in list(self._settlers.values()):
            if self._stop.is_set():
                break
            try:
                self.last = settler.step()
            except Exception as error:
                problem = error
        if problem is not None and str(problem) != str(self.problem):
            log.warning("settling waits: %s", " ".join(str(problem).split()))
        self.problem = problem
        return problem is None

    def _look(self) -> None:
        if time.monotonic() - self._looked < AGAIN:
            return
        self._looked = time.monotonic()
        payer = None if self._profile.payer is None else account(self._profile.payer)
        for journal in Journal.open_all(self._profile):
            if journal.signer in self._settlers:
                journal.close()
                continue
            self._journals.append(journal)
            self._settlers[journal.signer] = Settler(
                journal, _connection(self._profile), payer, self._profile
            )


def settle_in_background(
    profile: str | Profile | None = None, *, interval: float = 5.0
) -> BackgroundSettling:
    """Settle what this program and others on the machine seal, in a daemon thread.

    Nothing that it does blocks or fails an inference. Several settlers may run.

    Args:
        profile: a profile or its name; None: the default one.
        interval: seconds between two looks at the chain.
    Raises:
        BadConfig: the profile names no node.
    """
    chosen = profile if isinstance(profile, Profile) else load_profile(profile)
    if chosen.rpc is None:
        raise BadConfig(
            f"the profile {chosen.name!r} names no node: set its `rpc`, or run `counterfoil up` "
            "for a local one"
        )
    return BackgroundSettling(chosen, interval)


def _connection(profile: Profile) -> Callable[[], Chain]:
    return lambda: Chain.connect(profile.rpc or "", expect_chain_id=profile.chain_id)


_running: weakref.WeakSet[Any] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    for settling in list(_running):
        settling.stop(1.0)
