"""The same bytes on other processors: the wheels as they are, under qemu."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

import arm
import pytest
from needs import ROOT, missing

pytestmark = pytest.mark.slow

SCRIPT = ROOT / "tests" / "scenario" / "program_isa.py"
COUNT = 20


def ran(*python: str) -> dict[str, Any]:
    done = subprocess.run(
        [*python, str(SCRIPT), str(COUNT)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    return ran(sys.executable)


def test_executor_and_onnxruntime__this_processor__equal(here: dict[str, Any]) -> None:
    assert here["equal"] >= COUNT - 5
    assert not here["other"] and not here["refused"]
    assert here["compiled"] == COUNT


@pytest.mark.parametrize("processor", ["Haswell", "SandyBridge"])
def test_executor_and_onnxruntime__another_processor__same_bytes(
    here: dict[str, Any], processor: str
) -> None:
    """Haswell has AVX2 without VNNI, SandyBridge AVX alone."""
    emulator = shutil.which("qemu-x86_64-static") or shutil.which("qemu-x86_64")
    if emulator is None:
        missing("needs qemu-x86_64: apt-get install qemu-user-static")
    there = ran(emulator, "-cpu", processor, sys.executable)
    # What NumPy finds by cpuid; the file of flags that the rest is from is the real machine's.
    assert there["machine"].split("+")[0] in ("x86-64-v2", "x86-64-v3")
    same(here, there)


@pytest.mark.parametrize("processor", ["cortex-a72", "max"])
def test_executor_and_onnxruntime__arm__same_bytes(here: dict[str, Any], processor: str) -> None:
    """The wheels for aarch64: plain NEON, then all that this qemu knows of."""
    there = ran(*arm.emulated(processor))
    assert there["machine"].startswith("aarch64")
    same(here, there)


def same(here: dict[str, Any], there: dict[str, Any]) -> None:
    """The executor's traces, onnxruntime's outputs and the compiled executor's traces."""
    assert there["traces"] == here["traces"]
    assert there["equal"] == here["equal"]
    assert not there["other"] and not there["refused"]
    assert there["compiled"] == COUNT
