"""`counterfoil export`: receipts of the journal as files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from counterfoil import config
from counterfoil.journal import Journal

from .output import Output, command


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--first", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--stop", type=click.IntRange(min=0), help="Before this number.  [default: all]")
@click.option("--no-openings", is_flag=True, help="Leave kept tensors out.")
@command
def cli(
    folder: Path,
    first: int,
    stop: int | None,
    no_openings: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Write receipts of the journal to files, with their inclusion where settled."""
    with closing(Journal.open(config.load_profile(profile), create=False)) as journal:
        last = journal.next_sequence() if stop is None else stop
        with out.progress("writing", max(0, last - first)) as step:
            count = journal.export(
                folder,
                first=first,
                stop=last,
                openings=not no_openings,
                progress=lambda _written: step(),
            )
    out.result({"written": count, "folder": str(folder)}, f"written   {count} files in {folder}")
