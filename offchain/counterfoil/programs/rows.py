"""Program rows: their kinds and bytes (docs/programs.md §3)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadProgram
from counterfoil.formats.tensor import shape_hash
from counterfoil.hashing.eip712 import text

VERSION: Final = 1
"""Of the rules in docs/programs.md."""

DESCRIPTOR: Final = 64
"""Bytes of an operator's row."""

WORD: Final = 32
"""Bytes of an EVM word: weights lie in words, the first one lowest (docs/programs.md §3)."""

PER_INDEX_ROW: Final = 64
"""Elements whose sources one index row names."""

PADDING: Final = 2**32 - 1
"""In an index row: no source, the operator's `pad`."""


class Kind(IntEnum):
    """A program row's first byte."""

    HEADER = 0x01
    INPUT = 0x02
    OUTPUT = 0x03
    DOT = 0x11
    DOT32 = 0x12
    LUT1 = 0x13
    LUT2 = 0x14
    MAX = 0x15
    ARGMAX = 0x16
    COPY = 0x17
    GATHER = 0x18
    QUANT = 0x19
    WEIGHTS = 0x20
    TABLE = 0x21
    TABLE2 = 0x22
    EMBEDDING = 0x23
    INDEX = 0x24


OPERATORS: Final = frozenset(k for k in Kind if 0x11 <= k <= 0x19)
WINDOWED: Final = frozenset({Kind.DOT, Kind.DOT32, Kind.MAX})


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Row 0: how many rows of each sort follow, in this order."""

    inputs: int
    outputs: int
    operators: int

    def encode(self) -> bytes:
        """The row."""
        return struct.pack(
            ">BBHHI", Kind.HEADER, VERSION, self.inputs, self.outputs, self.operators
        )

    @classmethod
    def decode(cls, row: bytes) -> Header:
        """A header.

        Raises:
            BadProgram: it is none, or of another version.
        """
        if len(row) != 10 or row[0] != Kind.HEADER:
            raise BadProgram("row 0 is no header of 10 bytes")
        _, version, inputs, outputs, operators = struct.unpack(">BBHHI", row)
        if version != VERSION:
            raise BadProgram(f"the program is of version {version}, known is {VERSION}")
        return cls(inputs=inputs, outputs=outputs, operators=operators)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A tensor of a receipt's set, and where the trace has it.

    Attributes:
        base: the trace row that is the tensor's chunk 0.
        length: bytes.
        dtype: ONNX `TensorProto.DataType`.
    """

    name: str
    dtype: int
    shape: tuple[int, ...]
    base: int
    length: int

    def encode(self, kind: Kind) -> bytes:
        """The row: what a contract compares first, then the same for people."""
        return (
            struct.pack(">BBII", kind, self.dtype, self.base, self.length)
            + text(self.name)
            + shape_hash(self.shape)
            + struct.pack(f">B{len(self.shape)}I", len(self.shape), *self.shape)
            + self.name.encode()
        )

    @classmethod
    def decode(cls, row: bytes, kind: Kind) -> Edge:
        """An edge.

        Raises:
            BadProgram: it is none of this kind, or its two halves disagree.
        """
        if len(row) < 75 or row[0] != kind:
            raise BadProgram(f"a row that should be an {kind.name.lower()} is none")
        _, dtype, base, length = struct.unpack_from(">BBII", row)
        dims, end = row[74], 75 + 4 * row[74]
        try:
            shape = struct.unpack_from(f">{dims}I", row, 75)
            edge = cls(name=row[end:].decode(), dtype=dtype, shape=shape, base=base, length=length)
        except (struct.error, UnicodeDecodeError) as error:
            raise BadProgram("an edge's shape or name does not parse") from error
        if edge.encode(kind) != row:
            raise BadProgram(f"the edge {edge.name[:50]!r} has hashes of another name or shape")
        return edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator's descriptor. Which fields count, and what they mean: docs/programs.md §3, §5.

    Attributes:
        out, count, width, size: first trace row written, elements, elements a row, bytes each.
        source, source_width: first trace row read, elements a row.
        zero, pad: bytes.
        table: first program row of its weights or tables.
        in_h … pad_w: the window; columns, per_group: its channels.
        second …  modulus: LUT2's other source.
        entries, index_size: GATHER's table, and bytes of an index.
        scale: QUANT's, bits of a float32.
    """

    kind: Kind
    zero: int = 0
    width: int
    out: int
    count: int
    source: int = 0
    source_width: int = 0
    size: int = 1
    pad: int = 0
    table: int = 0
    in_h: int = 0
    in_w: int = 0
    out_h: int = 0
    out_w: int = 0
    k_h: int = 0
    k_w: int = 0
    stride_h: int = 0
    stride_w: int = 0
    dilation_h: int = 0
    dilation_w: int = 0
    pad_h: int = 0
    pad_w: int = 0
    columns: int = 0
    per_group: int = 0
    second: int = 0
    second_width: int = 0
    divisor: int = 0
    modulus: int = 0
    entries: int = 0
    index_size: int = 0
    scale: int = 0

    def encode(self) -> bytes:
        """The row, 64 bytes.

        Raises:
            BadProgram: a number that its field cannot hold.
        """
        form, names = _LAYOUT[self.kind]
        try:
            row = struct.pack(form, *(getattr(self, name) for name in names))
        except struct.error as error:
            raise BadProgram(f"a {self.kind.name} has a number past its field") from error
        return row.ljust(DESCRIPTOR, b"\0")

    @classmethod
    def decode(cls, row: bytes) -> Operator:
        """An operator.

        Raises:
            BadProgram: another kind of row, another length, or bytes where none are meant.
        """
        if len(row) != DESCRIPTOR or row[0] not in OPERATORS:
            raise BadProgram("a row that should be an operator is none")
        form, names = _LAYOUT[Kind(row[0])]
        values = dict(zip(names, struct.unpack_from(form, row), strict=True))
        values["kind"] = Kind(values["kind"])
        if any(row[struct.calcsize(form) :]):
            raise BadProgram("an operator has bytes behind its last field")
        return cls(**values)

    @property
    def rows(self) -> int:
        """Trace rows written."""
        return -(-self.count // self.width)

    @property
    def taps(self) -> int:
        """Places of the window."""
        return self.k_h * self.k_w

    @property
    def depth(self) -> int:
        """Bytes of a dot product, K."""
        return self.taps * self.columns


_NAMES = tuple(f.name for f in fields(Operator))
_COMMON = (">BBHIIIHBBI", _NAMES[:10])
_WINDOW = ("HHHHBBBBBBBBHH", _NAMES[10:24])
_MORE = {
    Kind.LUT2: ("IHxxII", _NAMES[24:28]),
    Kind.GATHER: ("IB", _NAMES[28:30]),
    Kind.QUANT: ("I", _NAMES[30:31]),
    **dict.fromkeys(WINDOWED, _WINDOW),
}
_LAYOUT = {
    kind: (_COMMON[0] + _MORE.get(kind, ("", ()))[0], _COMMON[1] + _MORE.get(kind, ("", ()))[1])
    for kind in OPERATORS
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One output channel of a DOT.

    Attributes:
        zero: what is taken off every weight.
        multiplier: bits of a float32; 0 for DOT32.
        constant: with it the sum begins.
        values: weights 0…255, K bytes.
    """

    zero: int
    multiplier: int
    constant: int
    values: bytes

    def encode(self) -> bytes:
        """The row: a head of 12 bytes, then words with their bytes reversed."""
        head = struct.pack(
            ">BBHIi",
            Kind.WEIGHTS, self.zero, len(self.values), self.multiplier, self.constant,
        )  # fmt: skip
        return head + reversed_words(self.values)

    @classmethod
    def decode(cls, row: bytes, depth: int) -> Weights:
        """A channel of `depth` weights.

        Raises:
            BadProgram: it is none, or of another length, or padded with other than zeros.
        """
        if len(row) != 12 + -(-depth // WORD) * WORD or row[0] != Kind.WEIGHTS:
            raise BadProgram(f"a row that should be {depth} weights is none")
        _, zero, count, multiplier, constant = struct.unpack_from(">BBHIi", row)
        plain = reversed_words(row[12:])
        if count != depth or any(plain[depth:]):
            raise BadProgram(f"a row that should be {depth} weights has another number of them")
        return cls(zero=zero, multiplier=multiplier, constant=constant, values=plain[:depth])


def reversed_words(values: bytes) -> bytes:
    """`values`, zero-padded to whole words, each word's bytes in reverse. Its own inverse."""
    padded = values.ljust(-(-len(values) // WORD) * WORD, b"\0")
    words: NDArray[np.uint8] = np.frombuffer(padded, dtype=np.uint8).reshape(-1, WORD)
    return words[:, ::-1].tobytes()


def index_rows(rows: Sequence[int] | NDArray[np.int64], columns: NDArray[np.int64]) -> list[bytes]:
    """The index rows of a COPY.

    Args:
        rows: the trace row of every element's source, or `PADDING`.
        columns: the element in that row.
    """
    entries = np.zeros((len(columns), 6), dtype=np.uint8)
    entries[:, :4] = np.asarray(rows, dtype=">u4").view(np.uint8).reshape(-1, 4)
    entries[:, 4:] = np.asarray(columns, dtype=">u2").view(np.uint8).reshape(-1, 2)
    return [
        bytes([Kind.INDEX]) + entries[i : i + PER_INDEX_ROW].tobytes()
        for i in range(0, len(entries), PER_INDEX_ROW)
    ]


def index_entries(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of index entries, 6 bytes each."""
    raw = np.frombuffer(data, dtype=np.uint8).reshape(-1, 6)
    rows = np.ascontiguousarray(raw[:, :4]).view(">u4").ravel().astype(np.int64)
    columns = np.ascontiguousarray(raw[:, 4:]).view(">u2").ravel().astype(np.int64)
    return rows, columns
