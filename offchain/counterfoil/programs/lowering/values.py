"""What a tensor of the float graph is while it is lowered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.programs.builder import Block

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantised:
    """Bytes in the trace that stand for scale · (byte − zero).

    Attributes:
        rows, columns: where each element is, of the tensor's own shape.
        block: the block whose elements these are, all of them; None: from several, or a part.
    """

    scale: np.float32
    zero: int
    rows: Ints
    columns: Ints
    block: Block | None

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's."""
        return self.rows.shape

    def values(self) -> NDArray[np.float64]:
        """What each byte stands for, shape (256,)."""
        return (np.arange(256) - self.zero) * np.float64(self.scale)

    def moved(self, rows: Ints, columns: Ints) -> Quantised:
        """The same bytes, or some of them, in another order."""
        block = self.block if rows.size == self.rows.size else None
        return replace(self, rows=rows, columns=columns, block=block)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lazy:
    """A function of one byte, or of two, not yet a row of the trace.

    Attributes:
        sources: one or two, which broadcast to `shape`.
        values: the function, shape (256,) or (256, 256), the first source's byte first.
    """

    sources: tuple[Quantised, ...]
    values: NDArray[np.float64]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """A float input that was not asked for yet."""

    name: str
    block: Block
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Whole numbers of 4 or 8 bytes in C order: an index input, an arg-max."""

    block: Block
    shape: tuple[int, ...]
    dtype: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Missing:
    """What could not be lowered, or stands behind such."""

    reason: str


Value = Quantised | Lazy | Given | Numbers | Missing | NDArray[Any]
"""An array is a constant of the graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One operator of the model, and what became of it.

    Attributes:
        node: its name, or its first output's.
        became: program operators, or empty.
        reason: why it could not be lowered; empty: it could.
    """

    node: str
    operator: str
    became: str = ""
    reason: str = ""
