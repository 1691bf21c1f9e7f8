"""The watched receipts of exact programs: run again once, and challenged where they are wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from counterfoil.errors import (
    FormatError,
    ModelNotFound,
    NoExactProgram,
    NotReplayable,
    VerificationError,
)
from counterfoil.faults.guard import Guard
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Digest

from .notices import Notice
from .store import HeldFile, Store

FIRST_PAUSE = 15.0
LONGEST_PAUSE = 3600.0
"""Seconds before a run that cannot be done again is tried again: doubled each time."""


@dataclass(slots=True, kw_only=True)
class Runs:
    """What one look at the runs found.

    Attributes:
        wrong: receipts that are found wrong and whose case is not ended.
        open: of these, those with a case that is on its way.
    """

    notices: list[Notice] = field(default_factory=list)
    wrong: int = 0
    open: int = 0


class Patience:
    """Files whose run cannot be done again: not tried at each look, as models are large.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._later: dict[str, tuple[float, float]] = {}

    def waits(self, held: HeldFile) -> bool:
        """Whether a file is to be left alone for now; one that changed is another."""
        return self._clock() < self._later.get(held.stamp, (0.0, 0.0))[0]

    def failed(self, held: HeldFile) -> None:
        """Leave a file alone, twice as long as the last time."""
        pause = min(2 * self._later.get(held.stamp, (0.0, FIRST_PAUSE / 2))[1], LONGEST_PAUSE)
        self._later[held.stamp] = (self._clock() + pause, pause)


def guard_runs(guard: Guard, store: Store, patience: Patience) -> Runs:
    """Take every settled receipt of an exact program in the watched folders a step further.

    Only an inclusion that was found to be the ledger's counts: a file's own word of when it was
    posted would say that nothing can be challenged any more.

    Raises:
        ChainError: no usable answer from the RPC.
        WatchState: the challenger's database cannot be used.
    """
    runs, done = Runs(), set[Digest]()
    settled = {held.digest: held.settled_word for held in store.held()}
    for held in store.files():
        if held.digest is None or held.word is None or held.digest in done:
            continue
        if held.word != settled.get(held.digest) or patience.waits(held):
            continue
        done.add(held.digest)
        if guard.ended(held.digest):
            continue
        _look(guard, held, runs, patience)
    return runs


def _look(guard: Guard, held: HeldFile, runs: Runs, patience: Patience) -> None:
    try:
        file = ReceiptFile.load(held.path)
        if file.digest != held.digest:
            return
        look = guard.look(file)
    except NoExactProgram:
        patience.failed(held)
        return
    except (NotReplayable, ModelNotFound, VerificationError) as error:
        patience.failed(held)
        if file.preimage is None and file.opening is None:
            return  # neither says that it is a program's, nor could be run if it were
        why = " ".join(str(error).split())
        runs.notices.append(
            Notice(
                kind="unguarded", level="warning", signer=file.receipt.signer,
                number=file.receipt.sequence, again=why,
                text=f"the run of {held.path} is not guarded: {why}",
            )
        )  # fmt: skip
        return
    except (FormatError, OSError):
        return  # it changed since it was read: the next look says what is wrong
    if look is None or look.ended:
        running = False
    else:
        runs.wrong += 1
        running = not look.stopped
    runs.open += running
    for said in () if look is None else look.said:
        if said.kind == "ended" and said.again == "right":
            continue  # what is as it should be is not news
        runs.notices.append(
            Notice(
                kind=said.kind, level=said.level, signer=file.receipt.signer,
                number=file.receipt.sequence, data=said.data,
                text=f"run of {held.path}: {said.text}",
                again=f"{held.digest!r}:{said.again}",
            )
        )  # fmt: skip
