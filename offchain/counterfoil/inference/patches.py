"""onnxruntime's sessions, patched in place: names imported earlier and sessions made before count.

With no recording open a patched method costs one comparison. onnxruntime is not imported here:
the methods are patched when a program imports it, or at once where it has.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import active, provenance

RUNS = (
    "run",
    "run_async",
    "run_with_iobinding",
    "run_with_ort_values",
    "run_with_ortvaluevector",
)
"""The ways to run."""

CHANGES = ("set_ep_dynamic_options", "set_tuning_results")
"""What changes a runtime after a session is made."""


def patch(collection: Any) -> None:
    """Patch the module that has onnxruntime's sessions. Does nothing the second time."""
    session = collection.Session
    if getattr(session, "_counterfoil", False):
        return
    for name in RUNS:
        if hasattr(session, name):
            _patch_run(session, name)
    for name in CHANGES:
        if hasattr(session, name):
            _patch_change(session, name)
    _patch_loading(collection.InferenceSession)
    session._counterfoil = True


def original(cls: Any, name: str) -> Callable[..., Any]:
    """onnxruntime's own method."""
    method = getattr(cls, name)
    found: Callable[..., Any] = getattr(method, "_counterfoil_original", method)
    return found


def _patch_run(cls: Any, name: str) -> None:
    method = getattr(cls, name)

    @functools.wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorders = active.recorders()
        if not recorders or hasattr(self, "_cf_runs"):
            return method(self, *args, **kwargs)
        from . import bystanders

        return bystanders.run(name, method, self, recorders[0], args=args, kwargs=kwargs)

    run._counterfoil_original = method  # type: ignore[attr-defined]
    setattr(cls, name, run)


def _patch_change(cls: Any, name: str) -> None:
    method = getattr(cls, name)

    @functools.wraps(method)
    def change(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        if not hasattr(self, "_cf_runs"):
            provenance.changed(self, name, args, kwargs)
        return result

    change._counterfoil_original = method  # type: ignore[attr-defined]
    setattr(cls, name, change)


def _warm() -> None:
    with suppress(Exception):
        from . import bystanders

        bystanders.warm()


def _patch_loading(cls: Any) -> None:
    """Every way to load a model, also anew for other providers, comes by here."""
    method = getattr(cls, "_create_inference_session", None)
    if method is None:
        return

    @functools.wraps(method)
    def load(self: Any, *args: Any, **kwargs: Any) -> Any:
        if hasattr(self, "_cf_origin"):
            return method(self, *args, **kwargs)
        now = bool(active.recorders())
        seen = provenance.before(self, args, kwargs, now=now)
        result = method(self, *args, **kwargs)
        provenance.after(self, seen)
        if now:
            _warm()
        return result

    load._counterfoil_original = method  # type: ignore[attr-defined]
    cls._create_inference_session = load
