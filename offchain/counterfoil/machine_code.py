"""Machine code for this processor, made by LLVM from its assembly, once, and kept on disk.

llvmlite is numba's LLVM without numba: it loads seven times as fast and compiles without
holding the interpreter, which is what lets a program go on meanwhile.

A cache file is named by the digest of all that it follows from and begins with the digest of
what it holds; it is written under another name first, so processes may make it at once. It is
taken only from a folder and file that nobody else may write.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What LLVM compiles for.

    Attributes:
        features: LLVM's, comma-separated, with + or − before each.
    """

    triple: str
    processor: str
    features: str


def folder() -> Path:
    """Where machine code is kept: the platform's folder for what can be made again."""
    import platformdirs

    return platformdirs.user_cache_path("counterfoil") / "kernels"


def host() -> Host:
    """This machine.

    Raises:
        ImportError: llvmlite is missing.
        NotImplementedError: the kernels would not be right here.
    """
    if sys.byteorder != "little":
        raise NotImplementedError("the kernels read words in little-endian order")
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return Host(
        triple=llvm.get_process_triple(),
        processor=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
    )


def object_file(source: str, where: Host) -> tuple[bytes, bool]:
    """The object file of LLVM assembly, from disk where it is.

    Returns:
        The file, and whether it came from disk.
    """
    import llvmlite
    import llvmlite.binding as llvm

    told = (llvmlite.__version__, repr(llvm.llvm_version_info), where.triple, where.processor,
            where.features, source)  # fmt: skip
    path = folder() / f"{hashlib.sha256(repr(told).encode()).hexdigest()}.o"
    code = _read(path)
    if code is not None:
        return code, True
    code = compiled(source, where.processor, where.features)
    _write(path, code)
    return code, False


def compiled(source: str, processor: str, features: str) -> bytes:
    """An object file from LLVM assembly."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly(source)
    module.verify()
    target = _target(processor, features)
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(3))
    builder.getModulePassManager().run(module, builder)
    code: bytes = target.emit_object(module)
    return code


def engine(code: bytes) -> Any:
    """What an object file's functions live in: `get_function_address`."""
    import llvmlite.binding as llvm

    target = _target(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    made = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    made.add_object_file(llvm.ObjectFileRef.from_data(code))
    made.finalize_object()
    return made


def _target(processor: str, features: str) -> Any:
    import llvmlite.binding as llvm

    target = llvm.Target.from_triple(llvm.get_process_triple())
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


class Maker(Generic[Made]):
    """What takes LLVM a while, made once and in a thread of its own.

    Args:
        make: makes it and proves it; whatever it raises, there is none in this process.
        name: of the thread.
    """

    def __init__(self, make: Callable[[], Made], name: str) -> None:
        self._make, self._name = make, name
        self._made: Made | None = None
        self._failed = False
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        os.register_at_fork(before=self._before_fork, after_in_child=self._after_fork)

    def now(self) -> Made | None:
        """It; None: not there, or not yet, and begun."""
        if self._made is None and not self._failed and self._thread is None:
            self._begin()
        return self._made

    def wait(self, seconds: float = 60.0) -> Made | None:
        """It, however long it takes up to `seconds`; None: it cannot be made here."""
        if self.now() is None and self._thread is not None:
            self._thread.join(seconds)
        return self._made

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                # No daemon: LLVM must not be at work while the process takes it down.
                thread = threading.Thread(target=self._work, name=self._name)
                with suppress(RuntimeError):  # the interpreter ends, or has no thread left
                    thread.start()
                    self._thread = thread

    def _work(self) -> None:
        try:
            self._made = self._make()
        except Exception:
            self._failed = True  # there is a plain way for all that is made here

    def _before_fork(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(2.0)  # LLVM's lock must not be held for ever in the child

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        if self._made is None and self._thread is not None:
            self._failed = True  # a child has none of its parent's threads
