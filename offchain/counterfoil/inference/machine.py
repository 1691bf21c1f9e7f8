"""The machine as a runtime names it (docs/format.md §5): the ISA that decides which kernels run.

onnxruntime's CPU kernels (MLAS) look at more than the level, so what they look at beyond it
follows, each after a plus: `x86-64-v4+vnni`. Source: onnxruntime, core/mlas/lib/platform.cpp.
"""

from __future__ import annotations

import functools
import importlib
import platform
from collections.abc import Mapping
from pathlib import Path

V2 = frozenset({"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"})
V3 = V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
V4 = V3 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
"""Features of the x86-64 levels, by Linux's names. Source: x86-64 psABI, section 3.1.1."""

_X86_KERNELS: tuple[tuple[str, frozenset[str]], ...] = (
    ("avx", frozenset({"avx"})),
    ("avx2", frozenset({"avx2", "fma"})),
    ("avx512f", frozenset({"avx512f"})),
    ("avx512core", frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl"})),
    ("vnni", frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni"})),
    ("avxvnni", frozenset({"avx2", "avx_vnni"})),
    ("avxvnniint8", frozenset({"avx2", "avx_vnni_int8"})),
    ("neconvert", frozenset({"avx2", "avx_ne_convert"})),
    ("amx", frozenset({"avx512f", "amx_tile", "amx_int8"})),
)
"""What selects a kernel on x86, each with the features that it needs."""

_ARM_KERNELS: tuple[tuple[str, str], ...] = (
    ("fp16", "asimdhp"),
    ("dotprod", "asimddp"),
    ("bf16", "bf16"),
    ("i8mm", "i8mm"),
    ("sve", "sve"),
    ("svei8mm", "svei8mm"),
    ("sme", "sme"),
    ("sme2", "sme2"),
)

_NUMPY_NAMES = {
    "SSE3": "pni", "SSSE3": "ssse3", "SSE41": "sse4_1", "SSE42": "sse4_2", "POPCNT": "popcnt",
    "AVX": "avx", "F16C": "f16c", "FMA3": "fma", "AVX2": "avx2", "AVX512F": "avx512f",
    "AVX512CD": "avx512cd", "AVX512VL": "avx512vl", "AVX512BW": "avx512bw",
    "AVX512DQ": "avx512dq", "AVX512VNNI": "avx512_vnni", "ASIMDHP": "asimdhp",
    "ASIMDDP": "asimddp",
}  # fmt: skip
"""NumPy's names of features to Linux's."""


@functools.cache
def machine() -> str:
    """This machine, such as `x86-64-v3` or `aarch64+fp16+dotprod`."""
    return describe(platform.machine(), features(_kernel_says(), _processor_says()), _sve_bits())


def features(kernel: frozenset[str], processor: Mapping[str, bool]) -> frozenset[str]:
    """Features that a program here can use, by Linux's names.

    Where both know a feature the processor's own word goes first: under an emulator the
    kernel's list is the host's. What only the kernel lists is taken from it.

    Args:
        kernel: from /proc/cpuinfo, empty where there is none.
        processor: from the cpuid instruction, by NumPy's names.
    """
    known = {_NUMPY_NAMES[name]: has for name, has in processor.items() if name in _NUMPY_NAMES}
    found = {f for f in kernel if known.get(f, True)} | {f for f, has in known.items() if has}
    if not kernel:  # no list of the rest: every x86 that has AVX2 and FMA has them
        if {"sse4_2", "popcnt"} <= found:
            found |= V2
        if {"avx2", "fma", "f16c"} <= found:
            found |= V3
    return frozenset(found)


def describe(architecture: str, has: frozenset[str], sve_bits: int | None = None) -> str:
    """The name of a machine with these features.

    Args:
        architecture: as `platform.machine()` gives it.
        has: features, by Linux's names.
        sve_bits: length of SVE's vectors, where it has them: sums depend on it.
    """
    if architecture.lower() in ("x86_64", "amd64"):
        level = next((n for n, need in ((4, V4), (3, V3), (2, V2)) if need <= has), 1)
        implied = {4: V4, 3: V3, 2: V2, 1: frozenset[str]()}[level]
        extra = [n for n, need in _X86_KERNELS if need <= has and not need <= implied]
        return "+".join([f"x86-64-v{level}", *extra])
    if architecture.lower() in ("aarch64", "arm64"):
        names = [
            f"{name}{sve_bits}" if name == "sve" and sve_bits else name
            for name, feature in _ARM_KERNELS
            if feature in has
        ]
        return "+".join(["aarch64", *names])
    return architecture or "unknown"


def _kernel_says() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() in ("flags", "features"):
            return frozenset(value.split())
    return frozenset()


def _processor_says() -> Mapping[str, bool]:
    for module in ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath"):
        try:
            found = importlib.import_module(module).__cpu_features__
        except (ImportError, AttributeError):
            continue
        return dict(found)
    return {}


def _sve_bits() -> int | None:
    try:
        return 8 * int(Path("/proc/sys/abi/sve_default_vector_length").read_text())
    except (OSError, ValueError):
        return None
