"""One operator: a node, contracts, an open log, processes, and a holder who keeps the receipts."""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from counterfoil import chain as chains
from counterfoil import config
from counterfoil.chain import LedgerClient
from counterfoil.config import Profile
from counterfoil.errors import (
    CounterfoilError,
    IssuedAfterPosting,
    JournalMissing,
    NotInBatch,
    RestoredBackup,
)
from counterfoil.formats.receipt import POSTING_TOLERANCE
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Digest, Seconds
from counterfoil.journal import Journal
from counterfoil.settle import Settlement, Settler, open_log
from counterfoil.verify import Trust, verify
from counterfoil.verify.offline import check_inclusion

from .node import Node
from .processes import Executed, Forked, Launcher, Running
from .table import Row

MAX_DELAY = Seconds(3600)
OPEN_FOR = 30 * 24 * 3600
INTERVAL = 0.1
"""Seconds between two steps of a settler."""


class Holder:
    """Who got the receipts: it keeps them outside the journal, and has them verified.

    Attributes:
        refused: how often callers got which error instead of a receipt.
    """

    def __init__(self) -> None:
        self.told: dict[tuple[str, int], ReceiptFile] = {}
        self.done: set[tuple[str, int]] = set()
        self._roots: dict[tuple[str, int, int], Digest] = {}
        self.waits: list[float] = []
        self.refused: dict[str, int] = {}
        self.unclaimed = 0
        self.reused = self.broken = self.lost = 0
        self._problems: list[str] = []

    def read(self, process: Running) -> int:
        """Take what a process has told since the last time; returns receipts."""
        count = 0
        for line in process.lines():
            if "refused" in line:
                name = line["refused"]
                self.refused[name] = self.refused.get(name, 0) + 1
            elif "waits" in line:
                self.waits += line["waits"]
            elif "receipt" in line:
                self._take(ReceiptFile.parse(_dumped(line["receipt"])))
                count += 1
        return count

    def _take(self, file: ReceiptFile) -> None:
        key = (file.receipt.signer, file.receipt.sequence)
        before = self.told.setdefault(key, file)
        if before.digest != file.digest:
            self.reused += 1
            self._problems.append(f"{key}: two receipts under one number")

    def check(self, scene: Scene) -> None:
        """Hold what was told against journal and ledger; every receipt once.

        What is checked needs no journal any more: the holder has the complete file.
        """
        with scene.journals() as journals:
            for journal in journals:
                held = journal.next_sequence()
                mine = [n for s, n in self.told if s == journal.signer]
                for number in range(held):
                    if (journal.signer, number) not in self.done:
                        self._check(scene, journal, number)
                for number in mine:
                    if number >= held and (journal.signer, number) not in self.done:
                        self._lose((journal.signer, number), "not in the journal")
        known = {journal.signer for journal in journals}
        for key in self.told:
            if key[0] not in known and key not in self.done:
                self._lose(key, "the journal is gone")

    def _check(self, scene: Scene, journal: Journal, number: int) -> None:
        key = (str(journal.signer), number)
        told = self.told.get(key)
        file = journal.receipt_file(number)
        if told is None:
            self.unclaimed += 1
        elif (told.digest, told.signature) != (file.digest, file.signature):
            self.reused += 1
            self._problems.append(f"{key}: the journal has another receipt under the number")
            self.done.add(key)
            return
        try:
            self._verify(scene, file)
        except CounterfoilError as error:
            self._lose(key, f"{type(error).__name__}: {error}")
            return
        assert file.inclusion is not None
        promise = file.receipt.settle_by
        if promise and file.inclusion.posted_at > promise:
            self.broken += 1
            self._problems.append(f"{key}: posted {file.inclusion.posted_at - promise} s late")
        self.done.add(key)

    def _verify(self, scene: Scene, file: ReceiptFile) -> None:
        """One receipt of a batch against the ledger, the others against the root that it has."""
        place = file.inclusion
        batch = None if place is None else (file.receipt.signer, place.first, place.posted_at)
        if batch is None or batch not in self._roots:
            verify(file, trust=scene.trust, chain=scene.node.chain).require_anchored()
            root = check_inclusion(file)
            assert batch is not None and root is not None
            self._roots[batch] = root
            return
        verify(file, trust=scene.trust)
        if check_inclusion(file) != self._roots[batch]:
            raise NotInBatch("the path leads to another root than that of its batch")
        if file.receipt.issued_at > batch[2] + POSTING_TOLERANCE:
            raise IssuedAfterPosting("issued after its batch was posted")

    def _lose(self, key: tuple[str, int], why: str) -> None:
        self.lost += 1
        self.done.add(key)
        self._problems.append(f"{key}: lost, {why}")

    @property
    def problems(self) -> list[str]:
        """The first problem, and how many more there are."""
        more = len(self._problems) - 1
        return [*self._problems[:1], *([f"and {more} more"] if more > 0 else [])]

    @property
    def signed(self) -> int:
        """Receipts, those too that were signed for a caller who was killed before."""
        return len(self.told) + self.unclaimed

    def counts(self) -> tuple[int, int, int, int]:
        """signed, lost, reused, broken so far."""
        return self.signed, self.lost, self.reused, self.broken


