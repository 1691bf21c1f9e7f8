"""Tensors at addresses of the processor's memory."""

from __future__ import annotations

import ctypes
import math
from typing import Any

import numpy as np

from counterfoil.errors import Uncommitted
from counterfoil.formats.dtypes import NUMBERS, STRING, WIDTHS
from counterfoil.formats.tensor import Tensor


def of_memory(name: str, element: Any, shape: tuple[int, ...], address: int) -> Tensor:
    """The tensor that lies at an address of the processor's memory.

    Args:
        element: a NumPy type, or ONNX's number of the element type.
    Raises:
        Uncommitted: strings, or an element type of no known width.
    """
    number = element if isinstance(element, int) else NUMBERS.get(np.dtype(element).name, STRING)
    if number not in WIDTHS:
        raise Uncommitted(f"the memory bound to {name!r} holds strings or packed numbers")
    size = WIDTHS[number] * math.prod(shape)
    data = ctypes.string_at(address, size) if size else b""
    return Tensor(name=name, dtype=number, shape=shape, data=data)
