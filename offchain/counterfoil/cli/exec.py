"""`counterfoil exec`: a program as it is, with a receipt for every inference in it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from counterfoil import config
from counterfoil.errors import JournalMissing, NoSuchReceipt
from counterfoil.inference import taking_part
from counterfoil.journal import Journal

from .output import Output, command
from .run import UNSEALED, seconds

CANNOT_RUN = 126
NOT_FOUND = 127
"""Exit codes: the program cannot be run, is not found. Source: POSIX, as shells say it."""

SHOWN = 10
"""Reasons that are listed."""


@dataclass(slots=True, kw_only=True)
class Report:
    """What the program's processes told.

    Attributes:
        processes: Pythons that took part.
        sealed: numbers of receipts by signer.
        unsealed: runs that got no receipt, by reason.
        unobserved: processes whose inferences nobody saw, by reason.
        children: Pythons that were started so that they could not take part.
    """

    processes: int = 0
    sealed: dict[str, list[int]] = field(default_factory=dict)
    unsealed: Counter[str] = field(default_factory=Counter)
    unobserved: Counter[str] = field(default_factory=Counter)
    children: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, events: Path) -> Report:
        """The report in a file of events; a missing file is an empty one."""
        report = cls()
        try:
            lines = events.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return report
        for line in lines:
            kind, _, rest = line.partition(" ")
            if kind == "began":
                report.processes += 1
            elif kind == "sealed":
                signer, _, number = rest.partition(" ")
                report.sealed.setdefault(signer, []).append(int(number))
            elif kind == "unsealed":
                report.unsealed[rest] += 1
            elif kind == "unobserved":
                report.unobserved[rest] += 1
            elif kind == "child":
                report.children[rest] += 1
        return report

    @property
    def receipts(self) -> int:
        """How many."""
        return sum(map(len, self.sealed.values()))

    @property
    def complete(self) -> bool:
        """Whether every inference that anybody knows of got a receipt."""
        return not self.unsealed and not self.unobserved and self.processes > 0


@click.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.option("--sample", metavar="SHARE|N", help="A share such as 0.1, or N for every N-th run.")
@click.option(
    "--open",
    "opened",
    default="all",
    show_default=True,
    metavar="WHAT",
    help="Tensors that may be opened later: all, inputs, outputs, none, or names with commas.",
)
@click.option("--public", is_flag=True, help="The tensors are public: salts that anybody knows.")
@click.option("--keep", metavar="TIME", help="Keep the tensors in the journal so long, as 30d.")
@click.option(
    "--receipts",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Write the receipts into this folder at the end.",
)
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED)
@command
def cli(
    sample: str | None,
    opened: str,
    public: bool,
    keep: str | None,
    receipts: Path | None,
    program: tuple[str, ...],
    out: Output,
    profile: str | None,
) -> None:
    """Run a program; every inference in it gets a receipt.

    PROGRAM is a command with its arguments, after `--`, such as `-- python app.py`. It is left as
    it is, its child processes too. The report is on standard error. The exit code is the
    program's; where that is 0 and a run got no receipt it is 3.
    """
    settings = config.load_profile(profile)
    given = {
        "profile": settings.name,
        "sample": _sample(sample),
        "open": _opened(opened),
        "public": public,
        "keep": None if keep is None else seconds(keep),
    }
    with tempfile.TemporaryDirectory(prefix="counterfoil-exec-") as name:
        folder = Path(name)
        (folder / taking_part.SETTINGS).write_text(json.dumps(given))
        code = _run(program, taking_part.environment(folder, os.environ), out)
        report = Report.read(folder / taking_part.EVENTS)
    if receipts is not None and report.receipts:
        _write(report, settings, receipts)
    _say(report, program, receipts, out, code)
    raise SystemExit(code if code else 0 if report.complete else UNSEALED)


def _run(program: tuple[str, ...], environment: dict[str, str], out: Output) -> int:
    """Run the program with our own streams; a signal that ends it is 128 and its number."""
    try:
        process = subprocess.Popen(program, env=environment)
    except FileNotFoundError:
        out.note(f"counterfoil: {program[0]}: no such program")
        raise SystemExit(NOT_FOUND) from None
    except OSError as error:
        out.note(f"counterfoil: {program[0]}: {error.strerror}")
        raise SystemExit(CANNOT_RUN) from None

    def forward(number: int, _frame: Any) -> None:
        process.send_signal(number)

    # Ctrl-C reaches the program from the terminal, and it decides what that means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    code = process.wait()
    return code if code >= 0 else 128 - code


def _write(report: Report, settings: config.Profile, folder: Path) -> None:
    """Write the program's receipts, as `counterfoil export` names them."""
    with ExitStack() as stack:
        try:
            journals = Journal.open_all(settings)
        except JournalMissing as error:
            raise NoSuchReceipt(str(error)) from error
        for journal in journals:
            stack.callback(journal.close)
            for first, stop in _spans(report.sealed.get(journal.signer, ())):
                journal.export(folder, first=first, stop=stop)


