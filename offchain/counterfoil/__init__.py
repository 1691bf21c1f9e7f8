"""Counterfoil: receipts for inference, settled on any EVM chain.

Importing this loads neither onnxruntime nor a web library; the names below load on first use.
What is added to onnxruntime's options from here on is remembered, for the runtime's record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .inference.observed import arm as _arm

if TYPE_CHECKING:
    from .inference import InferenceSession, SealedReceipt

__all__ = ["InferenceSession", "SealedReceipt", "__version__"]

_arm()


def __getattr__(name: str) -> Any:
    if name in ("InferenceSession", "SealedReceipt"):
        from . import inference

        return getattr(inference, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("counterfoil")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
