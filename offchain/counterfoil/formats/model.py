"""Models (docs/format.md §4): the digest of a graph and of every file that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import onnx
from google.protobuf.message import DecodeError

from counterfoil.errors import BadModel, UnsafeModelPath
from counterfoil.hashing.eip712 import text, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Digest

from .quoting import quoted

GRAPH = "model.onnx"
"""The graph file's path in every model, whatever it is called on disk."""

MAX_GRAPH = 2**31
"""Bytes of a graph file, below. Source: Protocol Buffers take messages under 2 GiB."""

MODEL_TYPE = keccak(b"Model(ModelFile[] files)ModelFile(string path,uint64 size,bytes32 sha256)")
FILE_TYPE = keccak(b"ModelFile(string path,uint64 size,bytes32 sha256)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model.

    Attributes:
        path: `model.onnx`, or the location that the graph names.
        size: bytes.
        sha256: of the content, 32 bytes.
    """

    path: str
    size: int
    sha256: bytes

    @property
    def digest(self) -> Digest:
        """hashStruct(ModelFile)."""
        return keccak(FILE_TYPE + text(self.path) + word(self.size) + self.sha256)

    @classmethod
    def of(cls, path: str, content: bytes) -> ModelFile:
        """The file of these bytes."""
        return cls(path=path, size=len(content), sha256=hashlib.sha256(content).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model by content: its files in byte order of their paths."""

    files: tuple[ModelFile, ...]

    @property
    def digest(self) -> Digest:
        """hashStruct(Model)."""
        return keccak(MODEL_TYPE + keccak(b"".join(f.digest for f in self.files)))

    @classmethod
    def of(cls, contents: Mapping[str, bytes]) -> Model:
        """The model of files given by path."""
        ordered = sorted(contents.items(), key=lambda item: item[0].encode())
        return cls(files=tuple(ModelFile.of(path, content) for path, content in ordered))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A model with the bytes that were read, so that what is hashed is what is run.

    Attributes:
        graph: the graph file's bytes.
        external: external data by location, empty for most models.
    """

    model: Model
    graph: bytes
    external: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def digest(self) -> Digest:
        """hashStruct(Model)."""
        return self.model.digest


def load(
    source: str | Path | bytes,
    *,
    folder: Path | None = None,
    given: Mapping[str, bytes] | None = None,
) -> LoadedModel:
    """Read a model and the files that its graph names, each once.

    Args:
        source: a path, or the graph's bytes.
        folder: where the external data are; None: beside the graph, and nowhere for bytes.
        given: external data that are in memory already, by location.
    Raises:
        BadModel: not readable as ONNX, 2 GiB or more, or external data without a folder to
            find it in.
        UnsafeModelPath: a location that is absolute, contains `..`, leaves the model's
            folder through a link, or names `model.onnx`.
    """
    if isinstance(source, bytes):
        graph = source
    else:
        path = Path(source)
        try:
            if path.stat().st_size >= MAX_GRAPH:
                raise BadModel("the graph is 2 GiB or more: put its weights into other files")
            graph = path.read_bytes()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise BadModel(f"cannot read the model {quoted(str(path))}: {why}") from error
        folder = folder or path.parent
    external: dict[str, bytes] = {}
    for location in sorted(external_locations(graph)):
        if given and location in given:
            external[location] = given[location]
        elif folder is None:
            raise BadModel("a model given as bytes names external data: load it from its path")
        else:
            external[location] = _read_external(folder, location)
    return LoadedModel(model=Model.of({GRAPH: graph, **external}), graph=graph, external=external)


def external_locations(graph: bytes) -> set[str]:
    """Locations of external data that an ONNX graph names.

    Raises:
        BadModel: not readable as ONNX.
        UnsafeModelPath: a location breaks a rule of docs/format.md §4.
    """
    proto = onnx.ModelProto()
    # onnxruntime's own format names no external data; a file that is both is held to ONNX's rules.
    own = graph[4:8] == b"ORTM"
    try:
        proto.ParseFromString(graph)
    except DecodeError as error:
        if own:
            return set()
        raise BadModel("the model is no ONNX file: it does not parse") from error
    if not proto.HasField("graph"):
        if own:
            return set()
        raise BadModel("the model is no ONNX file: it has no graph")
    locations: set[str] = set()
    seen: dict[str, str] = {}
    for tensor in _tensors(proto):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        entries = [e.value for e in tensor.external_data if e.key == "location"]
        if len(entries) != 1:
            raise BadModel(
                f"the tensor {quoted(tensor.name)} names {len(entries)} external locations"
            )
        location = entries[0]
        _check_location(location)
        plain = str(PurePosixPath(location))
        if seen.setdefault(plain, location) != location:
            raise UnsafeModelPath(
                f"the model names one file twice, as {quoted(location)} and otherwise"
            )
        locations.add(location)
    return locations


def _check_location(location: object) -> None:
    if not isinstance(location, str):  # what protobuf gives for bytes that are no UTF-8
        raise UnsafeModelPath(
            f"the model names external data at {quoted(location)}, which is no UTF-8"
        )
    pure = PurePosixPath(location)
    windows = "\\" in location or location[1:2] == ":"
    if not location or pure.is_absolute() or windows or ".." in pure.parts or "\0" in location:
        raise UnsafeModelPath(
            f"the model names external data at {quoted(location)}, outside its folder"
        )
    if str(pure) == GRAPH:
        raise UnsafeModelPath(f"the model names external data at {GRAPH!r}, the graph's own path")


def _read_external(folder: Path, location: str) -> bytes:
    target = folder / location
    try:
        real = target.resolve(strict=True)
        if not real.is_relative_to(folder.resolve(strict=True)):
            raise UnsafeModelPath(f"the external data {quoted(location)} leaves the model's folder")
        if not real.is_file():  # a pipe would never end
            raise BadModel(f"the external data {quoted(location)} is no file")
        return real.read_bytes()
    except OSError as error:
        raise BadModel(f"cannot read the external data {quoted(location)}: {error.strerror}") from (
            error
        )
    except RuntimeError as error:  # pathlib, for links in a circle
        raise BadModel(f"the external data {quoted(location)} is a link to itself") from error


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from _graph_tensors(proto.graph)
    for function in proto.functions:
        for node in function.node:
            yield from _node_tensors(node)
        yield from _attribute_tensors(function.attribute_proto)
    for training in proto.training_info:
        yield from _graph_tensors(training.initialization)
        yield from _graph_tensors(training.algorithm)


def _graph_tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        yield from _node_tensors(node)


def _node_tensors(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    yield from _attribute_tensors(node.attribute)


def _attribute_tensors(attributes: Iterable[onnx.AttributeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        single = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
        for sparse in (*single, *attribute.sparse_tensors):
            yield sparse.values
            yield sparse.indices
        if attribute.HasField("g"):
            yield from _graph_tensors(attribute.g)
        for graph in attribute.graphs:
            yield from _graph_tensors(graph)
