"""The committed vectors are what their script makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "vectors"


def contents(folder: Path) -> dict[str, bytes]:
    found = [*folder.glob("*.json"), *folder.glob("files/*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_vectors__made_again__are_the_committed_bytes(tmp_path):
    subprocess.run([sys.executable, VECTORS / "make.py", tmp_path], check=True)
    made, committed = contents(tmp_path), contents(VECTORS)
    assert len(made) > 100
    assert sorted(made) == sorted(committed)
    differing = [name for name in made if made[name] != committed[name]]
    assert not differing, f"run `make vectors` and look at what changed in {differing}"
