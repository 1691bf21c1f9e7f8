"""From a row's values to what a model is fed: which column, which type, which shape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadColumns, BadRow
from counterfoil.formats.dtypes import NAMES, STRING


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of the model, and the column that it is fed from.

    Attributes:
        dtype: ONNX `TensorProto.DataType`.
        shape: dimensions, −1 where the model leaves one open; () is any shape.
    """

    name: str
    column: str
    dtype: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Raw:
    """A file's bytes, to be read as the input's elements."""

    data: bytes


def resolve(
    inputs: Iterable[Any], columns: Sequence[str], given: Mapping[str, str]
) -> tuple[Input, ...]:
    """Which column each input is fed from: the one named, else the one of its name.

    A model's only input takes a data set's only column, whatever they are called.

    Args:
        inputs: as the model declares them, with `name`, `dtype`, `kind` and `shape`.
        columns: of the data set.
        given: input to column.
    Raises:
        BadColumns: an input without a column, a name that is not there, or a type of input
            that a data set cannot hold.
    """
    declared = list(inputs)
    known = {one.name for one in declared}
    for name, column in given.items():
        if name not in known:
            raise BadColumns(f"the model has no input {name!r}, it has {_list(known)}")
        if column not in columns:
            raise BadColumns(f"the data has no column {column!r}, it has {_list(columns)}")
    found = []
    for one in declared:
        alone = len(declared) == 1 and len(columns) == 1
        column = given.get(one.name) or (columns[0] if alone else one.name)
        if column not in columns:
            raise BadColumns(
                f"no column for the input {one.name!r}: give --column {one.name}=…, "
                f"the data has {_list(columns)}"
            )
        if one.dtype is None or (one.dtype != STRING and not _plain(one.dtype)):
            raise BadColumns(
                f"the input {one.name!r} is a {one.kind}, which is not fed from a data set: "
                "tensors of numbers, booleans and strings are"
            )
        found.append(Input(name=one.name, column=column, dtype=one.dtype, shape=one.shape))
    return tuple(found)


def _plain(dtype: int) -> bool:
    try:
        return np.dtype(NAMES[dtype]).kind in "biufc"
    except TypeError:
        return False


def _list(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:12]) + (", …" if len(shown) > 12 else "") if shown else "none"


def feed(values: Mapping[str, Any], inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    """A row's arrays by the names of inputs.

    Raises:
        BadRow: a value is missing, or fits its input neither in type nor in shape.
    """
    made = {}
    for one in inputs:
        value = values.get(one.column)
        if value is None:
            raise BadRow(f"the column {one.column!r} has no value")
        array = _strings(value, one) if one.dtype == STRING else _numbers(value, one)
        made[one.name] = _shaped(array, one)
    return made


def _numbers(value: Any, one: Input) -> NDArray[Any]:
    target = np.dtype(NAMES[one.dtype])
    if isinstance(value, Raw):
        if len(value.data) % target.itemsize:
            raise BadRow(f"{len(value.data)} bytes are no whole number of {target}")
        return np.frombuffer(value.data, dtype=target)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadRow(f"the column {one.column!r} holds lists of uneven lengths") from error
    if isinstance(value, list) and array.dtype.kind == "f" and not _whole(value, array):
        raise BadRow(f"an integer of the column {one.column!r} is too large for its list's floats")
    if array.dtype == target:
        return array
    if array.size == 0 and array.dtype.kind == "f":  # an empty list of no type
        return array.astype(target)
    if array.dtype.kind not in "biufc" or (array.dtype.kind == "b") != (target.kind == "b"):
        raise BadRow(f"the column {one.column!r} holds {array.dtype}, the input takes {target}")
    with np.errstate(over="ignore", invalid="ignore"):
        made = array.astype(target)
    if not _same(array, made):
        raise BadRow(f"a value of the column {one.column!r} does not fit {target}")
    return made


def _whole(value: list[Any], array: NDArray[Any]) -> bool:
    """Whether no integer changed when NumPy made floats of a list that holds some."""
    if not array.size or np.abs(array).max() < 2**53:
        return True
    given = np.array(value, dtype=object)
    return all(int(a) == v for a, v in zip(array.flat, given.flat, strict=True) if type(v) is int)


def _same(array: NDArray[Any], made: NDArray[Any]) -> bool:
    """Whether no integer changed and no number became infinite; floats may be rounded."""
    if array.dtype.kind in "iu":
        if made.dtype.kind in "iu":
            return bool((array == made).all())
        if not np.isfinite(made).all():
            return False
        if array.size == 0 or max(abs(int(array.min())), int(array.max())) <= 2 ** (
            np.finfo(made.dtype).nmant + 1
        ):
            return True  # below, each integer is a float of its own
        # Exactly, in Python's integers: 2^53 + 1 compared as a float would pass.
        return all(int(a) == int(m.real) for a, m in zip(array.flat, made.flat, strict=True))
    if made.dtype.kind in "iu" or (array.dtype.kind == "c" and made.dtype.kind != "c"):
        return False
    return bool((np.isfinite(made) | ~np.isfinite(array)).all())


def _strings(value: Any, one: Input) -> NDArray[Any]:
    if isinstance(value, Raw):
        raise BadRow("raw bytes are no strings: use --decode text")
    array = np.array(value, dtype=object)
    if not all(type(item) is str for item in array.flat):
        raise BadRow(f"the column {one.column!r} holds other than strings")
    return array


def _shaped(array: NDArray[Any], one: Input) -> NDArray[Any]:
    """The array in the input's shape, with a first dimension of 1 where the model wants rows."""
    wanted = one.shape
    if not wanted or _fits(array.shape, wanted):
        return array
    if wanted[0] in (-1, 1):
        if _fits(array.shape, wanted[1:]):
            return array.reshape(1, *array.shape)
        if array.ndim <= 1 and -1 not in wanted[1:] and array.size == math.prod(wanted[1:]):
            return array.reshape(1, *wanted[1:])
    elif array.ndim <= 1 and -1 not in wanted and array.size == math.prod(wanted):
        return array.reshape(wanted)
    raise BadRow(
        f"the column {one.column!r} holds {list(array.shape)}, the input {one.name!r} takes "
        f"{[n if n >= 0 else '?' for n in wanted]}"
    )


def _fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(shape) == len(wanted) and all(
        w in (-1, n) for n, w in zip(shape, wanted, strict=True)
    )


__all__ = ["Input", "Raw", "feed", "resolve"]
