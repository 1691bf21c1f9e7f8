"""Commands: one file each, imported only when called."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError, version

import click

COMMANDS = {
    "demo": "The whole way on an embedded chain: run, seal, settle, verify, refuse.",
    "run": "Run a model once; write its outputs and a receipt.",
    "settle": "Post what is sealed, and store where it is included.",
    "verify": "Check receipt files: signed, opened, included, anchored.",
    "show": "Print a receipt file or a batch file.",
    "status": "What this set-up has sealed and settled.",
    "up": "A local node that keeps its state, with the contracts and an open log.",
    "log": "Open, close or revoke a log.",
    "key": "Make a new signing key, and with it a new log.",
    "export": "Write receipts of the journal to files.",
    "backup": "Copy the journal, also while it is in use.",
    "forget": "Delete kept tensors whose time is over.",
    "doctor": "What is wrong with this set-up, and what to do.",
}
"""In the order of the help page. A command `x` is the object `command` of `cli.x`, or `log_`."""

_MODULES = {"log": "log_command"}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{_MODULES.get(name, name)}")
        found: click.Command = module.cli
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


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
