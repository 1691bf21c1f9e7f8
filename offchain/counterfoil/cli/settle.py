"""`counterfoil settle`: batches to the ledger, inclusions back."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType

import click

from counterfoil import config, keys
from counterfoil.chain import Chain
from counterfoil.config import Profile
from counterfoil.errors import (
    BadConfig,
    ChainError,
    ChainUnreachable,
    CounterfoilError,
    JournalRetired,
    OtherGenesis,
    PayerNeeded,
    SettlingError,
    WrongChain,
)
from counterfoil.journal import Journal
from counterfoil.settle import Settlement, Settler

from .output import Output, command, complain

NOT_SETTLED = 4
"""Exit code: what is sealed cannot be settled yet, as no log is open."""

IN_DANGER = 5
"""Exit code: the earliest promise is in danger or broken."""


@click.command("settle")
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C, by the profile's count and age.")
@click.option("--interval", default=5.0, show_default=True, type=click.FloatRange(0.1, 3600))
@click.option("--timeout", default=300.0, show_default=True, type=click.FloatRange(1, 86400))
@command
def cli(watch: bool, interval: float, timeout: float, out: Output, profile: str | None) -> None:
    """Post what is sealed, and store where it is included.

    Without --watch everything that now waits is settled, and the command ends when it is
    final. It may be killed at any point and run again, by several at once.
    """
    settings = config.load_profile(profile)
    if settings.rpc is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no node: set rpc in {config.config_file()}, "
            "or run `counterfoil up` for a local one"
        )
    payer = None if settings.payer is None else keys.account(settings.payer)
    with ExitStack() as stack:
        journals = Journal.open_all(settings)
        settlers = []
        for journal in journals:
            stack.callback(journal.close)
            settlers.append(Settler(journal, _connect(settings), payer, settings))
        settled = _watch if watch else _once
        code = settled(journals, settlers, interval if watch else timeout, out)
    raise SystemExit(code)


def _connect(settings: Profile) -> Callable[[], Chain]:
    return lambda: Chain.connect(settings.rpc or "", expect_chain_id=settings.chain_id)


def _once(journals: list[Journal], settlers: list[Settler], timeout: float, out: Output) -> int:
    code = 0
    troubles = _Troubles(out, several=len(journals) > 1)
    for journal, settler in zip(journals, settlers, strict=True):
        try:
            code = max(code, _drain(journal, settler, timeout, out))
        except CounterfoilError as error:  # one log's trouble keeps no other from settling
            if _is_past(journal, error, out):
                continue
            troubles.add(journal, error)
            if isinstance(error, ChainUnreachable | WrongChain):
                break  # it is every log's
    troubles.tell()
    return max(code, troubles.code)


class _Troubles:
    """What went wrong with which logs: each error said once, the worst for the exit code."""

    def __init__(self, out: Output, *, several: bool) -> None:
        self._out = out
        self._several = several
        self._logs: dict[tuple[str, str], list[str]] = {}
        self.code = 0

    def add(self, journal: Journal, error: CounterfoilError) -> None:
        said = " ".join(str(error).split()) or type(error).__name__
        self._logs.setdefault((type(error).__name__, said), []).append(journal.signer)
        self.code = max(self.code, error.exit_code)

    def tell(self) -> None:
        """Print each error in one line, with its logs where the profile has several."""
        for (kind, said), signers in self._logs.items():
            whose = f"log {', '.join(signers)}: " if self._several else ""
            complain(whose + said, kind, as_json=self._out.json)
        self._logs.clear()


def _is_past(journal: Journal, error: CounterfoilError, out: Output) -> bool:
    """Whether a log is of a chain that is gone, and was rotated: nothing can be done any more."""
    if not (isinstance(error, OtherGenesis) and isinstance(journal.refusal(), JournalRetired)):
        return False
    line = f"log {journal.signer}: passed over, it is rotated and of another chain"
    out.event({"signer": journal.signer, "passedOver": str(error)}, line)
    return True


def _drain(journal: Journal, settler: Settler, timeout: float, out: Output) -> int:
    final: list[int] = []
    waiting = journal.pending().count + sum(b.batch.size for b in journal.unsettled_batches())
    with out.progress("settling", waiting) as advance:

        def keep(step: Settlement) -> None:
            final.extend(step.final)
            advance(_receipts(journal, step.final))
            for line in _lines(step):
                out.note(line)

        done = settler.drain(timeout=timeout, on_step=keep)
    count = _receipts(journal, final)
    out.event(
        {
            "signer": journal.signer,
            "settled": count,
            "batches": final,
            "waiting": done.waiting,
            "notes": list(done.notes),
        },
        _summary(journal, done, count, len(final)),
    )
    return _code(done)


def _receipts(journal: Journal, firsts: Sequence[int]) -> int:
    """How many receipts the batches hold."""
    return sum(journal.stored_batch(first).batch.size for first in firsts)


def _summary(journal: Journal, done: Settlement, count: int, batches: int) -> str:
    if done.log is None:
        note = "; ".join(done.notes)
        return f"log {journal.signer}: {done.waiting} receipts wait; {note}"
    if not count and not done.waiting:
        return f"log {journal.signer}: nothing to settle"
    noun = "batch" if batches == 1 else "batches"
    return f"log {journal.signer}: {count} receipts settled in {batches} {noun}"


def _code(step: Settlement) -> int:
    if step.danger is not None:
        return IN_DANGER
    return NOT_SETTLED if step.log is None and step.waiting else 0


def _lines(step: Settlement) -> list[str]:
    """What one step did, a line each; nothing for a step that did nothing."""
    lines = []
    if step.sent and step.transaction is not None:
        lines.append(f"sent      batches {_list(step.sent)} in 0x{step.transaction.hex()}")
    if step.posted:
        lines.append(f"posted    batches {_list(step.posted)}")
    if step.reorged:
        lines.append(f"re-org    batches {_list(step.reorged)} are to be posted again")
    if step.final:
        lines.append(f"final     batches {_list(step.final)}")
    lines += [f"duty      {line}" for line in step.duties]
    if step.danger is not None:
        lines.append(f"DANGER    {step.danger}")
    return lines


def _list(firsts: tuple[int, ...]) -> str:
    return ", ".join(map(str, firsts))


def _watch(journals: list[Journal], settlers: list[Settler], interval: float, out: Output) -> int:
    """One thread a log, until a signal. A log that cannot go on leaves the others alone."""
    stop = threading.Event()
    troubles = _Troubles(out, several=len(journals) > 1)
    codes: dict[str, int] = {}
    lock = threading.Lock()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def work(journal: Journal, settler: Settler) -> None:
        def tell(step: Settlement) -> None:
            codes[journal.signer] = _code(step)
            with lock:
                for line in _lines(step):
                    out.event({"settlement": line}, line)

        def wait(error: ChainError | SettlingError) -> None:
            if isinstance(error, SettlingError):  # the log `counterfoil` has said it
                codes[journal.signer] = error.exit_code

        try:
            settler.run(stop, interval, on_step=tell, on_error=wait)
        except CounterfoilError as error:
            with lock:
                if _is_past(journal, error, out):
                    return
                troubles.add(journal, error)
                troubles.tell()
            if isinstance(error, PayerNeeded):
                stop.set()  # it is every log's

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    threads = [
        threading.Thread(target=work, args=pair, name="settle")
        for pair in zip(journals, settlers, strict=True)
    ]
    for thread in threads:
        thread.start()
    out.note(f"settling {len(settlers)} log{'s' if len(settlers) > 1 else ''}; Ctrl-C ends it")
    while any(thread.is_alive() for thread in threads) and not stop.wait(0.5):
        pass
    for thread in threads:
        thread.join()
    return max([troubles.code, *codes.values()])