class Scene:
    """One operator's set-up, in a folder of its own.

    Args:
        rpc: what the settler is given instead of the node's URL.
        journal: the journal's file, if it is not to lie in the folder.
        begun_at: the point at which the first process is killed.
        fields: of the profile.

    Attributes:
        killed: whether it was.
    """

    def __init__(
        self,
        folder: Path,
        launcher: Launcher,
        *,
        node: Node | None = None,
        rpc: str | None = None,
        journal: Path | None = None,
        begun_at: str = "",
        **fields: Any,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.launcher = launcher
        self._own = node is None
        self.node = node or Node()
        self.holder = Holder()
        self.operator, self.payer, self.stranger = (self.node.account() for _ in range(3))
        made = chains.deploy(self.node.chain, self.payer, grace=Seconds(3600)).contracts
        self.ledger = LedgerClient(self.node.chain, made["ReceiptLedger"].address)
        place = journal or folder / "data" / "journal.db"
        plain = Profile(
            name="chaos",
            chain_id=self.node.chain.chain_id,
            ledger=self.ledger.address,
            rpc=rpc or self.node.url,
            operator="env:CHAOS_OPERATOR",
            payer="env:CHAOS_PAYER",
            journal=f"sqlite:///{place}",
            promise=Seconds(120),
            confirmations=1,
            batch_size=8,
            batch_age=Seconds(1),
            durability="full",
        )
        self.profile = replace(plain, **fields)
        self.environment = {
            "COUNTERFOIL_HOME": str(folder),
            "COUNTERFOIL_PROFILE": "chaos",
            "CHAOS_OPERATOR": self.operator.key.hex(),
            "CHAOS_PAYER": self.payer.key.hex(),
        }
        before = os.environ.get("COUNTERFOIL_HOME")
        os.environ["COUNTERFOIL_HOME"] = str(folder)
        try:
            config.save_profile(self.profile)
        finally:
            if before is None:
                del os.environ["COUNTERFOIL_HOME"]
            else:
                os.environ["COUNTERFOIL_HOME"] = before
        self._numbers = itertools.count()
        self.processes: list[Running] = []
        self.killed = False
        if begun_at:
            first = self.worker(point=begun_at)
            self.killed = first.wait(60) == -signal.SIGKILL
            first.kill()
        self.open_logs()

    @property
    def data(self) -> Path:
        """The folder of the journal."""
        return Path(self.profile.journal.removeprefix("sqlite:///")).parent

    @property
    def trust(self) -> Trust:
        return Trust(
            ledgers=frozenset({(self.profile.chain_id, self.ledger.address)}), registries={}
        )

    @contextmanager
    def journals(self) -> Iterator[list[Journal]]:
        """Every journal of the profile, closed at the end."""
        try:
            found = Journal.open_all(self.profile, wait=30)
        except JournalMissing:
            found = []
        try:
            yield found
        finally:
            for journal in found:
                journal.close()

    def open_logs(self) -> None:
        """Open the log of the newest journal, made on first use, unless it is open."""
        with closing(Journal.open(self.profile, wait=30)) as journal:
            if self.ledger.log_record(journal.signer) is None:
                closes_at = Seconds(self.node.chain.now() + OPEN_FOR)
                open_log(
                    journal,
                    self.node.chain,
                    self.operator,
                    closes_at=closes_at,
                    max_delay=MAX_DELAY,
                )

    # Processes

    def worker(self, *, point: str = "", **options: Any) -> Running:
        """A process that seals."""
        return self.start({"worker": self._named(options)}, point=point)

    def settler(self, *, point: str = "", interval: float = INTERVAL) -> Running:
        """`counterfoil settle --watch`."""
        return self.command("settle", "--watch", "--interval", str(interval), point=point)

    def command(self, *arguments: str, point: str = "") -> Running:
        """Any command of the program."""
        return self.start({"command": list(arguments)}, point=point)

    def start(self, run: dict[str, Any], *, point: str = "") -> Running:
        out, err = self._files(run)
        environment = {**self.environment, "COUNTERFOIL_FAILPOINT": point}
        return self._kept(Forked(self.launcher, run, out, err, environment))

    def execute(self, run: dict[str, Any], before: tuple[str, ...] = (), **more: str) -> Running:
        """A process from nothing, with more in its environment."""
        if "worker" in run:
            run = {"worker": self._named(run["worker"])}
        out, err = self._files(run)
        return self._kept(Executed(run, out, err, {**self.environment, **more}, before))

    def _named(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"name": f"w{next(self._numbers)}", **options}

    def _files(self, run: dict[str, Any]) -> tuple[Path, Path]:
        name = f"{next(self._numbers)}-{next(iter(run))}"
        return self.folder / f"{name}.out", self.folder / f"{name}.err"

    def _kept(self, process: Running) -> Running:
        self.processes.append(process)
        return process

    def read(self) -> int:
        """Have the holder take what all processes told; returns new receipts."""
        return sum(self.holder.read(p) for p in self.processes)

    def heard(self, count: int, timeout: float = 60) -> bool:
        """Wait until so many more receipts were told."""
        deadline = time.monotonic() + timeout
        while count > 0:
            count -= self.read()
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def refusals(self, *names: str) -> int:
        """How often callers got one of these errors."""
        self.read()
        return sum(self.holder.refused.get(name, 0) for name in names)

    def until(self, what: Any, timeout: float = 60) -> bool:
        """Wait until `what()` is true."""
        deadline = time.monotonic() + timeout
        while not what():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    # Settling

    def settle(self) -> None:
        """Settle everything, as an operator would by hand, and check it."""
        self.read()
        with self.journals() as journals:
            for journal in journals:
                settler = Settler(journal, self.node.chain, self.payer, self.profile)
                with suppress(RestoredBackup):
                    settler.drain(timeout=90, on_step=self._confirm)
        self.holder.check(self)

    def _confirm(self, step: Settlement) -> None:
        if step.unconfirmed:
            self.node.mine(1)

    def all_final(self) -> bool:
        """Whether every receipt is in a final batch, as the journals know."""
        with self.journals() as journals:
            return all(
                journal.pending().count == 0 and not journal.unsettled_batches()
                for journal in journals
            )

    def wait_final(self, timeout: float = 60) -> bool:
        """Wait until the running settler has settled everything."""
        return self.until(self.all_final, timeout)

    def said(self) -> str:
        """What processes wrote on their standard error."""
        return "".join(p.err.read_text(errors="replace") for p in self.processes)

    def row(self, fault: str, injected: int, note: str = "", since: tuple[int, ...] = ()) -> Row:
        """The row of what happened here, or since some counts."""
        counts = zip(self.holder.counts(), since or (0,) * 4, strict=True)
        signed, lost, reused, broken = (after - before for after, before in counts)
        fallen = [p for p in self.processes if "Traceback" in p.err.read_text(errors="replace")]
        if fallen:
            last = fallen[0].err.read_text(errors="replace").strip().splitlines()[-1]
            note = f"a process ended with an error that is not ours: {last}"
        return Row(
            fault=fault, injected=injected, signed=signed, lost=lost, reused=reused,
            broken=broken, note=note,
        )  # fmt: skip

    def close(self) -> None:
        """End what was started here."""
        for process in self.processes:
            process.kill()
        if self._own:
            self.node.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _dumped(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()
