"""Rows out of files, one kind of file after the other. What is costly to open stays open."""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from counterfoil.errors import BadDataSet, BadRow, MalformedFile, MapMissing
from counterfoil.formats import strict_json

from .columns import Raw

FILE: Final = "file"
"""The only column of a folder of files."""

STEP: Final = 256
"""Rows of JSON lines between two marks."""

_DAMAGED = (
    OSError, ValueError, EOFError, KeyError, NotImplementedError, RuntimeError, AttributeError,
    TypeError, SyntaxError, MemoryError, OverflowError, tokenize.TokenError, zipfile.BadZipFile,
    zlib.error,
)  # fmt: skip
"""What NumPy raises over a damaged file, or one whose head lies: sizes, types, syntax."""


def arrow() -> Any:
    """pyarrow, with its Parquet.

    Raises:
        MapMissing: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MapMissing(
            "`counterfoil map` needs pyarrow: pip install 'counterfoil[map]', "
            "or 'counterfoil[ray]' for Ray too"
        ) from error
    return pyarrow


def columns(path: Path, kind: str) -> list[str]:
    """Names of a file's columns.

    Raises:
        BadDataSet: it is not of the kind, or two columns have one name.
        BadRow: of JSON lines, none is an object.
    """
    if kind == "parquet":
        names = list(_parquet(path).schema_arrow.names)
        for name, times in Counter(names).items():
            if times > 1:
                raise BadDataSet(f"{path} has {times} columns called {name!r}: rename them")
        return names
    if kind == "npz":
        return list(_npz(path))
    return _fields(path) if kind == "jsonl" else [FILE]


def count(path: Path, kind: str) -> int:
    """A file's rows.

    Raises:
        BadDataSet: it is not of the kind.
    """
    if kind == "parquet":
        return int(_parquet(path).metadata.num_rows)
    if kind == "npz":
        sizes = {a.shape[0] if a.ndim else None for a in _npz(path).values()}
        if not sizes:
            return 0
        if len(sizes) != 1 or None in sizes:
            raise BadDataSet(f"{path}: its arrays have no first dimension in common")
        return int(sizes.pop() or 0)
    return 1


# Parquet


@lru_cache(maxsize=8)
def _parquet(path: Path) -> Any:
    pyarrow = arrow()
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise BadDataSet(f"cannot read {path}: it is no Parquet file ({_line(error)})") from error


@lru_cache(maxsize=2)
def _row_group(path: Path, group: int, names: tuple[str, ...]) -> Any:
    pyarrow = arrow()
    try:
        return _parquet(path).read_row_group(group, columns=list(names), use_threads=False)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadDataSet(f"cannot read {path}: {_line(error)}") from error


def parquet(path: Path, start: int, stop: int, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows start … stop−1 of a Parquet file, with the columns that are asked for."""
    metadata, at = _parquet(path).metadata, 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        first, last = max(start, at), min(stop, at + rows)
        if first < last:
            table = _row_group(path, group, names).slice(first - at, last - first)
            values = {name: _column(table.column(name)) for name in names}
            for place in range(last - first):
                yield {name: column[place] for name, column in values.items()}
        at += rows


def _column(chunked: Any) -> Any:
    """What gives a value for a place: arrays where rows have one length, Python's values else."""
    types = arrow().types
    column = chunked.combine_chunks()
    if isinstance(column, arrow().ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column
    kind = column.type
    if isinstance(kind, arrow().FixedShapeTensorType) and not column.null_count:
        return column.to_numpy_ndarray()
    if isinstance(kind, arrow().ExtensionType):
        column, kind = column.storage, kind.storage_type
    shape: list[int] = []
    flat = column
    while types.is_fixed_size_list(flat.type) and not flat.null_count:
        shape.append(flat.type.list_size)
        flat = flat.flatten()
    if _number(flat.type) and not flat.null_count:
        return _array(flat).reshape(len(column), *shape)
    return _Values(column)


def _number(kind: Any) -> bool:
    types = arrow().types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _array(flat: Any) -> Any:
    return flat.to_numpy(zero_copy_only=False)


class _Values:
    """A column whose rows have lengths of their own, or hold no numbers."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __getitem__(self, place: int) -> Any:
        scalar = self._column[place]
        values = getattr(scalar, "values", None)  # of a struct, a method
        if isinstance(values, arrow().Array) and _number(values.type) and not values.null_count:
            return _array(values)
        try:
            value = scalar.as_py()
        except (ValueError, OverflowError) as error:  # no UTF-8, or a time that Python lacks
            raise BadRow(f"a value that cannot be read ({_line(error)})") from error
        if isinstance(value, bytes):
            return np.frombuffer(value, dtype=np.uint8)
        if value is not None and _has_none(value):
            raise BadRow("a list in the data has an element without a value")
        return value


def _has_none(value: Any) -> bool:
    return isinstance(value, list) and any(v is None or _has_none(v) for v in value)


# JSON lines


def json_lines(path: Path, start: int, stop: int, marks: array[int]) -> Iterator[dict[str, Any]]:
    """Rows start … stop−1: an object a line; blank lines do not count.

    Raises:
        BadRow: a line that is no JSON object.
    """
    try:
        with path.open("rb") as stream:
            place = start // STEP
            if place >= len(marks):
                return
            stream.seek(marks[place])
            row = place * STEP
            for line in stream:
                if not line.strip():
                    continue
                if row >= stop:
                    return
                if row >= start:
                    yield _object(path, line)
                row += 1
    except OSError as error:
        raise BadDataSet(f"cannot read {path}: {error.strerror or error}") from error


def _object(path: Path, line: bytes) -> dict[str, Any]:
    try:
        value = strict_json.loads(line.decode())
    except (ValueError, MalformedFile) as error:
        raise BadRow(f"{path.name}: no JSON ({_line(error)})") from error
    if not isinstance(value, dict):
        raise BadRow(f"{path.name}: not an object with a field for each column")
    return value


def _fields(path: Path) -> list[str]:
    """Names of the fields of a file's first object; none where it has no lines."""
    bad: BadRow | None = None
    with path.open("rb") as stream:
        for line in stream:
            if line.strip():
                try:
                    return list(_object(path, line))
                except BadRow as error:
                    bad = bad or error
    if bad is not None:
        raise bad
    return []


# npz


@lru_cache(maxsize=2)
def _npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _DAMAGED as error:
        raise BadDataSet(f"cannot read {path}: it is no npz file ({_line(error)})") from error


def npz(path: Path, start: int, stop: int, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rows start … stop−1: each array's first dimension counts rows."""
    arrays = _npz(path)
    for row in range(start, stop):
        yield {name: arrays[name][row] for name in names}


# A folder of files


def file(path: Path, decode: str) -> Any:
    """One file as a value.

    Raises:
        BadDataSet: it is gone.
        BadRow: it is not what `decode` says.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadDataSet(f"cannot read {path}: {error.strerror or error}") from error
    if decode == "bytes":
        return np.frombuffer(data, dtype=np.uint8)
    if decode == "raw":
        return Raw(data)
    try:
        if decode == "text":
            return data.decode()
        found = np.load(io.BytesIO(data), allow_pickle=False)
    except _DAMAGED as error:
        raise BadRow(f"not to be read as {decode} ({_line(error)})") from error
    if not isinstance(found, np.ndarray):
        raise BadRow("an npz file, not npy")
    return found


def _line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:200]
