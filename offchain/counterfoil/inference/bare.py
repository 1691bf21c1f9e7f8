"""onnxruntime's own session, to compare with: no receipts."""

from __future__ import annotations

from pathlib import Path

import onnxruntime


def bare_session(path: str | Path) -> onnxruntime.InferenceSession:
    """A session on the CPU, as onnxruntime makes it."""
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
