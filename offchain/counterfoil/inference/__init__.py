"""Sessions whose runs get receipts: the only part that imports onnxruntime, on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .unsealed import unsealed_count

if TYPE_CHECKING:
    from .recordings import Recording, recording
    from .refusals import as_refusal
    from .sealed_receipt import SealedReceipt
    from .session import InferenceSession

__all__ = [
    "InferenceSession",
    "Recording",
    "SealedReceipt",
    "as_refusal",
    "recording",
    "unsealed_count",
]

_HOMES = {
    "InferenceSession": "session",
    "SealedReceipt": "sealed_receipt",
    "as_refusal": "refusals",
    "Recording": "recordings",
    "recording": "recordings",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
