"""What the bench has: rows of two figures, and the names of its groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of ours beside another's, taken in turns in the same minutes.

    Attributes:
        what: what was done, with its size.
        ours: the figure.
        unit: of both figures.
        more: whether more is better; else less is.
        peer: whose the other figure is; empty: nobody's.
        peers: the other figure; None: `note` says why there is none.
        target: what the project wants of `ours`; None: nothing.
        note: one line.
    """

    what: str
    ours: float
    unit: str
    more: bool = False
    peer: str = ""
    peers: float | None = None
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as good ours is."""
        if not self.peers or not self.ours:
            return None
        return self.ours / self.peers if self.more else self.peers / self.ours

    @property
    def reached(self) -> bool | None:
        """Whether ours is what it should be; None: nothing is wanted of it."""
        if self.target is None:
            return None
        return self.ours >= self.target if self.more else self.ours <= self.target


Group = Callable[[bool], Iterator[Row]]
"""(quick) → rows. A group is a module of this folder with a function `rows` and a docstring."""

GROUPS: Final = (
    "hashing", "trees", "tensors", "sealing", "attesting", "inference", "serving", "parts", "steps",
    "gas",
)  # fmt: skip
"""Modules, in the order of the page. Another group is another name here."""


def group(name: str) -> tuple[str, Group]:
    """A group's title, which is its module's first line, and what makes its rows."""
    module = import_module(f"bench.{name}")
    title = (module.__doc__ or name).strip().splitlines()[0].rstrip(".")
    return title, module.rows
