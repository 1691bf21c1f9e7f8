"""The owner of a job: gives out blocks, seals what comes back, goes on where a kill stopped it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from counterfoil.config import Profile
from counterfoil.errors import BadColumns
from counterfoil.inference.drafts import Drafting
from counterfoil.journal import Journal

from . import columns, job, on_ray, processes, recovery, sealing, tables
from .job import Job
from .points import hit
from .reading import arrow
from .sources import DataSet
from .tables import RECEIPTS, part
from .work import Done, Setup, Task, Worker

Backend = Literal["ray", "processes", "loop"]
"""On a cluster or a Ray of this machine, in processes of this machine, or in this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a data set is mapped.

    Attributes:
        columns: input to column, where they are not called the same.
        batch: rows of a run; 0: each row is a run of its own.
        block: rows of a unit of work and of a file; None: by the data.
        threads: of one run.
        public: the tensors are public: salts that anybody knows.
        skip: a row that does not fit gets a note instead of a receipt.
        keep: seconds for which the journal keeps the tensors; None: not at all.
    """

    columns: Mapping[str, str]
    batch: int = 0
    block: int | None = None
    threads: int = 1
    public: bool = False
    skip: bool = False
    keep: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A job that is complete.

    Attributes:
        rows: of the data set.
        sealed: receipts sealed now.
        before: rows that were done when this began.
        taken: rows whose receipts had been sealed, and not written, when this began.
        verified: rows with a receipt of the outputs beside it.
        differing: rows whose receipt is not, or not known to be, of the outputs beside it.
        refused: rows that did not fit, and have no receipt.
        seconds: that running took.
        logs: signers.
    """

    job: Job
    rows: int
    sealed: int
    before: int
    taken: int
    verified: int
    differing: int
    refused: int
    seconds: float
    logs: tuple[str, ...]


