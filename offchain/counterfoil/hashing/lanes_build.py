"""The kernels of `lanes_ir` as functions."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Final

from counterfoil import machine_code

from .lanes_ir import assembly

_ARGUMENTS: Final = {"nodes": "ppn", "leaves": "ppn", "chunks": "ppnpn", "rows": "pnnppn",
                     "climb": "pn", "tensor": "ppnpn", "leaf_of": "pnppp",
                     "set_of": "pnppp"}  # fmt: skip
"""Of each kernel: p a pointer, n a 64-bit number."""

_QUICK: Final = ("leaf_of", "set_of")
"""Kernels that are called without giving the interpreter away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """The functions of `lanes_ir`, taking addresses.

    Attributes:
        width: messages side by side.
        cached: whether they came from disk.
        leaf_of, set_of: do not give the interpreter away, which would take longer than they do.
    """

    width: int
    cached: bool
    nodes: Any
    leaves: Any
    chunks: Any
    rows: Any
    climb: Any
    tensor: Any
    leaf_of: Any
    set_of: Any
    _engine: Any


def width_for(features: str) -> int:
    """Messages side by side that fit a processor's registers.

    Args:
        features: LLVM's, comma-separated, with + or − before each.
    """
    has = set(features.split(","))
    return 8 if "+avx512f" in has else 4 if "+avx2" in has else 2


def build(narrow: int | None = None) -> Kernels:
    """The kernels, from disk where they are.

    Args:
        narrow: as of `lanes_ir.assembly`.
    Raises:
        ImportError: llvmlite is missing.
        Exception: LLVM cannot do it, or here it would not be right.
    """
    where = machine_code.host()
    width = width_for(where.features)
    code, cached = machine_code.object_file(assembly(width, narrow), where)
    return loaded(code, width, cached=cached)


def loaded(code: bytes, width: int, *, cached: bool) -> Kernels:
    """The kernels of an object file."""
    engine = machine_code.engine(code)
    kinds = {"p": ctypes.c_void_p, "n": ctypes.c_uint64}
    found = {
        name: (ctypes.PYFUNCTYPE if name in _QUICK else ctypes.CFUNCTYPE)(
            None, *(kinds[k] for k in letters)
        )(engine.get_function_address(name))
        for name, letters in _ARGUMENTS.items()
    }
    return Kernels(width=width, cached=cached, _engine=engine, **found)
