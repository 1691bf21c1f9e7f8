"""A job's results, read back row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from counterfoil.errors import BadJob

from . import job, tables
from .tables import OUTPUTS, RECEIPTS, part

T = TypeVar("T")


def receipts(folder: Path) -> Iterator[tables.ReceiptRow]:
    """The receipts of a job that is complete, in the order of rows.

    Raises:
        BadJob: there is no job in the folder, or a file of it is missing.
    """
    yield from _read(folder, RECEIPTS, tables.read_receipts)


def outputs(folder: Path) -> Iterator[tables.OutputRow]:
    """The outputs of a job that is complete, in the order of rows, bit for bit.

    Raises:
        BadJob: as `receipts`.
    """
    yield from _read(folder, OUTPUTS, tables.read_outputs)


def _read(folder: Path, kind: str, reader: Callable[[Path], Iterator[T]]) -> Iterator[T]:
    found = job.load(folder)
    if found is None:
        raise BadJob(f"{folder} holds no job: name the folder of one")
    for block in range(found.blocks):
        yield from reader(part(folder, kind, block))
