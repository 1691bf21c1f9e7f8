"""Inputs of `counterfoil run`: npz, npy, json or raw files to arrays by input name."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from counterfoil.errors import BadInputFile, MalformedFile
from counterfoil.formats import strict_json

MAX_FILE: Final = 2**34
"""Bytes of an input file, at most; a model's inputs are far less."""

MAX_JSON: Final = 2**28
"""Bytes of a JSON input: parsed, it takes some thirty times its size."""

_ELEMENTS = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
    "tensor(int8)": np.int8, "tensor(int16)": np.int16, "tensor(int32)": np.int32,
    "tensor(int64)": np.int64, "tensor(uint8)": np.uint8, "tensor(uint16)": np.uint16,
    "tensor(uint32)": np.uint32, "tensor(uint64)": np.uint64, "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}  # fmt: skip

_UNREADABLE = (
    OSError, ValueError, EOFError, TypeError, OverflowError, KeyError, NotImplementedError,
    RuntimeError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy, json and zipfile raise for files that are damaged, encrypted or made up."""


class Declared:
    """One input as the model declares it.

    Attributes:
        type: onnxruntime's type string, such as `tensor(float)`.
        shape: dimensions; a name or None where the model leaves one open.
    """

    __slots__ = ("name", "shape", "type")

    def __init__(self, name: str, type: str, shape: Sequence[int | str | None]) -> None:
        self.name = name
        self.type = type
        self.shape = tuple(shape)


def read_inputs(specs: Sequence[str], declared: Sequence[Declared]) -> dict[str, Any]:
    """The arrays that `--input` options name.

    Args:
        specs: `NAME=FILE`, or `FILE` for an npz, a json object, or a model's only input.
        declared: the model's inputs.
    Raises:
        BadInputFile: a file that cannot be read, or that fits no input.
    """
    by_name = {d.name: d for d in declared}
    feed: dict[str, Any] = {}
    for spec in specs:
        name, equals, rest = spec.partition("=")
        if not equals or (name not in by_name and Path(spec).exists()):
            name, rest = "", spec
        found = _read(Path(rest), name, by_name)
        for key in found:
            if key in feed:
                raise BadInputFile(f"the input {key!r} is given twice")
            if key not in by_name:
                raise BadInputFile(
                    f"{rest}: the model has no input {key!r}, it has {', '.join(by_name)}"
                )
        feed.update(found)
    return feed


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an npz file, by name.

    Raises:
        BadInputFile: it cannot be read as one.
    """
    if path.suffix.lower() != ".npz":
        raise BadInputFile(f"cannot read {path}: give an npz file, an array for each input")
    return _read(path, "", {})


def _read(path: Path, name: str, declared: Mapping[str, Declared]) -> dict[str, Any]:
    suffix = path.suffix.lower()
    try:
        _check_file(path)
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
            if not name:
                return arrays
            if len(arrays) != 1:
                raise BadInputFile(f"{path} holds {len(arrays)} arrays: leave out {name}=")
            return {name: next(iter(arrays.values()))}
        if suffix == ".npy":
            array = np.load(path, allow_pickle=False)
            if not isinstance(array, np.ndarray):
                raise BadInputFile(f"{path} is no npy file: name an npz file as .npz")
            return {_only(name, path, declared): array}
        if suffix == ".json":
            return _from_json(path, name, declared)
        return _from_raw(path, _only(name, path, declared), declared)
    except RecursionError as error:
        raise BadInputFile(f"cannot read {path}: it is nested too deeply") from error
    except MemoryError as error:
        raise BadInputFile(f"cannot read {path}: it is too large for this machine") from error
    except _UNREADABLE as error:
        raise BadInputFile(f"cannot read {path}: {_line(error)}") from error


def _check_file(path: Path) -> None:
    """Only what has an end is read, and no more than an input can need.

    Raises:
        BadInputFile: a device, a pipe, or too large.
        OSError: it is not there.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise BadInputFile(f"cannot read {path}: it is no regular file")
    limit = MAX_JSON if path.suffix.lower() == ".json" else MAX_FILE
    if found.st_size > limit:
        raise BadInputFile(f"cannot read {path}: it is larger than {limit >> 20} MiB")


def _line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0]


def _only(name: str, path: Path, declared: Mapping[str, Declared]) -> str:
    if name:
        return name
    if len(declared) != 1:
        raise BadInputFile(
            f"{path}: the model has {len(declared)} inputs: say which, as NAME={path}"
        )
    return next(iter(declared))


def _from_json(path: Path, name: str, declared: Mapping[str, Declared]) -> dict[str, Any]:
    try:
        value = strict_json.loads(path.read_text(encoding="utf-8"))
    except MalformedFile as error:
        raise BadInputFile(f"cannot read {path}: {error}") from error
    whole = not name and isinstance(value, dict)
    named = value if whole else {_only(name, path, declared): value}
    out = {}
    for key, item in named.items():
        if key not in declared:
            raise BadInputFile(
                f"{path}: the model has no input {key!r}, it has {', '.join(declared)}"
            )
        element = _ELEMENTS.get(declared[key].type)
        if element is None:
            raise BadInputFile(f"{path}: the input {key!r} is a {declared[key].type}, not for JSON")
        exact = np.asarray(item)
        with np.errstate(over="ignore"):
            array = np.asarray(item, dtype=element)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BadInputFile(f"{path}: a value of {key!r} does not fit {declared[key].type}")
        if exact.dtype.kind in "iufb" and array.dtype.kind in "iub" and not (exact == array).all():
            raise BadInputFile(f"{path}: a value of {key!r} does not fit {declared[key].type}")
        out[key] = array
    return out


def _from_raw(path: Path, name: str, declared: Mapping[str, Declared]) -> dict[str, Any]:
    if name not in declared:
        raise BadInputFile(f"{path}: the model has no input {name!r}, it has {', '.join(declared)}")
    d = declared[name]
    element = _ELEMENTS.get(d.type)
    if element is None or element is np.object_:
        raise BadInputFile(f"{path}: the input {name!r} is a {d.type}, not for raw bytes")
    flat = np.frombuffer(path.read_bytes(), dtype=element)
    sizes = [size if isinstance(size, int) else -1 for size in d.shape]
    if sizes.count(-1) > 1:  # the leading open dimensions are 1, the last takes the rest
        last = len(sizes) - 1 - sizes[::-1].index(-1)
        sizes = [1 if size == -1 and place != last else size for place, size in enumerate(sizes)]
    return {name: flat.reshape(sizes)}
