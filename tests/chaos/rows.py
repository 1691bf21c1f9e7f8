"""The groups of rows, in the order of the table."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from . import clocks, disks, files, rpc_faults, sharing, transactions
from . import kills as killing
from .processes import Launcher
from .table import Row

Group = Callable[[Path, Launcher, random.Random, int], Iterator[Row]]
"""(folder, launcher, chance, kills) → rows, as they are done."""

ROWS: dict[str, Group] = {
    "kills": killing.rows,
    "disks": disks.rows,
    "files": files.rows,
    "rpc": rpc_faults.rows,
    "transactions": transactions.rows,
    "clocks": clocks.rows,
    "sharing": sharing.rows,
}


def run(
    folder: Path,
    launcher: Launcher,
    chance: random.Random,
    *,
    kills: int,
    only: Iterable[str] | None = None,
) -> Iterator[Row]:
    """Every row, or those of some groups."""
    for name in only or ROWS:
        yield from ROWS[name](folder / name, launcher, chance, kills)
