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
    """Delete kept tensors whose time is over; never what a fault court may still ask for."""
    span = _span(masters) if masters is not None else None
    with closing(Journal.open(config.load_profile(profile), create=False)) as journal:
        opened = journal.forget_masters(*span) if span is not None else 0
        tensors = journal.forget(everything=everything)
        held = journal.summonable()
    lines = [f"forgotten {tensors} tensors, masters of {opened} receipts"]
    if held:
        lines.append(
            f"kept      the runs of {held} receipts, which can be summoned before the fault court: "
            "`counterfoil settle` lets them go when that time is over"
        )
    out.result({"tensors": tensors, "masters": opened, "summonable": held}, lines)


def _span(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,19}):([0-9]{1,19})", value)
    if found is None or not int(found[1]) < int(found[2]) < 2**63:
        raise click.BadParameter(f"--masters takes FIRST:STOP, as 0:100, not {value!r}")
    return int(found[1]), int(found[2])
