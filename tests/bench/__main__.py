"""`make bench`: our figures beside others', in one run."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from . import machine, page, plot
from .rows import GROUPS, Row, group


def main() -> int:
    """Run the groups, print their tables, and write the page."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer turns: under five minutes")
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=GROUPS, help="some groups")
    parser.add_argument("--write", type=Path, help="write the tables into this page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-state-") as state:
        os.environ["XDG_STATE_HOME"] = state  # leases and marks, not the user's
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    found: list[tuple[str, str, list[Row], str]] = []
    for name in arguments.only:
        title, rows_of = group(name)
        rows: list[Row] = []
        print(f"\n{title}", flush=True)
        for row in rows_of(arguments.quick):
            rows.append(row)
            theirs = "" if row.peers is None else f"{row.peer} {page.number(row.peers)}"
            ratio = "" if row.ratio is None else f"{page.number(row.ratio)}×"
            wanted = {None: "", True: "reached", False: "MISSED"}[row.reached]
            print(f"  {row.what:60} {page.number(row.ours):>9} {row.unit:5} {theirs:48} "
                  f"{ratio:>7} {wanted}", flush=True)  # fmt: skip
        words = " ".join((import_module(f"bench.{name}").__doc__ or "").split("\n\n")[1:])
        found.append((title, " ".join(words.split()), rows, machine.load()))
    if arguments.write is not None:
        page.write(arguments.write, page.text(found, quick=arguments.quick))
        drawn = arguments.write.with_suffix(".svg")
        plot.draw(drawn, [row for _, _, rows, _ in found for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main())
