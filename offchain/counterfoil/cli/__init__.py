"""Commands: one file each, imported only when called."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NoReturn

import click

USAGE = 2
"""Exit code: the command line has an argument that is not known or not right, or lacks one."""

INTERRUPTED = 130
"""Exit code: Ctrl-C. Source: shells' 128 + SIGINT."""

COMMANDS = {
    "demo": "The whole way on an embedded chain: run, seal, settle, verify, refuse.",
    "demo-fault": "Five lies about a run, each proved; and an honest operator, accused.",
    "run": "Run a model once; write its outputs and a receipt.",
    "exec": "Run a program; every inference in it gets a receipt.",
    "serve": "Serve models over HTTP; every inference gets a receipt.",
    "map": "Run a data set through a model; a receipt for each row.",
    "settle": "Post what is sealed, and store where it is included.",
    "verify": "Check receipt files: signed, opened, included, anchored.",
    "quantise": "Make an exact program of a model, and say what it costs.",
    "replay": "Run receipts' inferences again: equal, close and why, or different.",
    "show": "Print a receipt file or a batch file.",
    "status": "What this set-up has sealed and settled.",
    "up": "A local node that keeps its state, with the contracts and an open log.",
    "log": "Open, close or revoke a log.",
    "bond": "Bond money for a log: what its broken promises cost.",
    "withdraw": "Take a log's bond back, when its promises are over.",
    "standing": "What a log was caught at, as of a time.",
    "watch": "Complete receipts, check batches, warn, prove broken promises.",
    "prove": "Prove one broken promise by hand.",
    "challenge": "Prove that an exact program's receipt is wrong, to the end.",
    "assert": "Give an exact program's trace unasked, so that a receipt becomes final.",
    "answer": "Give out a demanded path, and take the fee.",
    "audit": "Check a log's whole history again.",
    "key": "Make a new signing key, and with it a new log.",
    "export": "Write receipts of the journal to files.",
    "backup": "Copy the journal, also while it is in use.",
    "migrate": "Make the journal's tables, or bring them forwards.",
    "forget": "Delete kept tensors whose time is over.",
    "doctor": "What is wrong with this set-up, and what to do.",
}
"""In the order of the help page. A command `x` is the object `command` of `cli.x`, or `log_`."""

_MODULES = {"assert": "assert_command", "demo-fault": "demo_fault", "log": "log_command"}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{_MODULES.get(name, name)}")
        found: click.Command = module.cli
        return found

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> NoReturn:
        """Run a command and exit: every error in one line, Ctrl-C in none."""
        given = list(sys.argv[1:] if args is None else args)
        if importlib.util.find_spec("sha3"):  # five times as fast as what eth-hash takes first
            os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
        try:
            code = super().main(given, "counterfoil", standalone_mode=False)
        except click.ClickException as error:
            _complain(error, given)
            code = error.exit_code
        except click.Abort:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _complain(error: click.ClickException, given: list[str]) -> None:
    from .output import complain

    if type(error).__name__ == "NoArgsIsHelpError":  # click's from 8.2 on: a page, no error
        click.echo(error.format_message())
        return
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "counterfoil"
    message = " ".join(error.format_message().split()).rstrip(".")
    complain(f"{message}: see `{path} --help`", "UsageError", as_json="--json" in given)


def _version() -> str:
    try:
        return version("counterfoil")
    except PackageNotFoundError:
        return "unknown"


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every command takes --json. Exit codes are in docs/commands.md.",
)
@click.version_option(_version(), prog_name="counterfoil")
def main() -> None:
    """Receipts for inference, settled on any EVM chain."""
