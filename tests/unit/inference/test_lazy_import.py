"""Importing the package costs little, and what comes after is seen."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import counterfoil
import pytest


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import__alone__loads_neither_onnxruntime_nor_web3() -> None:
    code = """
        import sys
        import counterfoil, counterfoil.hashing.keccak, counterfoil.inference
        heavy = {"onnxruntime", "web3", "sqlalchemy", "onnx", "eth_account"} & set(sys.modules)
        print(sorted(heavy), counterfoil.__version__)
    """
    assert python(code) == f"[] {counterfoil.__version__}"


ORDERS = {
    "counterfoil first": "import counterfoil\nimport onnxruntime as ort\n",
    "onnxruntime first": "import onnxruntime as ort\nimport counterfoil\n",
}


@pytest.mark.parametrize("imports", ORDERS.values(), ids=ORDERS)
def test_import__either_order__options_made_later_are_seen(imports: str) -> None:
    code = imports + textwrap.dedent("""
        import numpy as np
        from counterfoil.inference.observed import history
        options, run = ort.SessionOptions(), ort.RunOptions()
        value = ort.OrtValue.ortvalue_from_numpy(np.ones(2, np.float32))
        options.add_initializer("w", value)
        run.add_run_config_entry("a", "b")
        print(list(history(options).initializers), history(run).config)
    """)
    assert python(code) == "['w'] {'a': 'b'}"


def test_import__options_made_before__are_unseen() -> None:
    code = """
        import onnxruntime as ort
        options = ort.SessionOptions()
        import counterfoil
        from counterfoil.inference.observed import history
        print(history(options))
    """
    assert python(code) == "None"


def test_getattr__unknown_name__attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = counterfoil.nothing
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = counterfoil.inference.nothing  # type: ignore[attr-defined]
