"""Counterfoil: receipts for inference, settled on any EVM chain.

Importing this loads neither onnxruntime nor a web library; the names below load on first use.
What is added to onnxruntime's options from here on is remembered, for the runtime's record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .duties import provide as _provide_duty
from .inference.arming import arm as _arm
from .inference.exact_hook import provide as _provide

if TYPE_CHECKING:
    from .inference import InferenceSession, Recording, SealedReceipt, recording
    from .settle.background import settle_in_background

__all__ = [
    "InferenceSession",
    "Recording",
    "SealedReceipt",
    "__version__",
    "recording",
    "settle_in_background",
]

_arm()


def _open_program(graph: bytes, threads: int) -> Any:
    """The engine of an exact program: the root wires programs to the sessions below them."""
    from .programs.engine import open_engine

    return open_engine(graph, threads)


_provide(_open_program)


def _fault_duty(journal: Any, chain: Any, profile: Any, clock: Any) -> Any:
    """The duty of a log whose runs a fault court may ask for, wired in the same way."""
    if profile.fault_court is None:
        return None
    from .faults.answerer import make_answerer

    return make_answerer(journal, chain, profile, clock)


_provide_duty(_fault_duty)


def __getattr__(name: str) -> Any:
    if name in ("InferenceSession", "Recording", "SealedReceipt", "recording"):
        from . import inference

        return getattr(inference, name)
    if name == "settle_in_background":
        from .settle.background import settle_in_background

        return settle_in_background
    if name == "__version__":
        from importlib.metadata import version

        return version("counterfoil")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