class Mapper:
    """One data set through one model.

    Args:
        model: the model's file.
        data: the opened data set.
        options: as they say.
    Raises:
        BadColumns: the data and the model's inputs do not go together.
        BadModel, ModelRefused: the model cannot be run.
        MapMissing: what writes Parquet is not installed.
    """

    def __init__(self, model: Path, data: DataSet, options: Options) -> None:
        arrow()
        session = Drafting(model, threads=options.threads, batching=options.batch > 0)
        self._model = session.model
        self._data = data
        self._options = options
        inputs = (
            () if not data.rows else columns.resolve(session.inputs, data.columns, options.columns)
        )
        if options.batch:
            for one in inputs:
                if one.shape and one.shape[0] != -1:
                    raise BadColumns(
                        f"the first dimension of the input {one.name!r} is {one.shape[0]}: "
                        "run without --batch"
                    )
        self.setup = Setup(
            model=model.absolute(),
            model_digest=session.model_digest,
            source=data,
            inputs=inputs,
            threads=options.threads,
            batch=options.batch,
            public=options.public,
            keep=options.keep is not None,
            skip=options.skip,
        )

    @property
    def block(self) -> int:
        """Rows of a block of a job that begins now."""
        return self._options.block or job.block_rows(self._data.rows, self._data.size)

    def run(
        self,
        folder: Path,
        profiles: Sequence[Profile],
        *,
        backend: Backend,
        workers: int,
        address: str | None = None,
        begun: Callable[[int, int], None] = lambda rows, before: None,
        finished: Callable[[int], None] = lambda rows: None,
    ) -> Summary:
        """Do what of the job is not done.

        Args:
            folder: where `outputs`, `receipts` and `job.json` go.
            profiles: of the logs; block b is sealed by log b modulo their count.
            address: of a Ray cluster.
            begun: called once with the rows of the job, and those that need not be run.
            finished: called with the rows of each block that is done, from any thread.
        Raises:
            JobBusy, BadJob, JobChanged: the folder is not this job's to go on with.
            BadRow, InputRefused, BadTensor, Uncommitted: a row does not fit; all blocks before
                its own are done.
            WorkerDied: workers die again and again.
            JournalError: a log does not seal.
        """
        with ExitStack() as stack:
            stack.enter_context(job.locked(folder))
            mine = [stack.enter_context(Journal.open(profile)) for profile in profiles]
            every = [stack.enter_context(j) for p in profiles for j in Journal.open_all(p)]
            for journal in mine:
                journal.unlock()
            found, known, todo = self._begin(folder, mine, every)
            before = found.rows - sum(stop - start for start, stop in map(found.span, todo))
            hit("map.begun")
            began = time.monotonic()
            tasks, sealed = [], 0
            for block in todo:
                if not (known and sealing.taken(folder, found, block, known)):
                    start, stop = found.span(block)
                    masters = recovery.masters_of(found, block, known)
                    tasks.append(Task(block=block, start=start, stop=stop, masters=masters or None))
            begun(found.rows, found.rows - sum(task.stop - task.start for task in tasks))
            if tasks:
                lock = threading.Lock()

                def tell(rows: int) -> None:
                    with lock:
                        finished(rows)

                finishers = [
                    sealing.Finisher(
                        folder=folder,
                        job=found,
                        model=self._model,
                        journal=journal,
                        keep=self._options.keep,
                        known=known,
                        finished=tell,
                    )
                    for journal in mine
                ]
                self._drive(tasks, finishers, backend, workers, address)
                sealed = sum(finisher.sealed for finisher in finishers)
            return self._summary(
                folder, found, sealed=sealed, before=before, taken=len(known), began=began,
                logs=tuple(journal.signer for journal in mine),
            )  # fmt: skip

    def _begin(
        self, folder: Path, mine: Sequence[Journal], every: Sequence[Journal]
    ) -> tuple[Job, dict[int, sealing.Known], list[int]]:
        found = job.load(folder)
        data, setup = self._data, self.setup
        block = self._options.block or (self.block if found is None else found.block)
        options = {
            "batch": setup.batch,
            "block": block,
            "columns": {one.name: one.column for one in setup.inputs},
            "decode": data.decode,
            "format": data.format,
            "logs": len(mine),
            "public": setup.public,
            job.SKIP: setup.skip,
            "threads": setup.threads,
        }
        given: dict[str, Any] = {
            "model": setup.model_digest,
            "data": data.digest,
            "rows": data.rows,
            "options": options,
        }
        if found is None:
            found = job.begin(
                folder,
                **given,
                chain_id=mine[0].chain_id,
                ledger=mine[0].ledger,
                logs={journal.signer: journal.next_sequence() for journal in every},
            )
            recovery.lay_out(folder)
            return found, {}, list(range(found.blocks))
        job.check(found, **given)
        recovery.check_logs(found, every)
        recovery.lay_out(folder)
        todo = recovery.open_blocks(folder, found)
        return found, recovery.sealed_rows(found, todo, every), todo

    def _drive(
        self,
        tasks: Sequence[Task],
        finishers: Sequence[sealing.Finisher],
        backend: Backend,
        workers: int,
        address: str | None,
    ) -> None:
        try:
            with closing(self._results(tasks, backend, workers, address)) as results:
                waiting = dict.fromkeys(task.block for task in tasks)  # in the order of rows
                failed: Done | None = None
                for done in results:
                    if done.block not in waiting:
                        continue
                    if done.error is None:
                        finishers[done.block % len(finishers)].put(done)
                    elif failed is None or done.block < failed.block:
                        failed = done
                    del waiting[done.block]
                    if failed is not None and next(iter(waiting), failed.block) >= failed.block:
                        break  # all before it is done
                if failed is not None and failed.error is not None:
                    raise failed.error
        finally:  # what was handed over is finished in any case
            with ExitStack() as stack:
                for finisher in finishers:
                    stack.callback(finisher.close)

    def _results(
        self, tasks: Sequence[Task], backend: Backend, workers: int, address: str | None
    ) -> Generator[Done, None, None]:
        if backend == "ray":
            yield from on_ray.run(self.setup, tasks, workers, address=address)
        elif backend == "processes":
            yield from processes.run(self.setup, tasks, workers)
        else:
            worker = Worker(self.setup)
            for task in tasks:
                yield worker.run(task)

    def _summary(
        self,
        folder: Path,
        found: Job,
        *,
        sealed: int,
        before: int,
        taken: int,
        began: float,
        logs: tuple[str, ...],
    ) -> Summary:
        counts = tables.Counts()
        for block in range(found.blocks):
            counts.add(part(folder, RECEIPTS, block))
        return Summary(
            job=found,
            rows=counts.rows,
            sealed=sealed,
            before=before,
            taken=taken,
            verified=counts.verified,
            differing=counts.differing,
            refused=counts.refused,
            seconds=time.monotonic() - began,
            logs=logs,
        )


__all__ = ["Backend", "Mapper", "Options", "Summary"]
