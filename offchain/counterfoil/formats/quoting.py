"""Words from outside, as one-line messages show them."""

from __future__ import annotations

LONGEST = 80


def quoted(value: object) -> str:
    """`value` in quotes, without line breaks, cut to some 80 characters."""
    if isinstance(value, str | bytes) and len(value) > LONGEST:
        return f"{value[:LONGEST]!r}…"
    return repr(value)
