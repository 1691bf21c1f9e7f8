"""A user's home of the tests' own, and the models of digits as programs."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from counterfoil import shelf
from counterfoil.inference import sealing

sys.path[:0] = [str(Path(__file__).parents[2] / "support")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's home of the test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("COUNTERFOIL_HOME", str(folder))
    monkeypatch.setenv("COUNTERFOIL_SECRET", secrets.token_hex(32))
    monkeypatch.setattr(sealing, "_shared", {})
    monkeypatch.setattr(shelf, "_noted", set())
    yield folder
    for journal in sealing._shared.values():
        journal.close()
