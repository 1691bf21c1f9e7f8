"""Loading a model so that the bytes that were hashed are the bytes that run.

The files are read once, hashed, and handed to onnxruntime from memory; it never opens a file
of the model itself. Where a session's options cannot take external data from memory without
losing something, the bytes read are put into a private folder and loaded from there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import onnx
from onnxruntime.capi import onnxruntime_pybind11_state as binding

from counterfoil.errors import ModelChanged
from counterfoil.formats.model import GRAPH, LoadedModel, load

from . import observed

EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
"""The option that says where a model given as bytes has its external data.

Source: onnxruntime_session_options_config_keys.h.
"""

KEEP_BYTES = (
    "session.use_ort_model_bytes_directly",
    "session.use_ort_model_bytes_for_initializers",
    "session.use_external_initializer_file_buffers_directly",
)
"""Options under which onnxruntime goes on reading the bytes that it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a session's model comes from.

    Attributes:
        source: the path, or the graph's bytes.
        options: the session options, as given or made.
    """

    source: str | bytes
    options: Any

    def read(self) -> LoadedModel:
        """Read the model's files, each once.

        Raises:
            BadModel, UnsafeModelPath: as `formats.model.load`.
        """
        folder = entry(self.options, EXTERNAL_FOLDER)
        known = observed.history(self.options)
        given = known.files if known is not None else {}
        return load(
            self.source,
            folder=Path(folder) if folder else None,
            given={name: bytes(memoryview(b)[:length]) for name, (b, length) in given.items()},
        )

    def read_again(self, before: bytes) -> LoadedModel:
        """Read the files once more, for a session made anew.

        Args:
            before: the model's digest.
        Raises:
            ModelChanged: the files are others now.
        """
        loaded = self.read()
        if loaded.digest != before:
            raise ModelChanged(
                "the model's files have changed since this session was made: make a new session"
            )
        return loaded

    def probe(self) -> None:
        """Have onnxruntime parse the graph, and nothing more.

        Raises:
            Exception: onnxruntime's own, if it refuses the graph.
        """
        if isinstance(self.source, bytes):
            binding.InferenceSession(self.options, self.source, False, False)
        else:
            binding.InferenceSession(self.options, self.source, True, False)


@contextmanager
def given_to_engine(origin: Origin, loaded: LoadedModel) -> Iterator[tuple[str | bytes, Any]]:
    """What onnxruntime is to load from while the context is open: a model and its options."""
    known = observed.history(origin.options)
    given = known.files if known is not None else {}
    missing = {name: data for name, data in loaded.external.items() if name not in given}
    if not missing:
        yield loaded.graph, origin.options
    elif origin.options.has_providers() or (known is not None and known.libraries):
        with tempfile.TemporaryDirectory(prefix="counterfoil-") as folder:
            yield _lay_out(Path(folder), loaded), origin.options
    else:
        options = copy_options(origin.options)
        options.add_external_initializers_from_files_in_memory(
            list(missing), list(missing.values()), [len(data) for data in missing.values()]
        )
        yield loaded.graph, options


def _lay_out(folder: Path, loaded: LoadedModel) -> str:
    for location, data in {GRAPH: loaded.graph, **loaded.external}.items():
        target = folder / location
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return str(folder / GRAPH)


def copy_options(options: Any) -> Any:
    """A copy of session options, so that a model's files never stay in the caller's own.

    A session copies the options that it is made with, but neither providers nor operator
    libraries come back from it.
    """
    return binding.InferenceSession(options, _smallest_model(), False, False).session_options


def _smallest_model() -> bytes:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    out = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value], [out]
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7
    )
    return cast(bytes, model.SerializeToString())


def entry(options: Any, key: str) -> str | None:
    """A session config entry, or None where it is not set."""
    try:
        return cast(str, options.get_session_config_entry(key))
    except RuntimeError:
        return None


def keeps_bytes(options: Any) -> bool:
    """Whether onnxruntime goes on reading the bytes that it was given."""
    return any(entry(options, key) == "1" for key in KEEP_BYTES)


def origin(source: Any, options: Any) -> Origin | None:
    """The origin of a model; None for a source that onnxruntime refuses by its type."""
    if options is None:
        options = binding.SessionOptions()
    if isinstance(source, bytes):
        return Origin(source=source, options=options)
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        return Origin(source=path, options=options) if isinstance(path, str) else None
    return None
