"""Data sets: Parquet, JSON lines, npz, a folder of files. Rows have a number that stays.

A source is opened once, by the owner of the job, which reads every byte to hash it. It is small,
goes to the workers, and each reads there the rows that it is given.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

from counterfoil.errors import BadDataSet, BadRow
from counterfoil.hashing.eip712 import text, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Digest

from . import reading

Format = Literal["parquet", "jsonl", "npz", "files"]
Decode = Literal["bytes", "raw", "npy", "text"]

SUFFIXES: Final[dict[str, Format]] = {
    ".parquet": "parquet", ".pq": "parquet",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".npz": "npz",
}  # fmt: skip

_FILE_TYPE: Final = b"DataFile(string path,uint64 size,bytes32 sha256)"
_SET_TYPE: Final = b"DataSet(string format,DataFile[] files)"

DATA_FILE: Final = keccak(_FILE_TYPE)
DATA_SET: Final = keccak(_SET_TYPE + _FILE_TYPE)

CHUNK: Final = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file of a data set.

    Attributes:
        path: relative to the data set, with `/`; the name alone where that is one file.
        sha256: 32 bytes.
        rows: how many rows it holds.
        marks: of JSON lines, where every `reading.STEP`-th row begins.
    """

    path: str
    size: int
    sha256: bytes
    rows: int
    marks: array[int] = field(default_factory=lambda: array("Q"))

    @property
    def digest(self) -> Digest:
        """hashStruct(DataFile)."""
        return keccak(DATA_FILE + text(self.path) + word(self.size) + self.sha256)


