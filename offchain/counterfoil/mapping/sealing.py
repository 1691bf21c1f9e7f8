"""One log's part of a job: outputs durable, then receipts sealed, then receipts written.

In this order a kill at any point loses nothing and doubles nothing. A block's receipts are sealed
in one call, all or none, and only once its outputs are durable; so a block without its receipt
file is either not sealed at all, or sealed with the outputs that lie beside it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from counterfoil.formats.model import Model
from counterfoil.formats.tensor import commit
from counterfoil.hashing.types import Digest, Seconds
from counterfoil.inference.drafts import Masters
from counterfoil.journal import Draft, Journal, Sealed

from . import tables
from .job import Job, write_durably
from .points import hit
from .tables import OUTPUTS, RECEIPTS, ReceiptRow, part
from .work import Done, RowDraft

WAITING: Final = 2
"""Blocks that wait for a log, at most: past that the workers wait."""

OTHER_OUTPUTS: Final = (
    "sealed before, its outputs were lost, and running it again gave others: "
    "the receipt is not of these outputs"
)
NO_MASTERS: Final = (
    "sealed before, its outputs were lost, and its masters are forgotten: "
    "nobody can tell whether the receipt is of these outputs"
)
REFUSED_NOW: Final = "sealed before, its outputs were lost, and running it again was refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A row that some log of the job has sealed already.

    Attributes:
        masters: None: forgotten.
    """

    sealed: Sealed
    masters: Masters | None


class Finisher:
    """Brings the blocks of one log to their end, one after the other, in a thread.

    Args:
        known: rows that are sealed already.
        finished: called with the rows of each block that is done.
    """

    def __init__(
        self,
        *,
        folder: Path,
        job: Job,
        model: Model,
        journal: Journal,
        keep: int | None,
        known: Mapping[int, Known],
        finished: Callable[[int], None],
    ) -> None:
        self._folder = folder
        self._job = job
        self._model = model
        self._journal = journal
        self._keep = keep
        self._known = known
        self._finished = finished
        self._queue: queue.Queue[Done | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self.sealed = 0
        self._thread = threading.Thread(target=self._work, name="seal", daemon=True)
        self._thread.start()

    def put(self, done: Done) -> None:
        """Hand a block over; waits while others wait.

        Raises:
            CounterfoilError, OSError: what ended an earlier block.
        """
        self._say(done)

    def close(self) -> None:
        """Finish what was handed over.

        Raises:
            CounterfoilError, OSError: as `put`.
        """
        self._say(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _say(self, what: Done | None) -> None:
        while self._error is None:
            try:
                self._queue.put(what, timeout=0.2)
            except queue.Full:
                continue
            return
        if what is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while (done := self._queue.get()) is not None:
                self._finish(done)
        except BaseException as error:  # told to whoever hands over the next
            self._error = error

    def _finish(self, done: Done) -> None:
        write_durably(part(self._folder, OUTPUTS, done.block), done.outputs)
        hit("map.outputs")
        start, stop = self._job.span(done.block)
        requests = self._job.requests(start, stop)
        fresh = [d for d in done.drafts if d.refused is None and d.row not in self._known]
        sealed: dict[int, Sealed] = {}
        if fresh:
            drafts = self._drafts(done, fresh, [requests[d.row - start].tobytes() for d in fresh])
            together = self._journal.seal_many(drafts)
            sealed = {d.row: one for d, one in zip(fresh, together, strict=True)}
        hit("map.sealed")
        rows = [self._row(draft, sealed) for draft in done.drafts]
        write_durably(part(self._folder, RECEIPTS, done.block), tables.receipts(rows))
        hit("map.receipts")
        self.sealed += len(fresh)
        self._finished(stop - start)

    def _drafts(self, done: Done, rows: Sequence[RowDraft], requests: list[bytes]) -> list[Draft]:
        told: set[Digest] = set()
        made = []
        until = None if self._keep is None else Seconds(int(time.time()) + 1 + self._keep)
        for row, request in zip(rows, requests, strict=True):
            masters = row.masters
            draft = Draft(
                model=self._job.model,
                runtime=row.runtime,
                request=Digest(request),
                inputs=row.inputs,
                outputs=row.outputs,
                input_master=None if masters is None else masters.inputs,
                output_master=None if masters is None else masters.outputs,
            )
            if row.runtime not in told:  # once a block and runtime: the journal keeps it for all
                told.add(row.runtime)
                record = (done.runtimes or {})[row.runtime]
                draft = replace(draft, model_preimage=self._model, runtime_preimage=record)
            if row.kept is not None:
                inputs, outputs = row.kept
                draft = replace(
                    draft, inputs_tensors=inputs, outputs_tensors=outputs, keep_until=until
                )
            made.append(draft)
        return made

    def _row(self, draft: RowDraft, sealed: Mapping[int, Sealed]) -> ReceiptRow:
        known = self._known.get(draft.row)
        if known is None:
            return ReceiptRow(row=draft.row, sealed=sealed.get(draft.row), note=draft.refused)
        receipt, note = known.sealed.receipt, None
        if draft.refused is not None:
            note = f"{REFUSED_NOW}: {draft.refused}"
        elif known.masters is None:
            note = NO_MASTERS
        elif (receipt.inputs, receipt.outputs) != (draft.inputs, draft.outputs):
            note = OTHER_OUTPUTS
        return ReceiptRow(row=draft.row, sealed=known.sealed, note=note)


def taken(folder: Path, job: Job, block: int, known: Mapping[int, Known]) -> bool:
    """Write the receipt file of a block that is sealed, and whose outputs are there.

    Returns:
        Whether it was so; else the block is to be run.
    """
    path = part(folder, OUTPUTS, block)
    start, stop = job.span(block)
    if not path.exists():
        return False
    rows = []
    for row in tables.read_outputs(path):
        found = known.get(row.row)
        if found is None or found.masters is None or not row.tensors:
            return False
        if commit(row.tensors, found.masters.outputs).digest != found.sealed.receipt.outputs:
            return False
        rows.append(ReceiptRow(row=row.row, sealed=found.sealed, note=None))
    if [r.row for r in rows] != list(range(start, stop)):
        return False
    write_durably(part(folder, RECEIPTS, block), tables.receipts(rows))
    return True


__all__ = ["NO_MASTERS", "OTHER_OUTPUTS", "REFUSED_NOW", "Finisher", "Known", "taken"]
