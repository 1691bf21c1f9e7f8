"""The kernels of `kernels` as functions, made in a thread of their own, and proven before use."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from counterfoil import machine_code

from .fields import FIELDS
from .kernels import assembly


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """Machine code of this processor.

    Attributes:
        cached: whether it came from disk.
        address: of each kernel.
        run: a list of kernels with their numbers; it gives the interpreter away.
    """

    cached: bool
    address: Mapping[str, int]
    run: Any
    _engine: Any


def build() -> Kernels:
    """The kernels, from disk where they are.

    Raises:
        ImportError: llvmlite is missing.
        Exception: LLVM cannot do it, or here it would not be right.
    """
    code, cached = machine_code.object_file(assembly(), machine_code.host())
    return loaded(code, cached=cached)


def loaded(code: bytes, *, cached: bool) -> Kernels:
    """The kernels of an object file."""
    engine = machine_code.engine(code)
    letters = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64)
    return Kernels(
        cached=cached,
        address={name: engine.get_function_address(name) for name in FIELDS},
        run=ctypes.CFUNCTYPE(None, *letters)(engine.get_function_address("run")),
        _engine=engine,
    )
