"""Where and when the figures were taken."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "llvmlite", "onnxruntime", "coincurve", "safe-pysha3", "pycryptodome",
            "eth-hash", "SQLAlchemy")  # fmt: skip


def lines() -> list[str]:
    """One fact a line."""
    return [
        f"Taken {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
        f"Processor: {_processor()}, {_cores()} cores for this process, {_vectors()}.",
        f"System: {platform.system()} {platform.release()}, {platform.machine()}, "
        f"Python {platform.python_version()}.",
        "Packages: " + ", ".join(f"{name} {_version(name)}" for name in PACKAGES) + ".",
    ]


def load() -> str:
    """How busy the machine is: processes that wanted a core in the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _vectors() -> str:
    from counterfoil.hashing import lanes

    made = lanes.kernels() if lanes.available() else None
    return "no kernels" if made is None else f"{made.width} × 64 bits a register"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
