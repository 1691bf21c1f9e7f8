"""Receipts of real runs, and the same signed by somebody who changed what came out."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import coincurve
import counterfoil
import numpy as np
import pytest
from counterfoil import shelf
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing.signature import public_address, sign
from counterfoil.inference import sealing

sys.path[:0] = [
    str(Path(__file__).parents[1] / "inference"),
    str(Path(__file__).parents[2] / "support"),
]

KEY = coincurve.PrivateKey(b"\x11" * 32)


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


Ran = Callable[..., ReceiptFile]


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    """Runs a model once and gives the receipt's file; the model is at `model.onnx`."""

    def run(
        graph: bytes, feed: dict[str, Any], options: Any = None, times: int = 1, **session: Any
    ) -> ReceiptFile:
        path = tmp_path / "model.onnx"
        path.write_bytes(graph)
        made = counterfoil.InferenceSession(str(path), options, **session)
        for _ in range(times):
            _, receipt = made.run_with_receipt(None, feed)
        return receipt.file()

    return run


def resigned(
    file: ReceiptFile,
    change: Callable[[np.ndarray], np.ndarray] | None = None,
    **runtime: str,
) -> ReceiptFile:
    """The same receipt as another operator would have signed it.

    Args:
        change: of the first output's values.
        runtime: fields of the runtime record that are others.
    """
    opened = file.opening.outputs
    first = opened.tensors[0]
    tensors = opened.tensors
    if change is not None:
        tensors = (Tensor.of(first.name, change(first.array().copy())), *tensors[1:])
    there = replace(file.preimage.runtime, **runtime)
    receipt = replace(
        file.receipt,
        signer=public_address(KEY.public_key.format(compressed=False)),
        outputs=commit(tensors, opened.master).digest,
        runtime=there.digest,
    )
    return replace(
        file,
        receipt=receipt,
        signature=sign(receipt.digest(file.chain_id, file.ledger), KEY),
        opening=Opening(
            inputs=file.opening.inputs, outputs=SetOpening(master=opened.master, tensors=tensors)
        ),
        preimage=Preimage(model=file.preimage.model, runtime=there),
    )
