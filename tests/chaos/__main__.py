"""`make chaos`: every row, then the table; --write puts it into a page."""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import page
from .processes import Launcher
from .rows import ROWS, run
from .table import Row, text


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=320, help="about so many kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=sorted(ROWS), help="some groups of rows")
    parser.add_argument("--write", type=Path, help="write the table into this page")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)  # so that nodes and mounts end with us
    started, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="counterfoil-chaos-") as folder:
        os.environ["XDG_STATE_HOME"] = folder  # leases and marks, for every process
        launcher = Launcher()
        try:
            for row in run(
                Path(folder),
                launcher,
                random.Random(arguments.seed),
                kills=arguments.kills,
                only=arguments.only,
            ):
                rows.append(row)
                _tell(row, started)
        finally:
            launcher.close()
    took = time.monotonic() - started
    print(text(rows))
    bad = [row for row in rows if not row.good]
    for row in bad:
        print(f"FAILED  {row.fault}: {row.note or 'the fault was not injected'}")
    if arguments.write is not None:
        page.write(arguments.write, rows, took, arguments.seed)
    return 1 if bad else 0


def _end(_signal: int, _frame: object) -> None:
    sys.exit(143)


def _tell(row: Row, started: float) -> None:
    mark = "skipped" if row.skipped else "ok" if row.good else "FAILED"
    at = time.monotonic() - started
    print(f"{at:6.0f} s  {mark:8} {row.fault}  {row.note}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
