"""`counterfoil forget`: kept tensors, and masters where that is asked."""

from __future__ import annotations

import re
from contextlib import closing

import click

from counterfoil import config
from counterfoil.journal import Journal

from .output import Output, command


@click.command("forget")
@click.option("--all", "everything", is_flag=True, help="All kept tensors, not only the expired.")
@click.option(
    "--masters",
    metavar="FIRST:STOP",
    help="Also forget these receipts' masters: nobody can open them any more.",
)
@command
def cli(everything: bool, masters: str | None, out: Output, profile: str | None) -> None:
    """Delete kept tensors whose time is over."""
    span = _span(masters) if masters is not None else None
    with closing(Journal.open(config.load_profile(profile), create=False)) as journal:
        tensors = journal.forget(everything=everything)
        opened = journal.forget_masters(*span) if span is not None else 0
    out.result(
        {"tensors": tensors, "masters": opened},
        f"forgotten {tensors} tensors, masters of {opened} receipts",
    )


def _span(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,19}):([0-9]{1,19})", value)
    if found is None or not int(found[1]) < int(found[2]) < 2**63:
        raise click.BadParameter(f"--masters takes FIRST:STOP, as 0:100, not {value!r}")
    return int(found[1]), int(found[2])
