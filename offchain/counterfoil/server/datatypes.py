"""The protocol's data types, and tensors in its JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from counterfoil.errors import BadTensor, RequestRefused
from counterfoil.formats.dtypes import NUMBERS, STRING
from counterfoil.formats.elements import check_strings, numpy_type
from counterfoil.formats.quoting import quoted
from counterfoil.formats.tensor import Tensor

BYTES: Final = "BYTES"

DATATYPES: Final[dict[str, int]] = {
    "BOOL": NUMBERS["bool"],
    "UINT8": NUMBERS["uint8"],
    "UINT16": NUMBERS["uint16"],
    "UINT32": NUMBERS["uint32"],
    "UINT64": NUMBERS["uint64"],
    "INT8": NUMBERS["int8"],
    "INT16": NUMBERS["int16"],
    "INT32": NUMBERS["int32"],
    "INT64": NUMBERS["int64"],
    "FP16": NUMBERS["float16"],
    "FP32": NUMBERS["float32"],
    "FP64": NUMBERS["float64"],
    "BF16": NUMBERS["bfloat16"],
    BYTES: STRING,
}
"""The protocol's name to ONNX's number. Source: Open Inference Protocol v2; BF16: Triton."""

NAMES: Final[dict[int, str]] = {number: name for name, number in DATATYPES.items()}

BINARY_ONLY: Final = frozenset({"FP16", "BF16"})
"""Types that JSON has no form for."""


def from_binary(name: str, datatype: str, shape: tuple[int, ...], data: bytes) -> Tensor:
    """An input from the bytes behind the JSON, which are those of docs/format.md §2.

    Raises:
        RequestRefused: they are not those of the type and shape.
    """
    try:
        tensor = Tensor(name=name, dtype=DATATYPES[datatype], shape=shape, data=data)
        if datatype == BYTES:
            check_strings(name, shape, data)
    except BadTensor as error:
        raise RequestRefused(400, str(error)) from error
    if datatype == "BOOL" and data and max(data) > 1:
        raise _refused(name, "a BOOL is a byte of 0 or 1")
    return tensor


def from_json(name: str, datatype: str, shape: tuple[int, ...], data: Sequence[Any]) -> Tensor:
    """An input from JSON values, flat or nested as its shape.

    Raises:
        RequestRefused: too few, too many, or not of the type.
    """
    if datatype in BINARY_ONLY:
        raise _refused(name, f"JSON has no form for {datatype}: send it as binary data")
    flat = _flat(name, shape, data)
    if datatype == BYTES:
        if set(map(type, flat)) - {str}:
            raise _refused(name, "the elements of BYTES are strings")
        array = np.empty(len(flat), dtype=object)
        array[:] = flat
        return Tensor.of(name, array.reshape(shape))
    dtype = numpy_type(DATATYPES[datatype])
    try:
        made = _numbers(name, datatype, dtype, flat)
    except OverflowError:
        raise _refused(name, f"a number is past what {datatype} holds") from None
    return Tensor(name=name, dtype=DATATYPES[datatype], shape=shape, data=made.tobytes())


def _numbers(name: str, datatype: str, dtype: np.dtype[Any], flat: Sequence[Any]) -> Any:
    kinds = set(map(type, flat))
    if datatype == "BOOL":
        if kinds - {bool}:
            raise _refused(name, "the elements of BOOL are true and false")
        return np.array(flat, dtype=dtype)
    if dtype.kind in "iu":
        if kinds - {int}:
            raise _refused(name, f"the elements of {datatype} are whole numbers")
        bounds = np.iinfo(dtype)
        if flat and not bounds.min <= min(flat) <= max(flat) <= bounds.max:
            raise _refused(name, f"a number is past what {datatype} holds")
        return np.array(flat, dtype=dtype)
    if kinds - {int, float}:
        raise _refused(name, f"the elements of {datatype} are numbers")
    wide = np.array(flat, dtype=np.float64)
    with np.errstate(over="ignore"):
        made = wide.astype(dtype)
    if np.isinf(made).sum() != np.isinf(wide).sum():
        raise _refused(name, f"a number is past what {datatype} holds")
    return made


def _flat(name: str, shape: tuple[int, ...], data: Sequence[Any]) -> Sequence[Any]:
    if data and isinstance(data[0], list):
        for depth, dimension in enumerate(shape):
            if len(data) != math.prod(shape[: depth + 1]):
                raise _refused(name, f"its data is not nested as its shape {list(shape)}")
            if depth == len(shape) - 1:
                break
            below = shape[depth + 1]
            if any(type(part) is not list or len(part) != below for part in data):
                raise _refused(name, f"its data is not nested as its shape {list(shape)}")
            if dimension:
                data = list(chain.from_iterable(data))
    count = math.prod(shape)
    if len(data) != count:
        raise _refused(name, f"its shape has {count} elements, its data {len(data)}")
    return data


def to_json(tensor: Tensor) -> list[Any]:
    """An output's elements, flat."""
    values: list[Any] = tensor.array().ravel().tolist()
    return values


def _refused(name: str, why: str) -> RequestRefused:
    return RequestRefused(400, f"input {quoted(name)}: {why}")
