"""onnxruntime without receipts, for what is no inference of anybody's: calibrating, comparing."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onnxruntime.capi import onnxruntime_pybind11_state as binding
from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession as EngineSession

from counterfoil.errors import ModelRefused

from .patches import original

_engine: Any = EngineSession

FATAL = 4
"""onnxruntime's level: what it would write to standard error comes as exceptions too."""


class Plain:
    """A session on the processor whose runs nobody records.

    Args:
        graph: an ONNX file's bytes, with its weights inside.
        optimise: as onnxruntime does of itself; else the graph runs as it stands.
        threads: of one operator; 0: onnxruntime's choice.
    Raises:
        ModelRefused: onnxruntime does not load it.
    """

    def __init__(self, graph: bytes, *, optimise: bool = True, threads: int = 0) -> None:
        options = binding.SessionOptions()
        options.log_severity_level = FATAL
        options.intra_op_num_threads = threads
        if not optimise:
            options.graph_optimization_level = binding.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = _made(graph, options)
        self.inputs = [(i.name, i.type, i.shape) for i in self._session.get_inputs()]
        self.outputs = [o.name for o in self._session.get_outputs()]

    def run(self, feed: Mapping[str, Any], names: Sequence[str] | None = None) -> list[Any]:
        """The outputs."""
        run = original(EngineSession, "run")
        values: list[Any] = run(self._session, None if names is None else list(names), dict(feed))
        return values


def folded(graph: bytes) -> bytes:
    """The graph after onnxruntime's basic rewriting: constants folded, batch norms merged.

    Raises:
        ModelRefused: onnxruntime does not load it.
    """
    options = binding.SessionOptions()
    options.log_severity_level = FATAL
    options.graph_optimization_level = binding.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory(prefix="counterfoil-") as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        _made(graph, options)
        return path.read_bytes()


def _made(graph: bytes, options: Any) -> Any:
    try:
        return _engine(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        line = " ".join(str(error).split())
        raise ModelRefused(f"onnxruntime does not load the model: {line}") from error
