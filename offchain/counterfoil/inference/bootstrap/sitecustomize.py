"""Run by every Python that `counterfoil exec` starts, children too: the folder is on PYTHONPATH.

It runs the `sitecustomize` that the program would have had, then takes part in the recording.
Whatever goes wrong is reported and leaves the program alone. Only the standard library here:
this Python may have no counterfoil.
"""
# ruff: noqa: PTH100, PTH112, PTH118, PTH120

import importlib
import os
import sys


def _chain() -> None:
    """Hide this folder and run the sitecustomize behind it, if there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if os.path.abspath(p or ".") != here]
    mine = sys.modules.pop("sitecustomize", None)
    sys.path_importer_cache.pop(here, None)
    try:
        importlib.import_module("sitecustomize")
    except ImportError as error:
        if mine is not None:
            sys.modules["sitecustomize"] = mine
        if error.name != "sitecustomize":
            raise


def _tell(folder: str, line: str) -> None:
    """Add a line to the report; all processes write to one file."""
    try:
        number = os.open(
            os.path.join(folder, "events"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        try:
            os.write(number, line.encode("utf-8", "replace")[:2000] + b"\n")
        finally:
            os.close(number)
    except OSError:
        pass


class _Onnxruntime:
    """Reports, where counterfoil cannot be imported, that onnxruntime was."""

    def __init__(self, folder: str, reason: str) -> None:
        self.folder = folder
        self.reason = reason

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "onnxruntime":
            sys.meta_path.remove(self)
            _tell(self.folder, "unobserved " + self.reason)


def _take_part() -> None:
    folder = os.environ.get("COUNTERFOIL_EXEC")
    if not folder or not os.path.isdir(folder):
        return
    _tell(folder, f"began {os.getpid()}")
    try:
        from counterfoil.inference.taking_part import begin

        begin(folder)
    except Exception as error:
        why = " ".join(str(error).split())
        reason = f"{sys.executable}: {type(error).__name__}: {why}; install counterfoil there"
        sys.meta_path.insert(0, _Onnxruntime(folder, reason))


try:
    _chain()
finally:
    _take_part()
