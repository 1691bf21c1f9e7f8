"""Two runs' outputs held against each other: the receipt's and the one done again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadConfig
from counterfoil.formats.dtypes import NAMES, STRING
from counterfoil.formats.tensor import Tensor

ABSOLUTE: Final = 1e-5
RELATIVE: Final = 1e-3
"""Defaults, chosen for float32, whose kernels round differently on other instruction sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a floating-point element may be from the receipt's: absolute + relative · |it|.

    Attributes:
        absolute, relative: finite, not negative.
    Raises:
        BadConfig: negative, infinite or NaN.
    """

    absolute: float = ABSOLUTE
    relative: float = RELATIVE

    def __post_init__(self) -> None:
        for value in (self.absolute, self.relative):
            if not 0 <= value < float("inf"):
                raise BadConfig("a tolerance is finite and not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One output.

    Attributes:
        name: the output's.
        equal: bit for bit, type and shape included.
        close: equal, or floating point with every element within the tolerance.
        unequal: elements that are not equal bit for bit; of `size`.
        worst: the largest absolute difference; None: equal, or nothing to subtract.
        worst_relative: the largest relative one, of elements that are not 0; None as `worst`.
        same_choice: whether the largest element along the last axis is at the same place
            everywhere; None where that says nothing.
        why: what differs, where it is not the numbers.
    """

    name: str
    equal: bool
    close: bool
    size: int = 0
    unequal: int = 0
    worst: float | None = None
    worst_relative: float | None = None
    same_choice: bool | None = None
    why: str = ""


def unlike(claimed: Tensor, dtype: int, shape: tuple[int, ...]) -> Comparison | None:
    """What is said of an output done again that is of another type or shape; None: it is not."""
    name = claimed.name
    if claimed.dtype != dtype:
        why = f"the type is {NAMES[dtype]}, not {NAMES[claimed.dtype]}"
        return Comparison(name=name, equal=False, close=False, why=why)
    if claimed.shape != shape:
        why = f"the shape is {list(shape)}, not {list(claimed.shape)}"
        return Comparison(name=name, equal=False, close=False, why=why)
    return None


def compare(claimed: Tensor, found: Tensor, tolerance: Tolerance) -> Comparison:
    """Hold one output done again against the receipt's."""
    name = claimed.name
    another = unlike(claimed, found.dtype, found.shape)
    if another is not None:
        return another
    one, other = claimed.array(), found.array()
    if claimed.data == found.data:
        return Comparison(name=name, equal=True, close=True, size=one.size)
    if claimed.dtype == STRING or not _is_float(one):
        return Comparison(
            name=name, equal=False, close=False, size=one.size, unequal=_unequal(one, other)
        )
    return _floats(name, one, other, tolerance)


def _is_float(array: NDArray[Any]) -> bool:
    # kind "V" is what NumPy calls bfloat16 and the float8 types of ml_dtypes
    return array.dtype.kind in "fcV"


def _unequal(one: NDArray[Any], other: NDArray[Any]) -> int:
    return int(np.count_nonzero(np.asarray(one != other)))


def _floats(name: str, one: NDArray[Any], other: NDArray[Any], tolerance: Tolerance) -> Comparison:
    kind = np.complex128 if one.dtype.kind == "c" else np.float64
    a, b = one.astype(kind).ravel(), other.astype(kind).ravel()
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        gap = np.abs(a - b)
        limit = tolerance.absolute + tolerance.relative * np.abs(a)
        near = same | ((gap <= limit) & np.isfinite(gap))
        apart = gap[~same]
        finite = apart[np.isfinite(apart)]
        measure = ~same & (a != 0) & np.isfinite(gap)
        relative = gap[measure] / np.abs(a[measure])
    width = one.itemsize
    bits_one = np.frombuffer(one.tobytes(), np.uint8).reshape(-1, width)
    bits_other = np.frombuffer(other.tobytes(), np.uint8).reshape(-1, width)
    return Comparison(
        name=name,
        equal=False,
        close=bool(near.all()),
        size=one.size,
        unequal=int((bits_one != bits_other).any(axis=1).sum()),
        worst=float(finite.max()) if finite.size else None,
        worst_relative=float(relative.max()) if relative.size else None,
        same_choice=_same_choice(one, other),
        why="" if finite.size == apart.size else "an infinity or NaN stands against a number",
    )


def _same_choice(one: NDArray[Any], other: NDArray[Any]) -> bool | None:
    if one.ndim == 0 or one.shape[-1] < 2 or one.size == 0 or one.dtype.kind == "c":
        return None
    a, b = one.astype(np.float64), other.astype(np.float64)
    return bool(np.array_equal(a.argmax(axis=-1), b.argmax(axis=-1)))
