"""`counterfoil map`: a data set through a model, a receipt for each row."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import cast, get_args

import click

from counterfoil import config
from counterfoil.mapping import Backend, Mapper, Options, Summary, on_ray, open_data
from counterfoil.mapping.estimate import estimate as estimated
from counterfoil.mapping.logs import profiles
from counterfoil.mapping.sources import Decode, Format

from .output import Output, command, short
from .run import UNSEALED, seconds

INCOMPLETE = UNSEALED
"""Exit code: all rows are done, and some have no receipt of their outputs."""

FIRST = 5.0
"""Seconds after the first block after which the time left is told where no bar is shown."""


def _columns(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, column = value.partition("=")
        if not equals or not name or not column or name in found:
            raise click.BadParameter(f"a column is INPUT=COLUMN, each input once, not {value!r}")
        found[name] = column
    return found


@click.command("map")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "-o",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The job's folder: outputs, receipts, job.json.",
)
@click.option(
    "--column",
    "-c",
    "columns",
    multiple=True,
    metavar="INPUT=COLUMN",
    callback=_columns,
    help="Feed an input from a column of another name.",
)
@click.option("--format", type=click.Choice(get_args(Format)), help="Else by the files' names.")
@click.option(
    "--decode",
    type=click.Choice(get_args(Decode)),
    default="bytes",
    show_default=True,
    help="What a file of a folder holds.",
)
@click.option(
    "--batch",
    type=click.IntRange(2, 65536),
    metavar="ROWS",
    help="Rows that are run at once; it changes the numbers.",
)
@click.option("--block", type=click.IntRange(1, 2**20), metavar="ROWS", help="Rows of a file.")
@click.option(
    "--on",
    type=click.Choice(["auto", *get_args(Backend)]),
    default="auto",
    show_default=True,
    help="auto: Ray where it is installed, else processes.",
)
@click.option("--address", envvar="RAY_ADDRESS", help="A Ray cluster's; else Ray is started here.")
@click.option("--workers", type=click.IntRange(1, 4096), help="Else one for each processor.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Threads of one run.",
)
@click.option(
    "--logs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Logs that seal, each with a key of its own.",
)
@click.option("--public", is_flag=True, help="The tensors are public: salts that anybody knows.")
@click.option("--keep", metavar="TIME", help="Keep the tensors in the journal so long, as 30d.")
@click.option(
    "--skip-bad-rows", "skip", is_flag=True, help="A row that does not fit gets a note instead."
)
@click.option("--estimate", is_flag=True, help="Say how long it would take, and seal nothing.")
@command
def cli(
    model: Path,
    data: Path,
    folder: Path,
    columns: dict[str, str],
    format: Format | None,
    decode: Decode,
    batch: int | None,
    block: int | None,
    on: str,
    address: str | None,
    workers: int | None,
    threads: int,
    logs: int,
    public: bool,
    keep: str | None,
    skip: bool,
    estimate: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Run a data set through a model; each row gets its receipt.

    DATA is a Parquet, JSON lines or npz file, a folder of the first two, or a
    folder in which each file is a row. Killed at any point, the same command
    completes the job: no row is lost, none sealed twice.
    """
    options = Options(
        columns=columns,
        batch=batch or 0,
        block=block,
        threads=threads,
        public=public,
        skip=skip,
        keep=None if keep is None else seconds(keep),
    )
    found = open_data(data, format=format, decode=decode)
    mapper = Mapper(model, found, options)
    backend = _backend(on)
    here = max(1, len(os.sched_getaffinity(0)) // threads)
    if estimate:
        _tell_estimate(mapper, found.rows, 1 if backend == "loop" else workers or here, out)
        return
    several = profiles(config.load_profile(profile), logs)
    count = workers or (0 if backend == "ray" and address else here)
    with ExitStack() as stack:
        progress = _Progress(out, stack)
        done = mapper.run(
            folder,
            several,
            backend=backend,
            workers=count,
            address=address,
            begun=progress.begun,
            finished=progress.finished,
        )
    _tell(done, folder, backend, out)
    if done.differing or done.refused:
        raise SystemExit(INCOMPLETE)


def _backend(on: str) -> Backend:
    if on == "auto":
        return "ray" if on_ray.installed() else "processes"
    return cast(Backend, on)  # one of click's choices


class _Progress:
    """A bar with the time that is left; where there is no terminal, one line after a while.

    How fast it goes is told from the first block on: workers, and Ray all the more, take a while
    to begin.
    """

    def __init__(self, out: Output, stack: ExitStack) -> None:
        self._out = out
        self._stack = stack
        self._advance: Callable[..., None] = lambda steps: None
        self._told = out.json or sys.stderr.isatty()
        self._first: float | None = None
        self._rows = self._left = 0

    def begun(self, rows: int, before: int) -> None:
        """So many rows in all, so many of them not to be run."""
        self._rows = self._left = rows - before
        label = f"rows, after {before:,}" if before else "rows"
        self._advance = self._stack.enter_context(self._out.progress(label, self._rows))

    def finished(self, rows: int) -> None:
        """So many more are done."""
        self._advance(rows)
        self._left -= rows
        now = time.monotonic()
        if self._first is None:
            self._first, self._rows = now, self._left
        took = now - self._first
        if not self._told and took > FIRST and self._left:
            self._told = True
            rate = (self._rows - self._left) / took
            left = span(self._left / rate)
            self._out.note(f"estimate  {rate:,.3g} rows/s, {left} left")


def span(duration: float) -> str:
    """Seconds in words, as `40 s`, `12 min`, `3.5 h`."""
    if duration < 90:
        return f"{max(1, math.ceil(duration))} s"
    return f"{duration / 60:.0f} min" if duration < 5400 else f"{duration / 3600:.1f} h"


def _tell_estimate(mapper: Mapper, rows: int, workers: int, out: Output) -> None:
    found = estimated(mapper.setup, rows, mapper.block)
    all_rows = found.seconds_for_all(workers)
    each = found.seconds / found.tried if found.tried else 0.0
    several = f"{workers} workers that do not slow each other down"
    team = "one worker" if workers == 1 else several
    out.result(
        {
            "rows": rows,
            "tried": found.tried,
            "secondsPerRow": each,
            "workers": workers,
            "seconds": all_rows,
            "outputBytes": found.output_for_all,
        },
        [
            f"rows      {rows:,}; tried {found.tried:,}, {each * 1e3:.3g} ms each in one worker",
            f"estimate  {span(all_rows)} with {team}",
            f"outputs   {found.output_for_all / 1e6:,.1f} MB",
        ],
    )


def _tell(done: Summary, folder: Path, backend: Backend, out: Output) -> None:
    data = {
        "out": str(folder),
        "job": done.job.digest,
        "rows": done.rows,
        "sealed": done.sealed,
        "before": done.before,
        "taken": done.taken,
        "verified": done.verified,
        "differing": done.differing,
        "refused": done.refused,
        "seconds": round(done.seconds, 3),
        "on": backend,
        "logs": list(done.logs),
    }
    now = done.rows - done.before
    rate = f", {now / done.seconds:,.0f} rows/s" if now and done.seconds else ""
    lines = [
        f"rows      {done.rows:,}: {done.verified:,} with a receipt of their outputs",
        f"sealed    {done.sealed:,} now{rate}; {done.before:,} were done before, "
        f"{done.taken:,} receipts found in the journal",
        f"written   {folder / 'outputs'}, {folder / 'receipts'}",
        f"job       {short(done.job.digest)}, in the log{'s' if len(done.logs) > 1 else ''} of "
        + ", ".join(map(short, done.logs)),
    ]
    if done.differing:
        lines.append(f"DIFFERING {done.differing:,} rows: see the column `note` of the receipts")
    if done.refused:
        lines.append(f"refused   {done.refused:,} rows: see the column `note` of the receipts")
    out.result(data, lines)
