"""The page: tables between two marks, written by the command; the words around them by people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import machine
from .rows import Row

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


def table(rows: Sequence[Row]) -> str:
    """A group's rows in Markdown."""
    lines = ["| what | ours | | peer | theirs | ratio | wanted |",
             "|:--|--:|:--|:--|--:|--:|:--|"]  # fmt: skip
    for row in rows:
        wanted = ""
        if row.target is not None:
            sign = "≥" if row.more else "≤"
            wanted = f"{sign} {number(row.target)} {'reached' if row.reached else '**missed**'}"
        ratio = "" if row.ratio is None else f"{number(row.ratio)}×"
        theirs = "" if row.peers is None else number(row.peers)
        peer = row.peer + (f" ({row.note})" if row.note and row.peer else "")
        what = row.what + (f" ({row.note})" if row.note and not row.peer else "")
        lines.append(
            f"| {what} | {number(row.ours)} | {row.unit} | {peer} | {theirs} | {ratio} | {wanted} |"
        )
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def text(found: Sequence[tuple[str, str, Sequence[Row], str]], *, quick: bool) -> str:
    """All tables: of each group its title, its words, its rows, and the load at its end."""
    parts = [*machine.lines()]
    if quick:
        parts.append("A quick run: fewer turns, so more noise.")
    out = ["\n".join(f"- {line}" for line in parts)]
    for title, words, rows, load in found:
        head = f"### {title}"
        told = f"{words} Load at its end: {load}." if words else f"Load at its end: {load}."
        out.append(f"{head}\n\n{told}\n\n{table(rows)}")
    return "\n\n".join(out)


def write(path: Path, inside: str) -> None:
    """Put the tables into the page.

    Raises:
        ValueError: the page has not both marks.
    """
    page = path.read_text()
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has not the marks {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{inside}\n\n{END}{after}")