class Source(Protocol):
    """What rows are read from."""

    @property
    def rows(self) -> int: ...
    @property
    def digest(self) -> Digest: ...

    def read(
        self, start: int, stop: int, columns: Sequence[str]
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Rows start … stop−1 in order: the file that is the row, if one is, and its values."""

    def file(self, row: int) -> str | None:
        """The file that is the row; None: rows are parts of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """A data set as it was when it was opened.

    Attributes:
        root: the file, or the folder.
        files: in byte order of their paths; rows are numbered in that order.
        columns: names, in the data's order.
        decode: how a file of a folder becomes a value.
    """

    root: Path
    format: Format
    files: tuple[DataFile, ...]
    columns: tuple[str, ...]
    decode: Decode = "bytes"

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(file.rows for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> Digest:
        """hashStruct(DataSet): 32 bytes that another format, file, name or order changes."""
        files = keccak(b"".join(file.digest for file in self.files))
        return keccak(DATA_SET + text(self.format) + files)

    def read(
        self, start: int, stop: int, columns: Sequence[str]
    ) -> Iterator[tuple[str | None, dict[str, Any]]]:
        """Rows start … stop−1.

        Raises:
            BadDataSet: a file is gone, or cannot be read.
            BadRow: a row cannot be read; it says which.
        """
        at = 0
        for file in self.files:
            first, last = max(start, at), min(stop, at + file.rows)
            if first < last:
                path = self.root / file.path if self.root.is_dir() else self.root
                name = file.path if self.format == "files" else None
                row = first
                try:
                    for values in self._rows(path, file, first - at, last - at, columns):
                        yield name, values
                        row += 1
                except BadRow as error:
                    which = f"row {row}" + ("" if name is None else f", {name}")
                    raise BadRow(f"{which}: {error}") from error
            at += file.rows
            if at >= stop:
                return

    def file(self, row: int) -> str | None:
        """The file that is the row, as its path in the folder; None: rows are parts of files."""
        return self.files[row].path if self.format == "files" else None

    def _rows(
        self, path: Path, file: DataFile, start: int, stop: int, columns: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        match self.format:
            case "parquet":
                return reading.parquet(path, start, stop, tuple(columns))
            case "jsonl":
                return reading.json_lines(path, start, stop, file.marks)
            case "npz":
                return reading.npz(path, start, stop, tuple(columns))
            case _:
                return iter([{reading.FILE: reading.file(path, self.decode)}])


def open_data(
    root: Path,
    *,
    format: Format | None = None,
    decode: Decode = "bytes",
    progress: Callable[[int], None] | None = None,
) -> DataSet:
    """Open a data set: find its files, hash them, count rows.

    Args:
        format: None: told by the names of the files.
        decode: of a folder of files: `bytes` a vector of uint8, `raw` the input's elements,
            `npy` the array in it, `text` one string of UTF-8.
        progress: called with the bytes hashed since the last call.
    Raises:
        BadDataSet: it is not there, or not what the format says.
        BadRow: JSON lines, none of which is an object.
    """
    if not root.exists():
        raise BadDataSet(f"there is no data set {root}: name a file or a folder")
    paths = _listed(root)
    kind = format or _format(root, paths)
    if kind != "files" and decode != "bytes":
        raise BadDataSet(f"--decode is for a folder of files, {root} is {kind}")
    if kind == "parquet":
        paths = [p for p in paths if not p.name.startswith("_")]  # _SUCCESS and its like
    files, columns = [], dict[str, None]()
    unread: BadRow | None = None
    for place, path in enumerate(paths):
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        found = _opened(path, name, kind, progress)
        try:
            here = reading.columns(path, kind)
        except BadRow as error:
            here, unread = [], unread or error
        if place == 0 or (kind == "jsonl" and not columns):  # a file may have no lines
            columns.update(dict.fromkeys(here))
        elif kind in ("parquet", "npz") and set(here) != set(columns):
            raise BadDataSet(f"{path} has other columns than {paths[0]}: make them the same")
        files.append(found)
    if unread is not None and not columns:
        raise unread
    return DataSet(
        root=root.absolute(),
        format=kind,
        files=tuple(files),
        columns=tuple(columns) or ((reading.FILE,) if kind == "files" else ()),
        decode=decode,
    )


def _listed(root: Path) -> list[Path]:
    if not root.is_dir():
        _name(Path(root.name))
        return [root]
    found = [p for p in root.rglob("*") if p.is_file()]
    kept = [p for p in found if not any(n.startswith(".") for n in p.relative_to(root).parts)]
    return sorted(kept, key=lambda p: _name(p.relative_to(root)))


def _name(path: Path) -> bytes:
    try:
        return path.as_posix().encode()
    except UnicodeEncodeError as error:  # the data set's digest is over names
        raise BadDataSet(f"the name of {path.name!a} is no UTF-8: rename the file") from error


def _format(root: Path, paths: Sequence[Path]) -> Format:
    kinds = {SUFFIXES.get(p.suffix.lower()) for p in paths if not p.name.startswith("_")}
    if not root.is_dir():
        kind = kinds.pop() if kinds else None
        if kind is None:
            raise BadDataSet(
                f"{root} is of no known kind: .parquet, .jsonl, .npz, a folder, or give --format "
                f"({', '.join(get_args(Format))})"
            )
        return kind
    if len(kinds) == 1 and (kind := kinds.pop()) in ("parquet", "jsonl"):
        return kind
    return "files"


def _opened(
    path: Path, name: str, kind: Format, progress: Callable[[int], None] | None
) -> DataFile:
    try:
        digest, size, lines, marks = hashlib.sha256(), 0, 0, array("Q")
        with path.open("rb") as stream:
            pieces = stream if kind == "jsonl" else iter(lambda: stream.read(CHUNK), b"")
            for piece in pieces:
                digest.update(piece)
                if kind == "jsonl" and piece.strip():
                    if lines % reading.STEP == 0:
                        marks.append(size)
                    lines += 1
                size += len(piece)
                if progress is not None:
                    progress(len(piece))
        rows = lines if kind == "jsonl" else reading.count(path, kind)
    except OSError as error:
        raise BadDataSet(f"cannot read {path}: {error.strerror or error}") from error
    return DataFile(path=name, size=size, sha256=digest.digest(), rows=rows, marks=marks)


__all__ = ["DataFile", "DataSet", "Decode", "Format", "Source", "open_data"]
