"""Names of machines."""

from __future__ import annotations

import re

import pytest
from counterfoil.inference.machine import V2, V3, V4, describe, features, machine

VNNI = V4 | {"avx512_vnni"}


@pytest.mark.parametrize(
    ("has", "name"),
    [
        (frozenset(), "x86-64-v1"),
        (V2, "x86-64-v2"),
        (V2 | {"avx"}, "x86-64-v2+avx"),
        (V3, "x86-64-v3"),
        (V3 - {"bmi2"}, "x86-64-v2+avx+avx2"),
        (V3 | {"avx_vnni"}, "x86-64-v3+avxvnni"),
        (V3 | {"avx_vnni", "avx_vnni_int8", "avx_ne_convert"},
         "x86-64-v3+avxvnni+avxvnniint8+neconvert"),
        (V3 | {"avx512f"}, "x86-64-v3+avx512f"),
        (V4, "x86-64-v4"),
        (V4 - {"avx512cd"}, "x86-64-v3+avx512f+avx512core"),
        (VNNI, "x86-64-v4+vnni"),
        (VNNI | {"amx_tile", "amx_int8"}, "x86-64-v4+vnni+amx"),
        (V3 | {"amx_tile", "amx_int8"}, "x86-64-v3"),
    ],
)  # fmt: skip
def test_describe__x86__level_and_what_chooses_kernels_beyond_it(
    has: frozenset[str], name: str
) -> None:
    assert describe("x86_64", has) == name
    assert describe("AMD64", has) == name


@pytest.mark.parametrize(
    ("has", "bits", "name"),
    [
        (frozenset({"asimd"}), None, "aarch64"),
        (frozenset({"asimddp", "asimdhp", "i8mm", "bf16"}), None, "aarch64+fp16+dotprod+bf16+i8mm"),
        (frozenset({"asimddp", "sve"}), 256, "aarch64+dotprod+sve256"),
    ],
)
def test_describe__arm__what_chooses_kernels(
    has: frozenset[str], bits: int | None, name: str
) -> None:
    assert describe("aarch64", has, bits) == describe("arm64", has, bits) == name


def test_describe__other__its_architecture() -> None:
    assert describe("riscv64", frozenset({"v"})) == "riscv64"
    assert describe("", frozenset()) == "unknown"


def test_features__emulator__the_processor_overrules_the_kernels_list() -> None:
    host = VNNI | {"amx_tile", "amx_int8"}
    emulated = {"AVX": True, "AVX2": False, "FMA3": False, "AVX512F": False, "AVX512VNNI": False}
    assert describe("x86_64", features(host, emulated)) == "x86-64-v2+avx"


def test_features__no_list_of_the_kernels__the_rest_is_inferred() -> None:
    found = {"SSE42": True, "POPCNT": True, "AVX": True, "AVX2": True, "FMA3": True, "F16C": True}
    assert describe("AMD64", features(frozenset(), found)) == "x86-64-v3"


def test_machine__here__is_stable_and_has_the_form() -> None:
    assert machine() == machine()
    assert re.fullmatch(r"x86-64-v[1-4](\+\w+)*|aarch64(\+\w+)*|\w+", machine())
