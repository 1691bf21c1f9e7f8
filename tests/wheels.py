"""The package's wheel, and commands outside this environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*command: object, cwd: Path, **variables: str) -> str:
    """A command's output; PYTHONPATH and our own variables do not reach it."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("COUNTERFOIL_", "PYTHON", "VIRTUAL_ENV", "PYTEST", "COV_"))
    }
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=kept | variables,
        capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def build_wheel(folder: Path) -> Path:
    """Built by the backend that is installed here, from a copy: nothing is left behind."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    skipped = shutil.ignore_patterns("__pycache__", "node_modules")
    for source in ("offchain/counterfoil", "contracts"):
        shutil.copytree(ROOT / source, folder / source, ignore=skipped)
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", cwd=folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built
