"""Commands in this process, in a home of the test's own."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_models import save_model
from click.testing import CliRunner
from counterfoil import keys
from counterfoil.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line of an error; what it looks like is checked here, for every test."""
        assert self.code != 0
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("counterfoil: ")
        return lines[0].removeprefix("counterfoil: ")


Invoke = Callable[..., Answer]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    for name in [n for n in os.environ if n.startswith("COUNTERFOIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return tmp_path / "home"


@pytest.fixture
def invoke() -> Invoke:
    split = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}

    def run(*arguments: object) -> Answer:
        found = CliRunner(**split).invoke(main, [str(a) for a in arguments])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return Answer(code=found.exit_code, out=found.stdout, err=found.stderr)

    return run


@pytest.fixture
def model(home) -> Path:
    return save_model(Path("model.onnx"))


@pytest.fixture
def x(home) -> Path:
    np.save("x.npy", np.arange(4, dtype=np.float32).reshape(1, 4))
    return Path("x.npy")


@pytest.fixture
def receipt(invoke, model, x) -> Path:
    """The file of a receipt that the built-in profile sealed."""
    assert invoke("run", model, "-i", x).code == 0
    return Path("receipt.json")
