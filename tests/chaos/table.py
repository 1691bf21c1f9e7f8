"""What a fault did: one row each, on the terminal and in docs/chaos.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault.

    Attributes:
        injected: how many times.
        signed: receipts, those too that no caller got because of a kill.
        lost: receipts that a caller got and that are not in the journal as they were, or do not
            verify against the ledger.
        reused: numbers under which two receipts were signed.
        broken: promises that were not kept.
        note: what else is to be known; the reason where it was skipped.
        skipped: nothing was injected.
    """

    fault: str
    injected: int = 0
    signed: int = 0
    lost: int = 0
    reused: int = 0
    broken: int = 0
    note: str = ""
    skipped: bool = False

    @property
    def good(self) -> bool:
        """Nothing lost, and the fault was really there."""
        return self.skipped or (self.injected > 0 and not (self.lost or self.reused or self.broken))


HEAD = ("fault", "times", "signed", "lost", "reused", "broken", "note")


def _cells(row: Row) -> tuple[str, ...]:
    if row.skipped:
        return (row.fault, "skipped", "", "", "", "", row.note)
    counts = (row.injected, row.signed, row.lost, row.reused, row.broken)
    return (row.fault, *(f"{count:,}" for count in counts), row.note)


def total(rows: Sequence[Row]) -> Row:
    """All rows in one."""
    return Row(
        fault="all",
        **{
            name: sum(getattr(row, name) for row in rows)
            for name in ("injected", "signed", "lost", "reused", "broken")
        },
    )


def text(rows: Sequence[Row]) -> str:
    """For a terminal."""
    cells = [HEAD, *map(_cells, rows), _cells(total(rows))]
    widths = [max(len(c[i]) for c in cells) for i in range(6)]
    return "\n".join(
        "  ".join(
            [c[0].ljust(widths[0]), *(c[i].rjust(widths[i]) for i in range(1, 6)), c[6]]
        ).rstrip()
        for c in cells
    )


def markdown(rows: Sequence[Row]) -> str:
    """For a page."""
    head = ["| " + " | ".join(HEAD) + " |", "|---|--:|--:|--:|--:|--:|---|"]
    body = ["| " + " | ".join(_cells(row)) + " |" for row in [*rows, total(rows)]]
    return "\n".join(head + body)
