"""What some tests need from outside Python: there, or a reason to skip; in CI, to fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parent.parent
MODULES = ROOT / "node_modules"


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def missing(reason: str) -> NoReturn:
    """Skip with the reason; in CI, where nothing may be missing, fail."""
    if in_ci():
        pytest.fail(f"{reason}, and CI must have it", pytrace=False)
    pytest.skip(reason)


def need_node() -> Path:
    """Node.js, with the packages of package-lock.json."""
    node = shutil.which("node")
    if node is None:
        missing("needs Node.js: `node` is not on PATH")
    lacking = [name for name in ("viem", "merkletreejs") if not (MODULES / name).is_dir()]
    if lacking:
        missing(f"needs {' and '.join(lacking)} in node_modules: run `make node`")
    return Path(node)


def need_anvil() -> Path:
    """The anvil binary, from PATH or node_modules/.bin."""
    found = shutil.which("anvil", path=f"{os.environ.get('PATH', '')}{os.pathsep}{MODULES}/.bin")
    if found is None:
        missing("needs anvil on PATH or in node_modules/.bin: run `make node`")
    return Path(found)
