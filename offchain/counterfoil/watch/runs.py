"""The watched receipts of exact programs: run again once, and challenged where they are wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

from counterfoil.errors import FormatError, ModelNotFound, NotReplayable, VerificationError
from counterfoil.faults.guard import Guard
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.runtime import Program
from counterfoil.hashing.types import Digest

from .notices import Notice
from .store import HeldFile, Store


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


def guard_runs(guard: Guard, store: Store) -> Runs:
    """Take every settled receipt of an exact program in the watched folders a step further.

    Raises:
        ChainError: no usable answer from the RPC.
        WatchState: the challenger's database cannot be used.
    """
    runs, done = Runs(), set[Digest]()
    for held in store.files():
        if held.digest is None or held.word is None or held.digest in done:
            continue
        done.add(held.digest)
        if guard.ended(held.digest):
            continue
        _look(guard, held, runs)
    return runs


def _look(guard: Guard, held: HeldFile, runs: Runs) -> None:
    try:
        file = ReceiptFile.load(held.path)
        if file.digest != held.digest or file.preimage is None:
            return
        if not isinstance(file.preimage.runtime, Program):
            return
        look = guard.look(file)
    except (NotReplayable, ModelNotFound) as error:
        why = " ".join(str(error).split())
        runs.notices.append(
            Notice(
                kind="unguarded", level="warning", signer=file.receipt.signer,
                number=file.receipt.sequence, again=why,
                text=f"the run of {held.path} is not guarded: {why}",
            )
        )  # fmt: skip
        return
    except (FormatError, VerificationError, OSError):
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
