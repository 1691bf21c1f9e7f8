"""`counterfoil backup`: the journal and its keys, copied while in use."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from counterfoil import config
from counterfoil.journal import Journal

from .output import Output, command


@click.command("backup")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@command
def cli(folder: Path, out: Output, profile: str | None) -> None:
    """Copy the journal, also while it is in use.

    A copy settles and exports; it does not seal, as the original may have gone on.
    """
    with (
        closing(Journal.open(config.load_profile(profile), create=False)) as journal,
        out.progress("copying", None),
    ):
        path = journal.backup(folder)
    out.result({"database": str(path)}, f"written   {path}")
