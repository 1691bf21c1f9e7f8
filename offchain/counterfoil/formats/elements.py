"""Elements and their bytes (docs/format.md §2): strings, packed types, lengths."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadTensor, BigEndianTensor

from .dtypes import NAMES, PACKED, STRING, WIDTHS
from .quoting import quoted

MAX_DIMENSION = 2**64 - 1
"""Dimensions are `uint64` (docs/format.md §2)."""


def check_length(name: str, dtype: int, shape: Sequence[int], length: int) -> None:
    """Hold a tensor's byte length against its type and shape.

    Raises:
        BadTensor: an unknown type, a dimension outside 0 … 2^64−1, or another length.
    """
    if shape and not (min(shape) >= 0 and max(shape) <= MAX_DIMENSION):
        raise BadTensor(f"tensor {quoted(name)}: a dimension is outside 0 … 2^64−1")
    if dtype == STRING:
        return
    count = math.prod(shape)
    if dtype in WIDTHS:
        expected = count * WIDTHS[dtype]
    elif dtype in PACKED:
        expected = -(-count * PACKED[dtype] // 8)
    else:
        raise BadTensor(f"tensor {quoted(name)}: no element type has the number {dtype}")
    if expected >= 2**64:
        raise BadTensor(f"tensor {quoted(name)}: its shape is too large")
    if length != expected:
        raise BadTensor(
            f"tensor {quoted(name)}: {NAMES[dtype]} of its shape has {expected} bytes, not {length}"
        )


def check_little_endian(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse what onnxruntime would read wrongly without saying so.

    Raises:
        BigEndianTensor: the elements are big-endian.
    """
    little = dtype.newbyteorder("<") if dtype.kind in "biufcU" else dtype
    if dtype.str != little.str:
        raise BigEndianTensor(
            f"tensor {quoted(name)} is big-endian ({dtype.str}): "
            f"convert it with .astype({little.str!r})"
        )


def strings(name: str, array: NDArray[Any]) -> bytes:
    """Bytes of a string tensor: per element its length as u32, little-endian, then UTF-8.

    Raises:
        BadTensor: an element that is no string, has no UTF-8, or that onnxruntime would
            silently read as another string.
    """
    # onnxruntime reads bytes b'x' in an object array as the text "b'x'", fixed-width bytes
    # past their end, and fixed-width text only up to a NUL.
    if array.dtype.kind == "S":
        raise BadTensor(
            f"tensor {quoted(name)}: onnxruntime misreads arrays of bytes: "
            "decode them to an array of str"
        )
    fixed = array.dtype.kind == "U"
    out = []
    for item in array.ravel():
        if not isinstance(item, str):
            raise BadTensor(
                f"tensor {quoted(name)}: an object array may hold str only, "
                f"found {type(item).__name__}"
            )
        if fixed and "\0" in item:
            raise BadTensor(
                f"tensor {quoted(name)}: onnxruntime cuts fixed-width text at a NUL: "
                "convert it with .astype(object)"
            )
        try:
            raw = item.encode()
        except UnicodeEncodeError as error:
            raise BadTensor(f"tensor {quoted(name)}: a string has no UTF-8") from error
        out.append(len(raw).to_bytes(4, "little") + raw)
    return b"".join(out)


def _each_string(name: str, shape: Sequence[int], data: bytes) -> Iterator[str]:
    at = found = 0
    while at < len(data):
        stop = at + 4 + int.from_bytes(data[at : at + 4], "little")
        if at + 4 > len(data) or stop > len(data):
            raise BadTensor(f"tensor {quoted(name)}: its last string is cut off")
        try:
            yield data[at + 4 : stop].decode()
        except UnicodeDecodeError as error:
            raise BadTensor(f"tensor {quoted(name)}: a string is no UTF-8") from error
        at, found = stop, found + 1
    if found != math.prod(shape):
        raise BadTensor(
            f"tensor {quoted(name)}: its bytes hold {found} strings, its shape another number"
        )


def check_strings(name: str, shape: Sequence[int], data: bytes) -> None:
    """Hold a string tensor's bytes against its shape.

    Raises:
        BadTensor: the bytes are not those of so many strings.
    """
    deque(_each_string(name, shape, data), maxlen=0)


def unpack_strings(name: str, shape: Sequence[int], data: bytes) -> NDArray[Any]:
    """The strings of a string tensor's bytes, an object array of `shape`.

    Raises:
        BadTensor: the bytes are not those of so many strings.
    """
    items = list(_each_string(name, shape, data))
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return shaped(name, out, shape)


def pack(array: NDArray[Any], bits: int) -> bytes:
    """Elements of `bits` bits share bytes, the first in the lowest bits."""
    per = 8 // bits
    raw = np.ascontiguousarray(array).view(np.uint8).ravel() & ((1 << bits) - 1)
    padded = np.zeros(-(-raw.size // per) * per, dtype=np.uint8)
    padded[: raw.size] = raw
    out = np.zeros(padded.size // per, dtype=np.uint8)
    for lane in range(per):
        out |= np.left_shift(padded[lane::per], bits * lane).astype(np.uint8)
    return out.tobytes()


def unpack(data: bytes, count: int, bits: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """`count` elements of `bits` bits each, one byte an element as ml_dtypes holds them."""
    per = 8 // bits
    raw = np.frombuffer(data, dtype=np.uint8)
    lanes = [(raw >> (bits * lane)) & ((1 << bits) - 1) for lane in range(per)]
    elements = np.stack(lanes, axis=1).ravel()[:count].astype(np.uint8)
    if dtype.name.startswith("int"):  # sign-extend
        elements = np.where(elements >> (bits - 1), elements | (0xFF << bits & 0xFF), elements)
    packed: NDArray[Any] = elements.astype(np.uint8).view(dtype)
    return packed


def numpy_type(number: int) -> np.dtype[Any]:
    """NumPy's type of an ONNX element type, ml_dtypes' where NumPy has none."""
    name = NAMES[number]
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def shaped(name: str, array: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """`array` in `shape`.

    Raises:
        BadTensor: NumPy has no such array: too many dimensions, or one too long.
    """
    try:
        return array.reshape(tuple(shape))
    except (ValueError, OverflowError) as error:
        raise BadTensor(f"tensor {quoted(name)}: NumPy has no array of its shape") from error
