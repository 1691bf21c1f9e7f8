"""docs/chaos.md: the table of one full run, with its date and machine."""

from __future__ import annotations

import datetime
import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path

from counterfoil.cli.local_node import find_anvil

from .table import Row, markdown, total

TEXT = """\
# Chaos

What the program does under faults, measured. `make chaos` wrote this page; it takes about {took}
minutes. CI runs 40 of the kills at each change (`tests/chaos/test_chaos.py`).

Real processes, a real SQLite file, a real anvil on loopback: a process that seals through the
journal, `counterfoil settle --watch`, and a holder outside both, who keeps every receipt that a
caller got. After each fault, of the kills after each kill, all is settled, and every receipt is
held against the journal and verified against the ledger: one of each batch with all steps of
[format.md](format.md) §11, the others against the root that the ledger was found to have.

- **times**: how often the fault was there; for RPCs and fsync, spoilt answers and failed calls.
- **signed**: receipts, those too whose caller was killed before it got them.
- **lost**: receipts that a caller got and that are not in the journal as they were, or do not
  verify.
- **reused**: numbers under which two different receipts were signed.
- **broken**: receipts posted after their `settleBy`.

{result} Promises are of 120 s unless the row says otherwise, journals at `full`.

{table}

Run of {date} on {machine}. Seed {seed}. Sealing and settling processes are forked from one that
has loaded the program; those under a shim, in another boot or under another clock are started
from nothing. fsync errors, clocks and what was not fsynced are feigned by a library that is loaded
before the program's (`tests/chaos/shim.c`), boots by another boot id in a mount namespace.

## What it does not show

- A journal deleted with no process left that has it open, and no backup: receipts that were not
  settled are lost to their holders, whose files stay signed and never become anchored.
- A chain halted, or censoring, for longer than a promise.
- An image of a whole machine, started twice: inode and mark are the same, and no lease reaches
  from one machine to another. Rotate the key of one of the two.
- A disk that says that it has written what it has not.

## What the program does about promises

The settler cuts a batch when a third of its earliest promise's time is gone. At half it says
*danger*: in its log, in `counterfoil status`, and both end with exit code 5. Its tries come closer
together as the promise nears. With less than a quarter left the sealer makes no more promises:
callers get `PromiseInDanger`, or an unsealed output where they chose that, and sealing resumes by
itself once the batch is posted. While no chain is in reach for 15 minutes receipts promise nothing,
and are sealed whatever became of earlier promises.
"""


def write(path: Path, rows: Sequence[Row], took: float, seed: int) -> None:
    """Write the page anew.

    Args:
        took: seconds.
    """
    whole = total(rows)
    bad = [row.fault for row in rows if not row.good]
    if whole.lost or whole.reused or whole.broken:
        result = f"**Not all is well: {'; '.join(bad)}.**"
    else:
        result = (
            f"In {whole.injected:,} faults and {whole.signed:,} receipts, none was lost, no number "
            "was used twice, and no promise was broken."
        )
    path.write_text(
        TEXT.format(
            took=max(1, round(took / 60)),
            result=result,
            table=markdown(rows),
            date=datetime.datetime.now(datetime.UTC).date(),
            machine=machine(),
            seed=seed,
        ),
        encoding="utf-8",
    )


def machine() -> str:
    """What the figures were measured on."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"model name\s*: (.*)", text)
        processor = found[1] if found else platform.processor()
    except OSError:
        processor = platform.processor()
    anvil = subprocess.run([find_anvil(), "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\d+\.\d+\.\d+", anvil.stdout)
    return (
        f"{os.cpu_count()} × {processor}, {platform.system()}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, anvil {version[0] if version else 'unknown'}"
    )
