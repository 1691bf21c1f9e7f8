"""The opening of a tensor set in a receipt file: whole tensors, or single chunks of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterfoil.errors import BadOpening, BadPath, BadTensor, MalformedFile
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Digest

from .strict_json import Fields, base64_out, hex_out, number_out
from .tensor import (
    CHUNK,
    Tensor,
    TensorCommitment,
    TensorSet,
    check_length,
    chunk_count,
    chunk_leaf,
    commit,
)

MAX_TENSORS = 2**16
MAX_RANK = 64
MAX_OPENED = 2**18
"""Bounds of a receipt file's lists; 64 MiB hold no more chunks than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedChunk:
    """One chunk of a tensor with its salt and its path to the tensor's root."""

    index: int
    salt: Digest
    data: bytes
    path: tuple[Digest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialTensor:
    """A tensor's commitment, with those of its chunks that are shown."""

    commitment: TensorCommitment
    opened: tuple[OpenedChunk, ...]

    def check(self) -> None:
        """Hold every opened chunk against the tensor's root.

        Raises:
            BadOpening: a chunk of the wrong length, or one that leads elsewhere.
        """
        c = self.commitment
        chunks = chunk_count(c.byte_length)
        for chunk in self.opened:
            last = chunk.index == chunks - 1
            length = c.byte_length - CHUNK * (chunks - 1) if last else CHUNK
            if len(chunk.data) != length:
                raise BadOpening(f"chunk {chunk.index} of {c.name!r} has the wrong length")
            try:
                root = merkle.root_from_path(
                    chunk_leaf(chunk.salt, chunk.data), chunk.index, chunks, chunk.path
                )
            except BadPath as error:
                raise BadOpening(f"chunk {chunk.index} of {c.name!r}: {error}") from error
            if root != c.chunks:
                raise BadOpening(f"chunk {chunk.index} of {c.name!r} is not the committed one")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOpening:
    """What shows one side of a receipt: all tensors under the master, or chunks without it.

    Attributes:
        master: 32 bytes, or None where single chunks are shown.
        tensors: all tensors of the set, in order; empty where single chunks are shown.
        partial: all tensors of the set, in order, where single chunks are shown.
    """

    master: Digest | None
    tensors: tuple[Tensor, ...] = ()
    partial: tuple[PartialTensor, ...] = ()

    def commitment(self) -> TensorSet:
        """The set to which this opening leads; its `digest` is a receipt's `inputs` or `outputs`.

        Raises:
            BadOpening: an opened chunk leads elsewhere.
        """
        if self.master is not None:
            return commit(self.tensors, self.master)
        for tensor in self.partial:
            tensor.check()
        return TensorSet(tensors=tuple(t.commitment for t in self.partial))

    @classmethod
    def parse(cls, value: object, where: str) -> SetOpening:
        """A set opening from a receipt file.

        Raises:
            MalformedFile: the layout is broken, or whole tensors and chunks are mixed.
        """
        f = Fields(value, where)
        items = [Fields(item, f"{where}.tensors") for item in f.items("tensors", MAX_TENSORS)]
        if f.has("master"):
            master = Digest(f.hex("master", 32))
            return cls(master=master, tensors=tuple(_tensor(item) for item in items))
        return cls(master=None, partial=tuple(_partial(item, where) for item in items))

    def dump(self) -> dict[str, Any]:
        """The set opening as a receipt file holds it."""
        if self.master is not None:
            return {
                "master": hex_out(self.master),
                "tensors": [
                    {**_head(t.name, t.dtype, t.shape), "data": base64_out(t.data)}
                    for t in self.tensors
                ],
            }
        return {"tensors": [_partial_out(t) for t in self.partial]}


def _tensor(f: Fields) -> Tensor:
    try:
        return Tensor(
            name=f.text("name"),
            dtype=f.number("dtype", 8),
            shape=f.numbers("shape", MAX_RANK),
            data=f.base64("data"),
        )
    except BadTensor as error:
        raise MalformedFile(str(error)) from error


def _partial(f: Fields, where: str) -> PartialTensor:
    if f.has("data"):
        raise MalformedFile(f"{where} shows whole tensors but lacks their master")
    commitment = TensorCommitment(
        name=f.text("name"),
        dtype=f.number("dtype", 8),
        shape=f.numbers("shape", MAX_RANK),
        byte_length=f.number("byteLength"),
        chunks=Digest(f.hex("chunks", 32)),
    )
    try:
        check_length(commitment.name, commitment.dtype, commitment.shape, commitment.byte_length)
    except BadTensor as error:
        raise MalformedFile(str(error)) from error
    return PartialTensor(
        commitment=commitment,
        opened=tuple(
            OpenedChunk(
                index=c.number("index"),
                salt=Digest(c.hex("salt", 32)),
                data=c.base64("data"),
                path=tuple(map(Digest, c.hexes("path", 32, 64))),
            )
            for c in (Fields(x, f"{where}.opened") for x in f.items("opened", MAX_OPENED))
        ),
    )


def _head(name: str, dtype: int, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": [number_out(d) for d in shape]}


def _partial_out(t: PartialTensor) -> dict[str, Any]:
    c = t.commitment
    return {
        **_head(c.name, c.dtype, c.shape),
        "byteLength": number_out(c.byte_length),
        "chunks": hex_out(c.chunks),
        "opened": [
            {
                "index": number_out(chunk.index),
                "salt": hex_out(chunk.salt),
                "data": base64_out(chunk.data),
                "path": [hex_out(node) for node in chunk.path],
            }
            for chunk in t.opened
        ],
    }
