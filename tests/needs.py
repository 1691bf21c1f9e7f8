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


EXPLORER = ROOT / "offchain" / "explorer"


def need_explorer() -> Path:
    """The folder of the page's sources, with the packages of its package-lock.json."""
    packages = ("viem", "esbuild", "playwright-core", "axe-core")
    lacking = [name for name in packages if not (EXPLORER / "node_modules" / name).is_dir()]
    if lacking:
        missing(f"needs {' and '.join(lacking)} in offchain/explorer: run `make node`")
    return EXPLORER


def need_chromium() -> Path:
    """Debian's browser."""
    found = shutil.which("chromium")
    if found is None:
        missing("needs chromium on PATH: `apt-get install --no-install-recommends chromium`")
    return Path(found)
