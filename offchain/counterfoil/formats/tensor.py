"""Tensors and tensor sets (docs/format.md §2 and §3): bytes, chunks, commitments."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadOpening, BadPath, BadTensor
from counterfoil.hashing import lanes, merkle
from counterfoil.hashing.eip712 import text, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO, Digest

from .chunks import CHUNK, chunk_count, chunk_leaf, chunk_root, chunk_tree, salt
from .dtypes import NUMBERS, PACKED, STRING
from .elements import (
    check_length,
    check_little_endian,
    numpy_type,
    pack,
    shaped,
    strings,
    unpack,
    unpack_strings,
)
from .frozen import filled_at_once, unchecked
from .quoting import quoted

PUBLIC_MASTER = ZERO
"""The master of data that is public anyway."""

TENSOR_TYPE = keccak(
    b"Tensor(string name,uint8 dtype,uint64[] shape,uint64 byteLength,bytes32 chunks)"
)
SET_TYPE = keccak(b"TensorSet(uint32 count,bytes32 root)")


def fresh_master() -> Digest:
    """32 random bytes: the master of one set of one receipt."""
    return Digest(os.urandom(32))


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A tensor's name, type, shape and bytes.

    Attributes:
        name: as the model declares it.
        dtype: ONNX `TensorProto.DataType`.
        shape: dimensions, each ≥ 0; () is one element.
        data: ONNX raw data, little-endian, C order; strings as docs/format.md §2 says.
    """

    name: str
    dtype: int
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        try:
            self.name.encode()
        except UnicodeEncodeError as error:
            raise BadTensor(f"tensor {quoted(self.name)}: its name has no UTF-8") from error
        check_length(self.name, self.dtype, self.shape, len(self.data))

    @classmethod
    def of(cls, name: str, value: Any) -> Tensor:
        """The tensor of an array, or of what NumPy makes an array of without guessing objects.

        Raises:
            BigEndianTensor: the array's bytes are big-endian.
            BadTensor: an element type that ONNX lacks, an object array of other than str,
                text that onnxruntime would misread, or nested lists of uneven lengths.
        """
        try:
            array = np.asarray(value)  # also strips subclasses: a masked array fills its bytes
        except (ValueError, TypeError, OverflowError) as error:
            raise BadTensor(f"tensor {quoted(name)}: NumPy makes no array of it") from error
        check_little_endian(name, array.dtype)
        if array.dtype.kind in "OUST":
            return cls(name=name, dtype=STRING, shape=array.shape, data=strings(name, array))
        number = NUMBERS.get(array.dtype.name)
        if number is None:
            raise BadTensor(f"tensor {quoted(name)}: ONNX has no element type {array.dtype}")
        # tobytes gives C order, whatever the strides.
        data = pack(array, PACKED[number]) if number in PACKED else array.tobytes()
        return cls(name=name, dtype=number, shape=array.shape, data=data)

    def array(self) -> NDArray[Any]:
        """The array: strings as Python strings, ONNX-only types as ml_dtypes gives them.

        Raises:
            BadTensor: the bytes are not those of so many strings, or NumPy has no such shape.
        """
        if self.dtype == STRING:
            return unpack_strings(self.name, self.shape, self.data)
        dtype = numpy_type(self.dtype)
        if self.dtype in PACKED:
            flat = unpack(self.data, math.prod(self.shape), PACKED[self.dtype], dtype)
        else:
            flat = np.frombuffer(self.data, dtype=dtype)
        return shaped(self.name, flat, self.shape)


_unchecked = unchecked(Tensor)


def of_array(name: str, dtype: int, array: NDArray[Any]) -> Tensor:
    """The tensor of an array, for whoever knows that it has one.

    Args:
        name: one that is UTF-8.
        dtype: neither strings nor a packed type; one of as many bytes as the array's elements.
        array: little-endian.
    """
    made: Tensor = _unchecked(name, dtype, array.shape, array.tobytes())
    return made


