"""Patching onnxruntime when a program imports it, whoever imports what first."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from . import bindings, observed, patches


def _patch_binding(module: Any) -> None:
    observed.patch(module)
    bindings.patch(module)


PATCHES: dict[str, Callable[[Any], None]] = {
    "onnxruntime.capi.onnxruntime_pybind11_state": _patch_binding,
    "onnxruntime.capi.onnxruntime_inference_collection": patches.patch,
}
"""Modules of onnxruntime's, and what is done to them once."""


def arm() -> None:
    """Patch now, or as soon as a program imports onnxruntime."""
    for name, patch in PATCHES.items():
        module = sys.modules.get(name)
        if module is not None:
            patch(module)
        elif not any(isinstance(f, _Finder) and f.name == name for f in sys.meta_path):
            sys.meta_path.insert(0, _Finder(name, patch))


class _Finder:
    """Finds nothing itself; patches a module once the right finder has loaded it."""

    def __init__(self, name: str, patch: Callable[[Any], None]) -> None:
        self.name = name
        self._patch = patch

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            run = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                run(module)
                self._patch(module)

            loader.exec_module = exec_module
        return spec
