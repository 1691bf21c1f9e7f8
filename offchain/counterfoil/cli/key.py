"""`counterfoil key`: the journal's signing key."""

from __future__ import annotations

from contextlib import closing

import click

from counterfoil import config
from counterfoil.journal import Journal

from .output import Output, command


@click.group("key")
def cli() -> None:
    """The signing key of this set-up's journal."""


@cli.command("rotate")
@command
def rotate(out: Output, profile: str | None) -> None:
    """Make a new signing key, and with it a new log.

    The old log seals no more; `counterfoil settle` goes on settling it.
    """
    settings = config.load_profile(profile)
    with closing(Journal.open(settings)) as old, closing(old.rotate()) as new:
        out.result(
            {"old": old.signer, "signer": new.signer},
            [
                f"old log   {old.signer}: seals no more, is still settled",
                f"new log   {new.signer}: open it with `counterfoil log open`",
            ],
        )


@cli.command("show")
@command
def show(out: Output, profile: str | None) -> None:
    """The signing key's address."""
    with closing(Journal.open(config.load_profile(profile), create=False)) as journal:
        out.result({"signer": journal.signer, "journal": journal.journal_id}, journal.signer)
