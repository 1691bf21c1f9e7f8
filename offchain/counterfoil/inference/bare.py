"""onnxruntime's own session, to compare with: no receipts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession


def bare_session(path: str | Path) -> Any:
    """A session on the CPU, as onnxruntime makes it."""
    return InferenceSession(str(path), providers=["CPUExecutionProvider"])
