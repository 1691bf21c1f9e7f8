"""`counterfoil migrate`: the journal's tables, made or brought forwards."""

from __future__ import annotations

import click

from counterfoil import config
from counterfoil.journal import Journal

from .output import Output, command


@click.command("migrate")
@command
def cli(out: Output, profile: str | None) -> None:
    """Make the journal's tables, or bring them forwards to this version.

    Any command does so by itself where it may. In PostgreSQL this is for the tables' owner, who
    has rights that programs do not need. It makes no key and begins no log.
    """
    before, after = Journal.prepare(config.load_profile(profile))
    said = "made" if before is None else "as they were" if before == after else "brought forwards"
    out.result({"before": before, "after": after}, f"schema    {after}, tables {said}")
