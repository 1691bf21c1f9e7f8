"""Peers from npm: installed once, on demand, beside the bench."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def installed() -> None:
    """Have what package.json here names. No package's own scripts run."""
    stamp = HERE / "node_modules" / ".stamp"
    wanted = (HERE / "package-lock.json").read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    words = ["npm", "install", "--no-save", "--silent", "--no-fund", "--no-audit"]
    subprocess.run([*words, "--ignore-scripts"], cwd=HERE, check=True)
    stamp.write_text(wanted)
