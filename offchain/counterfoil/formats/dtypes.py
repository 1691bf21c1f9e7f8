"""ONNX element types: their numbers, names and widths.

Source: onnx.proto3, `TensorProto.DataType`.
"""

from __future__ import annotations

from typing import Final

STRING: Final = 8

NUMBERS: Final[dict[str, int]] = {
    "float32": 1,
    "uint8": 2,
    "int8": 3,
    "uint16": 4,
    "int16": 5,
    "int32": 6,
    "int64": 7,
    "string": STRING,
    "bool": 9,
    "float16": 10,
    "float64": 11,
    "uint32": 12,
    "uint64": 13,
    "complex64": 14,
    "complex128": 15,
    "bfloat16": 16,
    "float8_e4m3fn": 17,
    "float8_e4m3fnuz": 18,
    "float8_e5m2": 19,
    "float8_e5m2fnuz": 20,
    "uint4": 21,
    "int4": 22,
    "float4_e2m1fn": 23,
    "float8_e8m0fnu": 24,
    "uint2": 25,
    "int2": 26,
}
"""NumPy's (or ml_dtypes') name of a type to ONNX's number."""

NAMES: Final[dict[int, str]] = {number: name for name, number in NUMBERS.items()}

WIDTHS: Final[dict[int, int]] = {
    1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16,
    16: 2, 17: 1, 18: 1, 19: 1, 20: 1, 24: 1,
}  # fmt: skip
"""Bytes per element, for types that are neither strings nor packed."""

PACKED: Final[dict[int, int]] = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}
"""Bits per element, for types that share bytes; the first element is in the lowest bits."""