# Commitments


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorCommitment:
    """A tensor without its bytes: what `hashStruct(Tensor)` covers.

    Attributes:
        chunks: root over the chunks' leaves, 32 bytes.
    """

    name: str
    dtype: int
    shape: tuple[int, ...]
    byte_length: int
    chunks: Digest

    @property
    def digest(self) -> Digest:
        """hashStruct(Tensor)."""
        return tensor_digest(
            text(self.name), self.dtype, shape_hash(self.shape), self.byte_length, self.chunks
        )


def shape_hash(shape: Sequence[int]) -> Digest:
    """keccak of the dimensions, 32 bytes each: EIP-712's `uint64[]`."""
    return keccak(b"".join(map(word, shape)))


def tensor_digest(
    name_hash: bytes, dtype: int, shape_hash: bytes, byte_length: int, chunks: bytes
) -> Digest:
    """hashStruct(Tensor) from its parts, as a contract gets them."""
    return keccak(TENSOR_TYPE + name_hash + word(dtype) + shape_hash + word(byte_length) + chunks)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSet:
    """A committed set of tensors.

    Attributes:
        tensors: in the order in which the model declares them.
    """

    tensors: tuple[TensorCommitment, ...]

    @property
    def root(self) -> Digest:
        """Root over the tensors' leaves, or zero for no tensors."""
        if not self.tensors:
            return ZERO
        return merkle.root_of([merkle.leaf(t.digest) for t in self.tensors])

    @property
    def digest(self) -> Digest:
        """hashStruct(TensorSet): a receipt's `inputs` or `outputs`."""
        return set_digest(len(self.tensors), self.root)


def set_digest(count: int, root: bytes) -> Digest:
    """hashStruct(TensorSet) from its parts."""
    return keccak(SET_TYPE + word(count) + root)


@lru_cache(maxsize=4096)
def _front(name: str, dtype: int, shape: tuple[int, ...], byte_length: int) -> bytes:
    """All of a tensor's struct but its chunks, then all of the struct of a set of this tensor
    alone but its root: a session's runs have the same few.
    """
    struct = TENSOR_TYPE + text(name) + word(dtype) + shape_hash(shape) + word(byte_length)
    return struct + SET_TYPE + word(1)


_STRUCT = 5 * 32
"""Bytes of `_front` that are the tensor's."""

_FIRST = bytes(8)
"""The position of a set's first tensor."""


def _leaf(t: Tensor, master: bytes, position: int) -> bytes:
    front = _front(t.name, t.dtype, t.shape, len(t.data))
    if len(t.data) <= CHUNK * lanes.FEW:
        made = lanes.kernels()  # counted where they are missing
        if made is not None:
            return lanes.tensor_leaf(t.data, master + position.to_bytes(8, "big"), front, made)
    return merkle.leaf(keccak(front[:_STRUCT] + chunk_root(t.data, master, position)))


def commitment(tensors: Sequence[Tensor], master: bytes) -> Digest:
    """`commit(tensors, master).digest`, without what is only needed to open single chunks.

    Raises:
        BadOpening: the master is not 32 bytes.
    """
    if len(master) != 32:
        raise BadOpening(f"a master is 32 bytes, this one {len(master)}")
    if not tensors:
        return set_digest(0, ZERO)
    if len(tensors) == 1:
        (t,) = tensors
        size = len(t.data)
        made = lanes.kernels() if size <= CHUNK * lanes.FEW else None
        if made is not None:
            front = _front(t.name, t.dtype, t.shape, size)
            return Digest(lanes.only_set(t.data, master + _FIRST, front, made))
    leaves = [_leaf(t, master, position) for position, t in enumerate(tensors)]
    return set_digest(len(leaves), leaves[0] if len(leaves) == 1 else merkle.root_of(leaves))


def commit_tensor(tensor: Tensor, master: bytes, position: int) -> TensorCommitment:
    """Commit to one tensor at its place in a set."""
    return TensorCommitment(
        name=tensor.name,
        dtype=tensor.dtype,
        shape=tensor.shape,
        byte_length=len(tensor.data),
        chunks=chunk_root(tensor.data, master, position),
    )


