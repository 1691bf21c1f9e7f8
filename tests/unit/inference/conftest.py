"""Sessions on a journal of their own: a fresh home for every test."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.config import load_profile
from counterfoil.inference import sealing, unsealed
from counterfoil.journal import Journal


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """A journal that every test may seal in.

    The environment is as it was before a test runs: what a session's fixture leaves in it, every
    later test of the process has, and its children too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTERFOIL_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("COUNTERFOIL_SECRET", secrets.token_hex(32))
        journal = Journal.open(load_profile())
        journal.unlock()
    with journal:
        yield journal


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's home without a configuration; keys are derived, which takes no time."""
    folder = tmp_path / "home"
    monkeypatch.setenv("COUNTERFOIL_HOME", str(folder))
    monkeypatch.setenv("COUNTERFOIL_SECRET", secrets.token_hex(32))
    monkeypatch.setattr(sealing, "_shared", {})
    return folder


@pytest.fixture(autouse=True)
def count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsealed, "_count", 0)


Pair = Callable[..., tuple[Any, Any]]


@pytest.fixture
def pair(log: Journal) -> Pair:
    """Makes this package's session and onnxruntime's, from the same arguments."""

    def make(*args: Any, options: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        ours = {k: kwargs.pop(k) for k in ("keep", "public", "request") if k in kwargs}
        sealing_session = counterfoil.InferenceSession(
            *args, sess_options=options, journal=log, **ours, **kwargs
        )
        return sealing_session, onnxruntime.InferenceSession(*args, sess_options=options, **kwargs)

    return make


def same(a: Any, b: Any) -> bool:
    """Equal bit for bit, type for type."""
    if isinstance(a, np.ndarray):
        if not isinstance(b, np.ndarray) or (a.dtype, a.shape) != (b.dtype, b.shape):
            return False
        return a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and (a == b or (a != a and b != b))
