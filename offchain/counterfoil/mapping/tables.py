"""Outputs and receipts as Parquet, and back.

An output `y` is the column `y`, the elements of each row's tensor in C order, beside `y.shape`.
Nothing is dictionary-encoded: a dictionary would take two NaNs of other bits for one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from counterfoil.errors import BadColumns, BadJob
from counterfoil.formats.dtypes import NAMES, STRING
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Address, Digest, Seconds, Signature
from counterfoil.journal import Sealed

from .reading import arrow

OUTPUTS: Final = "outputs"
RECEIPTS: Final = "receipts"
SHAPE: Final = ".shape"

PLAIN: Final = frozenset(
    {"float32", "float64", "bool"} | {f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)}
)
"""Element types that Parquet has too; tensors of the others are kept as ONNX's raw bytes."""

_KEY: Final = b"counterfoil.dtype"

_DIGESTS: Final = ("model", "runtime", "request", "inputs", "outputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRow:
    """One row's outputs.

    Attributes:
        file: where a file is the row.
        tensors: None: the row was refused.
    """

    row: int
    file: str | None
    tensors: tuple[Tensor, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRow:
    """One row's receipt.

    Attributes:
        sealed: None: the row was refused.
        note: why there is none, or what is wrong with it; None: all is well.
    """

    row: int
    sealed: Sealed | None
    note: str | None


def part(folder: Path, kind: str, block: int) -> Path:
    """A block's file."""
    return folder / kind / f"part-{block:06d}.parquet"


# Outputs


def outputs(rows: Sequence[OutputRow]) -> bytes:
    """A Parquet file of outputs.

    Raises:
        BadColumns: an output is called as another column.
    """
    pa = arrow()
    columns: list[tuple[Any, Any]] = [
        (pa.field("row", pa.int64(), nullable=False), pa.array([r.row for r in rows], pa.int64()))
    ]
    if any(r.file is not None for r in rows):
        columns.append((pa.field("file", pa.string()), pa.array([r.file for r in rows])))
    dtypes: dict[str, int] = {}
    for row in rows:
        for tensor in row.tensors or ():
            dtypes.setdefault(tensor.name, tensor.dtype)
    for name, dtype in dtypes.items():
        found = [{t.name: t for t in row.tensors or ()}.get(name) for row in rows]
        values = _values(dtype, found)
        columns.append((pa.field(name, values.type, metadata={_KEY: str(dtype)}), values))
        shapes = [None if t is None else list(t.shape) for t in found]
        columns.append(
            (pa.field(name + SHAPE, pa.list_(pa.int64())), pa.array(shapes, pa.list_(pa.int64())))
        )
    names = [field.name for field, _ in columns]
    for name in names:
        if names.count(name) > 1:
            raise BadColumns(f"two columns would be called {name!r}: rename the model's output")
    return _written([field for field, _ in columns], [values for _, values in columns])


def _values(dtype: int, tensors: Sequence[Tensor | None]) -> Any:
    pa = arrow()
    if dtype == STRING:
        lists = [None if t is None else [str(s) for s in t.array().flat] for t in tensors]
        return pa.array(lists, pa.list_(pa.string()))
    element = _element(dtype)
    if element is None:
        return pa.array([None if t is None else t.data for t in tensors], pa.large_binary())
    flat = np.frombuffer(b"".join(t.data for t in tensors if t is not None), dtype=element)
    sizes = [0 if t is None else len(t.data) // element.itemsize for t in tensors]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    missing = pa.array([t is None for t in tensors])
    kept = missing if any(t is None for t in tensors) else None
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(flat), mask=kept)


def _element(dtype: int) -> np.dtype[Any] | None:
    """NumPy's type of the elements that a list is made of, None: raw bytes are kept."""
    return np.dtype(NAMES[dtype]) if NAMES[dtype] in PLAIN else None


def read_outputs(path: Path) -> Iterator[OutputRow]:
    """Rows of a file that `outputs` made, bit for bit.

    Raises:
        BadJob: it is damaged.
    """
    table = _read(path)
    fields = {f.name: f for f in table.schema if (f.metadata or {}).get(_KEY) is not None}
    rows = table.column("row").to_pylist()
    files = table.column("file").to_pylist() if "file" in table.column_names else [None] * len(rows)
    columns = {
        name: (int(field.metadata[_KEY]), table.column(name), table.column(name + SHAPE))
        for name, field in fields.items()
    }
    for place, row in enumerate(rows):
        tensors = tuple(
            _tensor(name, dtype, values[place], shapes[place].as_py())
            for name, (dtype, values, shapes) in columns.items()
            if values[place].is_valid
        )
        yield OutputRow(row=row, file=files[place], tensors=tensors)


def _tensor(name: str, dtype: int, value: Any, shape: Sequence[int]) -> Tensor:
    if dtype == STRING:
        made = np.array(value.as_py(), dtype=object).reshape(shape)
        return Tensor.of(name, made)
    if _element(dtype) is None:
        return Tensor(name=name, dtype=dtype, shape=tuple(shape), data=value.as_py())
    data = value.values.to_numpy(zero_copy_only=False).tobytes()
    return Tensor(name=name, dtype=dtype, shape=tuple(shape), data=data)


# Receipts


def receipts(rows: Sequence[ReceiptRow]) -> bytes:
    """A Parquet file of receipts: the nine fields, the signature, and which ledger it is for."""
    pa = arrow()
    found = [None if r.sealed is None else _receipt(r.sealed) for r in rows]

    def column(name: str) -> list[Any]:
        return [None if f is None else f[name] for f in found]

    types: dict[str, Any] = {
        "signer": pa.string(), "sequence": pa.uint64(), **dict.fromkeys(_DIGESTS, pa.binary(32)),
        "issued_at": pa.uint64(), "settle_by": pa.uint64(), "chain_id": pa.string(),
        "ledger": pa.string(), "signature": pa.binary(65), "digest": pa.binary(32),
    }  # fmt: skip
    fields = [pa.field("row", pa.int64(), nullable=False)]
    values = [pa.array([r.row for r in rows], pa.int64())]
    for name, kind in types.items():
        fields.append(pa.field(name, kind))
        values.append(pa.array(column(name), kind))
    fields.append(pa.field("note", pa.string()))
    values.append(pa.array([r.note for r in rows], pa.string()))
    return _written(fields, values)


def _receipt(sealed: Sealed) -> Mapping[str, Any]:
    r = sealed.receipt
    return {
        "signer": r.signer,
        "sequence": r.sequence,
        **{name: getattr(r, name) for name in _DIGESTS},
        "issued_at": r.issued_at,
        "settle_by": r.settle_by,
        "chain_id": str(sealed.chain_id),  # up to 256 bits
        "ledger": sealed.ledger,
        "signature": sealed.signature,
        "digest": sealed.digest,
    }


def read_receipts(path: Path) -> Iterator[ReceiptRow]:
    """Rows of a file that `receipts` made.

    Raises:
        BadJob: it is damaged.
    """
    for found in _read(path).to_pylist():
        sealed = None
        if found["signer"] is not None:
            receipt = Receipt(
                signer=Address(found["signer"]),
                sequence=found["sequence"],
                **{name: Digest(found[name]) for name in _DIGESTS},
                issued_at=Seconds(found["issued_at"]),
                settle_by=Seconds(found["settle_by"]),
            )
            sealed = Sealed(
                receipt=receipt,
                signature=Signature(found["signature"]),
                chain_id=int(found["chain_id"]),
                ledger=Address(found["ledger"]),
            )
        yield ReceiptRow(row=found["row"], sealed=sealed, note=found["note"])


@dataclass(slots=True)
class Counts:
    """What receipt files hold.

    Attributes:
        refused: rows without a receipt.
        differing: rows with one that is not, or not known to be, of the outputs.
    """

    rows: int = 0
    differing: int = 0
    refused: int = 0

    @property
    def verified(self) -> int:
        """Rows with a receipt of their outputs."""
        return self.rows - self.differing - self.refused

    def add(self, path: Path) -> None:
        """Count a file that `receipts` made.

        Raises:
            BadJob: it is damaged.
        """
        table = _read(path, ["signer", "note"])
        refused = table.column("signer").null_count
        self.rows += table.num_rows
        self.refused += refused
        self.differing += table.num_rows - table.column("note").null_count - refused


def _written(fields: Sequence[Any], values: Sequence[Any]) -> bytes:
    pa = arrow()
    table = pa.Table.from_arrays(list(values), schema=pa.schema(list(fields)))
    stream = io.BytesIO()
    pa.parquet.write_table(
        table, stream, use_dictionary=False, write_statistics=["row"], compression="zstd"
    )
    return stream.getvalue()


def _read(path: Path, columns: Sequence[str] | None = None) -> Any:
    pa = arrow()
    try:
        return pa.parquet.ParquetFile(path).read(columns=columns, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise BadJob(f"cannot read {path}: {error}") from error


__all__ = [
    "OUTPUTS", "RECEIPTS", "Counts", "OutputRow", "ReceiptRow", "outputs", "part", "read_outputs",
    "read_receipts", "receipts",
]  # fmt: skip
