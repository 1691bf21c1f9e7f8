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


def main(
    name: str, calls: int = 0, pace: float = 0.0, size: int = 1, measure: bool = False
) -> None:
    """Seal until killed, or `calls` times.

    Args:
        name: makes requests differ between processes.
        pace: seconds between two calls.
        size: receipts in one call.
        measure: tell at the end how long each wait for other processes took.
    """
    waits = _measured() if measure else []
    journal = None
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
    if measure:
        tell({"waits": waits})


def _measured() -> list[float]:
    waits: list[float] = []
    acquire = Turnstile.acquire

    def timed(self: Turnstile, wait: float) -> None:
        start = time.perf_counter()
        acquire(self, wait)
        waits.append(time.perf_counter() - start)

    Turnstile.acquire = timed
    return waits
