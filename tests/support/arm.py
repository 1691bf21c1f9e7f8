"""An Arm machine's Python and this project's locked wheels, run by qemu: nothing is installed.

Debian's packages for arm64 are unpacked into a folder and the wheels beside them, once for each
lock file. Importing onnxruntime reads /proc/cpuinfo, and x86's makes it crash: qemu looks for
files below its root first, so one of Arm's lies there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from needs import ROOT, missing

PYTHON = "3.11"
"""Debian 12's."""

PACKAGES = (
    f"python{PYTHON}-minimal", f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", "libc6",
    "libgcc-s1", "libstdc++6", "libexpat1", "libffi8", "libssl3", "zlib1g",
)  # fmt: skip

WHEELS = (
    "coincurve", "flatbuffers", "llvmlite", "ml-dtypes", "numpy", "onnx", "onnxruntime",
    "packaging", "platformdirs", "protobuf", "pycryptodome", "rfc8785", "safe-pysha3",
    "typing-extensions",
)  # fmt: skip
"""What running programs imports."""

CPUINFO = "".join(
    f"processor\t: {number}\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd aes pmull sha1 sha2 crc32\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd08\n"
    "CPU revision\t: 3\n\n"
    for number in range(2)
)
"""Two Cortex-A72."""


def emulated(processor: str) -> list[str]:
    """The command of a Python on such a processor, by qemu's name; else a skip, in CI a failure."""
    emulator = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
    if emulator is None:
        missing("needs qemu-aarch64: apt-get install qemu-user-static")
    folder = _made()
    path = os.pathsep.join((str(folder / "site"), str(ROOT / "offchain")))
    return [
        emulator, "-cpu", processor, "-L", str(folder / "root"), "-E", f"PYTHONPATH={path}",
        "-E", f"XDG_CACHE_HOME={folder / 'cache'}", "-E", "OPENBLAS_NUM_THREADS=1",
        str(folder / "root" / "usr" / "bin" / f"python{PYTHON}"),
    ]  # fmt: skip


def _made() -> Path:
    wanted = _locked()
    name = hashlib.sha256((wanted + Path(__file__).read_text()).encode()).hexdigest()[:12]
    folder = ROOT / ".cache" / f"arm-{name}"
    if folder.exists():
        return folder
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:  # several processes may make it
        _fill(Path(draft) / "arm", wanted)
        with suppress(OSError):  # another was sooner
            (Path(draft) / "arm").rename(folder)
    return folder


def _fill(folder: Path, wanted: str) -> None:
    (folder / "debs").mkdir(parents=True)
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        missing("needs Debian's packages for arm64: there is no apt-get")
    names = [f"{package}:arm64" for package in PACKAGES]
    done = _ran(["apt-get", "download", "-q", *names], folder / "debs")
    if done.returncode:
        missing(
            "needs Debian 12's packages for arm64: dpkg --add-architecture arm64 && apt-get "
            f"update\n{done.stderr[-500:]}"
        )
    for package in sorted((folder / "debs").glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    (folder / "root" / "proc").mkdir()
    (folder / "root" / "proc" / "cpuinfo").write_text(CPUINFO)
    (folder / "wanted.txt").write_text(wanted)
    uv = Path(sys.executable).with_name("uv")
    done = _ran(
        [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
         "--python-platform", "aarch64-manylinux_2_28", "--python-version", PYTHON, "--target",
         folder / "site", "-r", folder / "wanted.txt"],
        folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def _ran(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )


def _locked() -> str:
    """The lines of the lock file for `WHEELS`, with their hashes."""
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    blocks = re.finditer(r"^(\S+)==.*\\\n(?:    --hash=\S+(?: \\)?\n)+", lock, re.MULTILINE)
    lines = {block[1]: block[0] for block in blocks if block[1] in WHEELS}
    assert lines.keys() == set(WHEELS), set(WHEELS) - lines.keys()
    return "".join(lines.values())
