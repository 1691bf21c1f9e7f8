"""onnxruntime's errors as one line, for commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
import pytest
from counterfoil.errors import BadModel, InputRefused, ModelRefused
from counterfoil.inference import as_refusal

from . import small_models
from .conftest import Pair


@pytest.mark.parametrize(
    "feed", [{}, {"x": np.zeros(2)}, {"x": 3}, {"y": np.zeros(2, np.float32)}], ids=str
)
def test_as_refusal__inputs__one_line(pair: Pair, feed: Any) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    with pytest.raises(Exception) as raised:
        ours.run(None, feed)
    refusal = as_refusal(raised.value)
    assert isinstance(refusal, InputRefused)
    assert refusal.exit_code == 65
    assert str(refusal).startswith("onnxruntime does not take the inputs: ")
    assert "\n" not in str(refusal)


def test_as_refusal__models__one_line(tmp_path: Path) -> None:
    for source in (b"garbage", tmp_path / "missing.onnx"):
        with pytest.raises(Exception) as raised:
            counterfoil.InferenceSession(source)
        refusal = as_refusal(raised.value, loading=True)
        assert isinstance(refusal, ModelRefused)
        assert "\n" not in str(refusal)


@pytest.mark.parametrize("error", [BadModel("ours"), KeyError("a bug"), KeyboardInterrupt()])
def test_as_refusal__others__none(error: BaseException) -> None:
    assert as_refusal(error) is None
