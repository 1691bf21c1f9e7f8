"""docs/chaos.md: the table of one full run, with its date and machine."""

from pathlib import Path


def write(path: Path, rows, took, seed): ...
