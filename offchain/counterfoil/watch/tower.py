"""The watchtower: it looks, completes, warns, and proves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from eth_account.signers.local import LocalAccount

from counterfoil.chain import Chain, CourtClient, LedgerClient, LogRecord
from counterfoil.errors import BadAnswer, ChainError
from counterfoil.faults.guard import Guard
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.types import Address

from .claims import Claimant, Limits
from .folders import complete, read_folders
from .following import Log, follow
from .judging import Findings, Judge, Times, word_of
from .notices import Notice, Report
from .points import hit
from .runs import Patience, Runs, guard_runs
from .sources import Sources
from .store import Store

LONGEST_PAUSE = 60.0
"""Seconds between two looks while the chain is out of reach."""

log = logging.getLogger(__name__)


class Tower:
    """Watches logs for whoever holds their receipts.

    Args:
        ledger: whose logs are followed.
        court: None: promises are watched, and nothing is proved.
        folders: of receipt files, or single files; new ones are found at each look.
        logs: signers to follow though no receipt of theirs is held.
        account: sends proofs, and earns what they earn; None: says what it would send.
        confirmations: blocks after which a batch or a proof counts, its own counted.
        clock: Unix seconds.
        guard: runs receipts of exact programs again, and challenges wrong ones; None: nobody
            does.
    """

    def __init__(
        self,
        chain: Chain,
        ledger: Address,
        store: Store,
        sources: Sources,
        *,
        court: Address | None = None,
        folders: Sequence[Path] = (),
        logs: Iterable[Address] = (),
        account: LocalAccount | None = None,
        limits: Limits | None = None,
        confirmations: int = 1,
        clock: Callable[[], float] = time.time,
        guard: Guard | None = None,
    ) -> None:
        self._guard = guard
        self._patience = Patience()
        self._chain = chain
        self._ledger = LedgerClient(chain, ledger)
        self._ledger.require()
        self._store = store
        self._sources = sources
        self._folders = tuple(folders)
        self._logs = frozenset(logs)
        self._confirmations = confirmations
        self._grace = self._ledger.grace()
        self._court: CourtClient | None = None
        self._claimant: Claimant | None = None
        self._claim_window = 0
        if court is not None:
            self._court = CourtClient(chain, court)
            self._court.require(ledger)
            self._claim_window = self._court.claim_window()
            self._claimant = Claimant(
                chain,
                self._court,
                store,
                account=account,
                limits=limits or Limits(gas_price=100 * 10**9),
                clock=clock,
                confirmations=confirmations,
            )
        self._records: dict[Address, LogRecord | None] = {}

    def step(self) -> Report:
        """Look once: read the folders, follow the logs, complete, warn, send what is next.

        Raises:
            ChainError: no usable answer from the RPC; nothing is lost, look again.
            WatchState: the own database or a receipt file cannot be written.
        """
        self._chain.check()
        notices = list(read_folders(self._folders, self._store, *self._identity))
        held = self._store.held()
        of = {s: list(g) for s, g in groupby(held, key=lambda h: h.receipt.signer)}
        signers = sorted({*of, *self._logs})
        times = Times(
            grace=self._grace, claim_window=self._claim_window, now=self._chain.next_time()
        )
        total, missing, followed = Findings(), 0, []
        for signer in signers:
            try:
                seen = follow(self._chain, self._ledger, self._store, signer)
            except BadAnswer as error:
                notices.append(
                    Notice(
                        kind="unclear",
                        level="warning",
                        signer=signer,
                        text=str(error),
                        again=str(error),
                    )
                )
                continue
            followed.append(signer)
            notices += self._changes(seen)
            missing += self._check_files(seen, notices)
            judge = Judge(
                self._chain,
                self._court,
                self._store,
                get=self._sources.get,
                log=seen,
                held=of.get(signer, []),
                times=times,
            )
            found = judge.judge()
            notices += found.notices
            notices += self._complete(found)
            notices += self._prove(found, seen)
            total.settled += found.settled
            total.near += found.near
            total.broken += found.broken
        guard, runs = self._guard, Runs()
        if guard is not None:
            runs = guard_runs(guard, self._store, self._patience)
        notices += runs.notices
        total.broken += runs.wrong
        new = [each for each in notices if self._store.tell(each.key)]
        return Report(
            notices=tuple(new),
            logs=len(signers),
            receipts=len(held),
            settled=total.settled,
            near=total.near,
            broken=total.broken,
            missing=missing,
            open_claims=len(self._store.claims("open")) + runs.open,
        )

    def run(
        self, stop: threading.Event, interval: float, *, on_step: Callable[[Report], None]
    ) -> None:
        """Look every `interval` seconds until `stop` is set. No fault of an RPC ends it.

        Raises:
            CounterfoilError: what neither time nor another answer can heal.
        """
        pause = interval
        while not stop.is_set():
            try:
                on_step(self.step())
            except ChainError as error:
                log.warning("watching waits: %s", error)
                stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = interval
            stop.wait(interval)

    @property
    def _identity(self) -> tuple[int, Address]:
        return self._chain.chain_id, self._ledger.address

    def _changes(self, seen: Log) -> Iterator[Notice]:
        """What happened to a log: opened, closing, revoked, caught; batches that a re-org took."""
        signer, record = seen.signer, seen.record
        for first in seen.reorged:
            yield Notice(
                kind="re-org", level="warning", signer=signer, number=first,
                text=f"a re-org took or moved the batch at {first}",
                again=str(self._chain.block_number()),
            )  # fmt: skip
        if record is None:
            yield Notice(
                kind="unopened", level="warning", signer=signer,
                text=f"{signer} has opened no log on this ledger: nobody answers for its receipts",
            )  # fmt: skip
            return
        before = self._records.get(signer)
        self._records[signer] = record
        if record.revoked_at:
            yield Notice(
                kind="revoked", level="alarm", signer=signer, again=str(record.revoked_at),
                text=f"the key of log {signer} was revoked: only its operator posts now",
            )  # fmt: skip
        elif record.closes_at <= self._chain.now():
            yield Notice(
                kind="closed", level="warning", signer=signer, again=str(record.closes_at),
                text=f"the log {signer} is closed: what was promised is still to be settled",
            )  # fmt: skip
        elif before is not None and record.closes_at != before.closes_at:
            yield Notice(
                kind="closing", level="warning", signer=signer, again=str(record.closes_at),
                text=f"the log {signer} closes early, at {record.closes_at}",
            )  # fmt: skip
        standing = None if self._court is None else self._court.standing(signer)
        if standing is not None and standing.count:
            yield Notice(
                kind="caught", level="alarm", signer=signer, again=str(standing.count),
                text=f"the log {signer} was caught {standing.count} times, first {standing.reason}",
                data={"since": standing.marked_at, "reason": standing.reason},
            )  # fmt: skip

    def _check_files(self, seen: Log, notices: list[Notice]) -> int:
        """Hold every batch against its published file, once; how many have none."""
        missing = 0
        held = {batch.first for batch, here in self._store.batches(seen.signer) if here}
        for batch in seen.batches:
            if batch.first in held:
                continue
            file = self._sources.get(batch)
            if isinstance(file, BatchFile):
                self._store.mark_held(batch.signer, batch.first)
                continue
            missing += 1
            notices.append(
                Notice(
                    kind="missing", level="warning", signer=seen.signer, number=batch.first,
                    text=f"the file of the batch at {batch.first} is not to be had: {file}",
                    data={"uri": batch.uri}, again=word_of(batch).hex(),
                )
            )  # fmt: skip
        return missing

    def _complete(self, found: Findings) -> Iterator[Notice]:
        """Write inclusions into the files whose receipts settled deep enough."""
        if not found.inclusions:
            return
        head = self._chain.block_number()
        for file in self._store.files():
            if file.digest is None or file.digest not in found.inclusions:
                continue
            inclusion, batch = found.inclusions[file.digest]
            word = word_of(batch)
            if file.word == word or head - batch.block + 1 < self._confirmations:
                continue
            if complete(file, inclusion, word, self._store):
                hit("watch.completed")
                yield Notice(
                    kind="settled", signer=batch.signer, again=f"{file.path}:{word.hex()}",
                    text=f"{file.path} is complete: settled in the batch at {batch.first}",
                    data={"file": str(file.path), "first": batch.first},
                )  # fmt: skip

    def _prove(self, found: Findings, seen: Log) -> Iterator[Notice]:
        """Take every case a step further, and let go of claims that nothing speaks for now."""
        if self._claimant is None:
            return
        if found.cases:
            hit("watch.claimed")
        for case in found.cases:
            if case.claim.state != "done":
                yield from self._claimant.advance(case)
        meant = {case.claim.id for case in found.cases}
        for claim in self._store.claims("open"):
            if claim.signer == seen.signer and claim.id not in meant:
                self._store.change_claim(claim, state="dropped")