def commit(tensors: Sequence[Tensor], master: bytes) -> TensorSet:
    """Commit to tensors, in their order, under one master.

    Raises:
        BadOpening: the master is not 32 bytes.
    """
    if len(master) != 32:
        raise BadOpening(f"a master is 32 bytes, this one {len(master)}")
    return TensorSet(
        tensors=tuple(commit_tensor(t, master, position) for position, t in enumerate(tensors))
    )


# Openings of one chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkOpening:
    """What shows one chunk of one tensor under a set's digest: the contracts' `ChunkOpening`.

    Attributes:
        count: tensors in the set.
        position: the tensor's place in the set.
        set_path: from the tensor's leaf to the set's root.
        index: the chunk's place in the tensor.
        salt: the chunk's salt, 32 bytes.
        data: the chunk, at most 256 bytes.
        chunk_path: from the chunk's leaf to the tensor's root.
    """

    count: int
    position: int
    name_hash: Digest
    dtype: int
    shape_hash: Digest
    byte_length: int
    set_path: tuple[Digest, ...]
    index: int
    salt: Digest
    data: bytes
    chunk_path: tuple[Digest, ...]

    @classmethod
    def of(
        cls,
        tensors: Sequence[TensorCommitment],
        position: int,
        *,
        index: int,
        salt: Digest,
        data: bytes,
        chunk_path: Sequence[Digest],
    ) -> ChunkOpening:
        """The opening of a chunk whose salt and path are known."""
        tensor = tensors[position]
        return cls(
            count=len(tensors),
            position=position,
            name_hash=text(tensor.name),
            dtype=tensor.dtype,
            shape_hash=shape_hash(tensor.shape),
            byte_length=tensor.byte_length,
            set_path=tuple(merkle.tree_of([merkle.leaf(t.digest) for t in tensors]).path(position)),
            index=index,
            salt=salt,
            data=data,
            chunk_path=tuple(chunk_path),
        )

    def set_digest(self) -> Digest:
        """The set's digest to which this opening leads.

        Raises:
            BadOpening: a place out of range, a path or chunk of the wrong length.
        """
        chunks = chunk_count(self.byte_length)
        last = self.byte_length - CHUNK * (chunks - 1)
        if not 0 <= self.index < chunks:
            raise BadOpening(f"chunk {self.index} of a tensor of {chunks}")
        if len(self.data) != (last if self.index == chunks - 1 else CHUNK):
            raise BadOpening(f"chunk {self.index} has the wrong length, {len(self.data)} bytes")
        try:
            chunk_root = merkle.root_from_path(
                chunk_leaf(self.salt, self.data), self.index, chunks, self.chunk_path
            )
            tensor = tensor_digest(
                self.name_hash, self.dtype, self.shape_hash, self.byte_length, chunk_root
            )
            root = merkle.root_from_path(
                merkle.leaf(tensor), self.position, self.count, self.set_path
            )
        except BadPath as error:
            raise BadOpening(f"the opening's path does not fit: {error}") from error
        return set_digest(self.count, root)

    def abi(self) -> tuple[Any, ...]:
        """The struct as contracts take it, fields in the interface's order."""
        return (
            self.count, self.position, self.name_hash, self.dtype, self.shape_hash,
            self.byte_length, list(self.set_path), self.index, self.salt, self.data,
            list(self.chunk_path),
        )  # fmt: skip


def open_chunk(tensors: Sequence[Tensor], master: bytes, position: int, index: int) -> ChunkOpening:
    """Open chunk `index` of the tensor at `position` of a set.

    Raises:
        BadOpening: no such tensor or chunk.
    """
    if not 0 <= position < len(tensors):
        raise BadOpening(f"tensor {position} of a set of {len(tensors)}")
    data = tensors[position].data
    if not 0 <= index < chunk_count(len(data)):
        raise BadOpening(f"chunk {index} of a tensor of {chunk_count(len(data))}")
    return ChunkOpening.of(
        commit(tensors, master).tensors,
        position,
        index=index,
        salt=salt(master, position, index),
        data=data[index * CHUNK : (index + 1) * CHUNK],
        chunk_path=chunk_tree(data, master, position).path(index),
    )
