"""How commands speak: a few lines for people, one JSON object for programs, one line for errors."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from counterfoil.config import Profile
from counterfoil.errors import BadRpcAddress, Bug, CounterfoilError, SystemRefused

NO_READER = 141
"""Exit code: who read the output went away. Source: shells' 128 + SIGPIPE."""

DEBUG = "COUNTERFOIL_DEBUG"
"""Variable: let an error that nobody foresaw through, with its traceback."""

_stdout = functools.partial(Console, highlight=False, soft_wrap=True)


def plain(value: Any) -> Any:
    """A value as JSON holds it: bytes as 0x-hex, integers past 2^53−1 as strings."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    return value


def short(value: bytes | str) -> str:
    """A digest or address with its middle left out."""
    text = "0x" + value.hex() if isinstance(value, bytes) else value
    return f"{text[:10]}…{text[-6:]}" if len(text) > 20 else text


def when(seconds: int) -> str:
    """Unix seconds as a UTC time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"


def folded(text: str) -> str:
    """Lines that fit the terminal, folded under their text; as they are where there is none."""
    if not sys.stdout.isatty():
        return text
    width = max(40, shutil.get_terminal_size().columns)
    return "\n".join(_fold(line, width) for line in text.split("\n"))


def _fold(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    label = re.match(r" *\S+ {2,}(?:\S+ {2,})?| *", line)
    start = 0 if label is None else label.end()
    hanging = " " * (start if line[:start].strip() else start + 2)
    return textwrap.fill(
        line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


class Output:
    """Where a command's result goes.

    Attributes:
        json: one JSON object on standard output instead of lines.
    """

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.console = _stdout()
        self.notes = _stdout(stderr=True)

    def result(self, data: Mapping[str, Any], lines: Sequence[str] | str = ()) -> None:
        """Print a command's result, once."""
        if self.json:
            click.echo(json.dumps(plain(data), indent=1))
            return
        for line in [lines] if isinstance(lines, str) else lines:
            click.echo(folded(line))

    def event(self, data: Mapping[str, Any], line: str) -> None:
        """Print one of many results as it happens: a line, or a line of JSON."""
        click.echo(json.dumps(plain(data)) if self.json else folded(line))

    def say(self, line: str) -> None:
        """A line for people, on standard output; nothing under --json."""
        if not self.json:
            click.echo(folded(line))

    def note(self, line: str) -> None:
        """A line beside the result, on standard error."""
        click.echo(line, err=True)

    def table(self, title: str, rows: Sequence[tuple[str, ...]], head: Sequence[str]) -> None:
        """A table that folds to the terminal's width; nothing under --json."""
        if self.json:
            return
        table = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
        for index, name in enumerate(head):
            table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        Console(highlight=False).print(table)

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[..., None]]:
        """A progress bar on standard error, where that is a terminal; yields the step.

        Standard output stays as it is: print to it before or after, not meanwhile.

        Args:
            total: steps, None: not known.
        """
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        hidden = self.json or total in (0, 1) or not sys.stderr.isatty()
        with Progress(
            *columns, console=self.notes, transient=True, disable=hidden, redirect_stdout=False
        ) as bar:
            task = bar.add_task(label, total=total)
            yield lambda steps=1: bar.advance(task, steps)


def shown_rpc(profile: Profile) -> str | None:
    """A profile's RPC as output may show it: the host, since paths and queries hold keys."""
    if profile.rpc is None:
        return None
    from counterfoil.chain.transport import host_of  # takes web3 along

    try:
        return host_of(profile.rpc)
    except BadRpcAddress:
        return "no URL"


def file_argument(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """A callback for arguments that name files: `-` is none.

    Raises:
        click.BadParameter: standard input is asked for.
    """
    if "-" in map(str, value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("standard input is not read, name a file")
    return value


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--json` and `--profile`, and turn our errors into one line and an exit code.

    The function gets `out: Output` and `profile: str | None` as keywords.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--profile", envvar="COUNTERFOIL_PROFILE", help="The profile to use.")
    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, **kwargs: Any) -> Any:
        out = Output(json=as_json)
        try:
            return function(*args, out=out, **kwargs)
        except CounterfoilError as error:
            fail(out, error)
        except BrokenPipeError:
            # What is left in the buffer goes nowhere, so that the interpreter's end is quiet.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(NO_READER) from None
        except OSError as error:
            fail(out, _refused(error))
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if os.environ.get(DEBUG):
                raise
            # Its text may hold anything, so only its class is shown.
            fail(out, Bug(f"{type(error).__name__}: this is a bug, set {DEBUG}=1 to see where"))

    return wrapped


def _refused(error: OSError) -> SystemRefused:
    """The system's own error, with the file that it is about."""
    what = f"{error.filename}: " if error.filename else ""
    return SystemRefused(f"{what}{error.strerror or error}: mend that and run the command again")


def fail(out: Output, error: CounterfoilError) -> None:
    """Print an error in one line and exit with its code."""
    message = " ".join(str(error).split()) or type(error).__doc__ or type(error).__name__
    complain(message, type(error).__name__, as_json=out.json)
    raise SystemExit(error.exit_code)


def complain(message: str, kind: str, *, as_json: bool) -> None:
    """One line on standard error, or one JSON object on standard output."""
    if as_json:
        click.echo(json.dumps({"error": {"class": kind, "message": message}}))
    else:
        click.echo(f"counterfoil: {message}", err=True)
