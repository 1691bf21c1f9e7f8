"""Machine code for `lanes`: made by LLVM for this processor, once, and kept on disk.

llvmlite is numba's LLVM without numba: it loads seven times as fast and compiles without
holding the interpreter, which is what lets a program go on meanwhile.

A cache file is named by the digest of all that it follows from and begins with the digest of
what it holds; it is written under another name first, so processes may make it at once. It is
taken only from a folder and file that nobody else may write.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .lanes_ir import assembly

_ARGUMENTS: Final = {"nodes": "ppn", "leaves": "ppn", "chunks": "ppnpn", "rows": "pnnppn",
                     "climb": "pn", "tensor": "ppnpn", "leaf_of": "ppnnnpp"}  # fmt: skip
"""Of each kernel: p a pointer, n a 64-bit number."""

_QUICK: Final = ("leaf_of",)
"""Kernels that are called without giving the interpreter away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernels:
    """The functions of `lanes_ir`, taking addresses.

    Attributes:
        width: messages side by side.
        cached: whether they came from disk.
        leaf_of: does not give the interpreter away, which would take longer than it does.
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
    _engine: Any


def folder() -> Path:
    """Where machine code is kept: the platform's folder for what can be made again."""
    import platformdirs

    return platformdirs.user_cache_path("counterfoil") / "kernels"


def width_for(features: str) -> int:
    """Messages side by side that fit a processor's registers.

    Args:
        features: LLVM's, comma-separated, with + or − before each.
    """
    has = set(features.split(","))
    return 8 if "+avx512f" in has else 4 if "+avx2" in has else 2


def build() -> Kernels:
    """The kernels, from disk where they are.

    Raises:
        ImportError: llvmlite is missing.
        Exception: LLVM cannot do it, or here it would not be right.
    """
    if sys.byteorder != "little":
        raise NotImplementedError("the kernels read words in little-endian order")
    import llvmlite
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    triple = llvm.get_process_triple()
    width = width_for(features)
    source = assembly(width)
    told = (llvmlite.__version__, repr(llvm.llvm_version_info), triple, processor, features, source)
    path = folder() / f"{hashlib.sha256(repr(told).encode()).hexdigest()}.o"
    code = _read(path)
    cached = code is not None
    if code is None:
        code = compiled(source, processor, features)
        _write(path, code)
    return loaded(code, width, cached=cached)


def compiled(source: str, processor: str, features: str) -> bytes:
    """An object file from LLVM assembly."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(source)
    module.verify()
    target = _target(llvm.get_process_triple(), processor, features)
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(3))
    builder.getModulePassManager().run(module, builder)
    code: bytes = target.emit_object(module)
    return code


def loaded(code: bytes, width: int, *, cached: bool) -> Kernels:
    """The kernels of an object file."""
    import llvmlite.binding as llvm

    target = _target(
        llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    )
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kinds = {"p": ctypes.c_void_p, "n": ctypes.c_uint64}
    found = {
        name: (ctypes.PYFUNCTYPE if name in _QUICK else ctypes.CFUNCTYPE)(
            None, *(kinds[k] for k in letters)
        )(engine.get_function_address(name))
        for name, letters in _ARGUMENTS.items()
    }
    return Kernels(width=width, cached=cached, _engine=engine, **found)


def _target(triple: str, processor: str, features: str) -> Any:
    import llvmlite.binding as llvm

    target = llvm.Target.from_triple(triple)
    return target.create_target_machine(cpu=processor, features=features, opt=3, jit=True)


def _read(path: Path) -> bytes | None:
    with suppress(OSError):
        if not (_ours(path.parent) and _ours(path)):
            return None
        raw = path.read_bytes()
        if hashlib.sha256(raw[32:]).digest() == raw[:32]:
            return raw[32:]
    return None


def _write(path: Path, code: bytes) -> None:
    with suppress(OSError):  # read-only, or full: it is made anew the next time
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not _ours(path.parent):
            return
        draft = path.with_name(f"{path.stem}.{os.getpid()}-{secrets.token_hex(4)}.new")
        try:
            with draft.open("xb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            draft.chmod(0o600)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def _ours(path: Path) -> bool:
    found = path.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & 0o022