def _spans(numbers: Any) -> list[tuple[int, int]]:
    """Runs of consecutive numbers, each as its first and the one past its last."""
    spans: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number:
            spans[-1] = (spans[-1][0], number + 1)
        else:
            spans.append((number, number + 1))
    return spans


def _say(
    report: Report, program: tuple[str, ...], receipts: Path | None, out: Output, code: int
) -> None:
    """The report, on standard error: standard output is the program's."""
    shut_out = taking_part.isolated(list(program))
    if out.json:
        data = {
            "exitCode": code,
            "receipts": report.receipts,
            "logs": [
                {"signer": signer, "spans": _spans(numbers)}
                for signer, numbers in report.sealed.items()
            ],
            "folder": None if receipts is None else str(receipts),
            "unsealed": dict(report.unsealed),
            "unobserved": dict(report.unobserved),
            "shutOut": dict(report.children),
            "processes": report.processes,
        }
        out.note(json.dumps(data))
        return
    for signer, numbers in report.sealed.items():
        spans = ", ".join(_span(*span) for span in _spans(numbers))
        where = f"in {receipts}" if receipts else "`counterfoil export FOLDER` writes them"
        out.note(f"counterfoil: {_count(len(numbers), 'receipt')}, {spans} of {signer}; {where}")
    if not report.sealed:
        out.note("counterfoil: no receipts")
    for reason, count in report.unsealed.most_common(SHOWN):
        out.note(f"counterfoil: {_count(count, 'run')} got no receipt: {reason}")
    if len(report.unsealed) > SHOWN:
        out.note(f"counterfoil: and {len(report.unsealed) - SHOWN} reasons more: see --json")
    for reason in report.unobserved:
        out.note(f"counterfoil: onnxruntime ran unseen in {reason}")
    for line in report.children:
        out.note(f"counterfoil: a child was started as `{line}`, which keeps its runs unseen")
    if not report.processes:
        why = f"`{shut_out}` reads no PYTHONPATH" if shut_out else "it is no Python program"
        out.note(f"counterfoil: nothing of the program was seen: {why}")


def _span(first: int, stop: int) -> str:
    return f"number {first}" if stop == first + 1 else f"numbers {first} to {stop - 1}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sample(value: str | None) -> float | int | None:
    if value is None:
        return None
    if re.fullmatch(r"[1-9][0-9]{0,8}", value):
        return int(value)
    if re.fullmatch(r"(0?\.[0-9]{1,17}|1\.0+)", value):
        return float(value)
    raise click.BadParameter("--sample takes a share from 0.0 to 1.0, or N for every N-th run")


def _opened(value: str) -> str | list[str] | None:
    if value == "none":
        return None
    if value in ("all", "inputs", "outputs"):
        return value
    names = [name.strip() for name in value.split(",")]
    if not all(names):
        raise click.BadParameter("--open takes all, inputs, outputs, none, or tensors' names")
    return names
