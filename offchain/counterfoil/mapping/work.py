"""What a worker does: rows of a block through the model, committed to, and nothing sealed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterfoil.errors import (
    BadRow,
    BadTensor,
    CounterfoilError,
    InputRefused,
    ModelChanged,
    Uncommitted,
)
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import ZERO, Digest
from counterfoil.inference.drafts import Drafting, Masters, Unsealed

from . import columns, tables
from .columns import Input
from .points import hit
from .sources import Source
from .tables import OutputRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What all blocks of a job have in common.

    Attributes:
        model: path, the same on every machine that works.
        batch: rows of a run; 0: each row is a run, and the model sees what the data has.
        public: the tensors are public, and so are the masters.
        keep: hand the tensors over too.
        skip: a row that does not fit is told of, and the others go on.
    """

    model: Path
    model_digest: Digest
    source: Source
    inputs: tuple[Input, ...]
    threads: int
    batch: int
    public: bool
    keep: bool
    skip: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One block: rows start … stop−1.

    Attributes:
        masters: by row, of rows that are sealed already and are run once more.
    """

    block: int
    start: int
    stop: int
    masters: Mapping[int, Masters] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDraft:
    """One row's commitments, to be sealed.

    Attributes:
        runtime: digest; the record is in `Done.runtimes`.
        refused: why the row has none; then the rest is empty.
        kept: inputs and outputs, where the journal is to keep them.
    """

    row: int
    runtime: Digest = ZERO
    inputs: Digest = ZERO
    outputs: Digest = ZERO
    masters: Masters | None = None
    refused: str | None = None
    kept: tuple[tuple[Tensor, ...], tuple[Tensor, ...]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A block as a worker hands it over.

    Attributes:
        outputs: a Parquet file.
        error: why the block is not done; then the rest is empty.
    """

    block: int
    outputs: bytes = b""
    drafts: tuple[RowDraft, ...] = ()
    runtimes: Mapping[Digest, Runtime | Program] | None = None
    error: CounterfoilError | None = None


class Worker:
    """A session, and what it is fed from. One thread uses it.

    Raises:
        ModelChanged: the model's files are not those of the job.
        CounterfoilError: as `Drafting`.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._session = Drafting(setup.model, threads=setup.threads, batching=setup.batch > 0)
        if self._session.model_digest != setup.model_digest:
            raise ModelChanged(f"{setup.model} is not the job's model any more: put it back")

    def run(self, task: Task) -> Done:
        """Do a block. An error that is ours comes back in it."""
        try:
            return self._block(task)
        except CounterfoilError as error:
            return Done(block=task.block, error=error)

    def _block(self, task: Task) -> Done:
        found: dict[int, tuple[str | None, Unsealed | str]] = {}
        for rows in self._groups(task):
            found.update(self._together(rows, task))
        drafts, outputs, runtimes = [], [], {}
        for row in range(task.start, task.stop):
            file, run = found[row]
            if isinstance(run, str):
                drafts.append(RowDraft(row=row, refused=run))
                outputs.append(OutputRow(row=row, file=file, tensors=None))
                continue
            runtimes[run.runtime_digest] = run.runtime
            drafts.append(
                RowDraft(
                    row=row,
                    runtime=run.runtime_digest,
                    inputs=run.inputs.digest,
                    outputs=run.outputs.digest,
                    masters=Masters(inputs=run.inputs.master, outputs=run.outputs.master),
                    kept=(run.inputs.tensors, run.outputs.tensors) if self._setup.keep else None,
                )
            )
            outputs.append(OutputRow(row=row, file=file, tensors=run.outputs.tensors))
        hit("map.worked")
        return Done(
            block=task.block,
            outputs=tables.outputs(outputs),
            drafts=tuple(drafts),
            runtimes=runtimes,
        )

    def _groups(self, task: Task) -> Iterator[list[tuple[int, str | None, Any]]]:
        """Rows that go into one run: (row, file, feed or why there is none)."""
        size, group = max(1, self._setup.batch), []
        for row, file, feed in self._rows(task):
            if isinstance(feed, str):
                yield [(row, file, feed)]
                continue
            group.append((row, file, feed))
            if len(group) == size:
                yield group
                group = []
        if group:
            yield group

    def _rows(self, task: Task) -> Iterator[tuple[int, str | None, Any]]:
        row = task.start
        names = tuple(dict.fromkeys(one.column for one in self._setup.inputs))
        while row < task.stop:
            try:
                for file, values in self._setup.source.read(row, task.stop, names):
                    yield row, file, self._feed(row, file, values)
                    row += 1
                if row < task.stop:
                    raise BadRow(f"row {row} is gone from the data")
            except BadRow as error:
                if not self._setup.skip:
                    raise
                yield row, self._setup.source.file(row), str(error)
                row += 1

    def _feed(self, row: int, file: str | None, values: Mapping[str, Any]) -> Any:
        try:
            feed = columns.feed(values, self._setup.inputs)
            if self._setup.batch and any(a.ndim == 0 or len(a) != 1 for a in feed.values()):
                raise BadRow("is no single row for the model: run without --batch")
            return feed
        except BadRow as error:
            return self._refused(row, file, error)

    def _together(
        self, group: Sequence[tuple[int, str | None, Any]], task: Task
    ) -> Iterator[tuple[int, tuple[str | None, Unsealed | str]]]:
        row, file, feed = group[0]
        if isinstance(feed, str):
            yield row, (file, feed)
            return
        known, public = task.masters or {}, self._setup.public
        masters = [known.get(row) or Masters.fresh(public=public) for row, _, _ in group]
        try:
            runs = list(self._session.run_batch([feed for _, _, feed in group], masters))
        except (InputRefused, BadTensor, Uncommitted) as error:
            if len(group) == 1:
                yield row, (file, self._refused(row, file, error))
                return
            if not self._setup.skip:
                raise type(error)(f"rows {row} … {group[-1][0]}: {error}") from error
            for alone in group:  # nobody says which row it was
                yield from self._together([alone], task)
            return
        for (row, file, _), run in zip(group, runs, strict=True):
            yield row, (file, run)

    def _refused(self, row: int, file: str | None, error: CounterfoilError) -> str:
        where = f"row {row}" + ("" if file is None else f", {file}")
        if not self._setup.skip:
            raise type(error)(f"{where}: {error}") from error
        return str(error)


__all__ = ["Done", "RowDraft", "Setup", "Task", "Worker"]
