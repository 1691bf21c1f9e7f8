"""The process that seals: it tells of every receipt once `seal` has returned it.

A line of output is JSON: {"receipt": a receipt file}, {"refused": an error's class, "says": its
message}, or at the end {"waits": seconds of each wait for other processes}. It goes on after
errors, as a service does.
"""

from __future__ import annotations

import itertools
import json
import os
import time

from counterfoil import config
from counterfoil.errors import CounterfoilError
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.journal import Journal
from counterfoil.journal.lock import Turnstile
from support import journals

AFTER_AN_ERROR = 0.05
"""Seconds until the next try."""


def tell(line: dict) -> None:
    """One write a line, so that a kill never leaves a whole line that was not meant."""
    os.write(1, (json.dumps(line) + "\n").encode())


def main(name: str, calls: int = 0, pace: float = 0.0, size: int = 1, measured: int = 0) -> None:
    """Seal until killed, or `calls` times.

    Args:
        name: makes requests differ between processes.
        pace: seconds between two calls.
        size: receipts in one call.
        measured: so many processes begin together once all have their key open, and tell at
            the end how long each wait for the others took; 0: begin at once.
    """
    waits: list[float] = []
    journal = None
    if measured:
        journal = Journal.open(config.load_profile(), wait=30)
        journal.unlock()  # takes its time, and every processor's
        _meet(name, measured)
        waits = _measured()
    for i in range(calls) if calls else itertools.count():
        try:
            if journal is None:
                journal = Journal.open(config.load_profile(), wait=30)
            sealed = journal.seal_many([journals.draft((name, i, k)) for k in range(size)])
        except CounterfoilError as error:
            tell({"refused": type(error).__name__, "says": str(error)})
            time.sleep(AFTER_AN_ERROR)
            continue
        for one in sealed:
            file = ReceiptFile(
                chain_id=one.chain_id,
                ledger=one.ledger,
                receipt=one.receipt,
                signature=one.signature,
            )
            tell({"receipt": json.loads(file.dump())})
        if pace:
            time.sleep(pace)
    if journal is not None:
        journal.close()
    if measured:
        tell({"waits": waits})


def _meet(name: str, count: int) -> None:
    place = config.data_folder() / "ready"
    place.mkdir(exist_ok=True)
    (place / name).touch()
    while len(list(place.iterdir())) < count:
        time.sleep(0.01)


def _measured() -> list[float]:
    waits: list[float] = []
    acquire = Turnstile.acquire

    def timed(self: Turnstile, wait: float) -> None:
        start = time.perf_counter()
        acquire(self, wait)
        waits.append(time.perf_counter() - start)

    Turnstile.acquire = timed
    return waits
