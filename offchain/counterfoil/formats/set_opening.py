"""The opening of a tensor set in a receipt file: whole tensors, or single chunks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from counterfoil.errors import BadOpening, BadPath, BadTensor
from counterfoil.hashing import merkle
from counterfoil.hashing.merkle import MAX_PATH
from counterfoil.hashing.types import Digest

from .chunks import CHUNK, chunk_count, chunk_leaf, chunk_tree, salt
from .dtypes import STRING
from .elements import check_length, check_strings
from .fields import Fields, base64_out, hex_out, number_out
from .tensor import (
    ChunkOpening,
    Tensor,
    TensorCommitment,
    TensorSet,
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

    def __post_init__(self) -> None:
        if self.tensors and self.master is None:
            raise BadOpening("whole tensors need their set's master")
        if self.partial and self.master is not None:
            raise BadOpening("single chunks are shown without the set's master")

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

    def only(self, chosen: Mapping[int, Iterable[int]]) -> SetOpening:
        """The same set with only these chunks shown, and no master.

        Names, types, shapes, lengths and roots of all the set's tensors stay, as the set's
        digest needs them; bytes and salts of all other chunks are gone.

        Args:
            chosen: chunk indices by the tensor's position in the set.
        Raises:
            BadOpening: no such tensor or chunk, or one that this opening does not show.
        """
        commitments = self.commitment().tensors
        for position in chosen:
            if not 0 <= position < len(commitments):
                raise BadOpening(f"tensor {position} of a set of {len(commitments)}")
        return SetOpening(
            master=None,
            partial=tuple(
                PartialTensor(
                    commitment=commitment,
                    opened=self._chunks(position, sorted(set(chosen.get(position, ())))),
                )
                for position, commitment in enumerate(commitments)
            ),
        )

    def chunk(self, position: int, index: int) -> ChunkOpening:
        """The opening of one chunk as contracts take it.

        Raises:
            BadOpening: no such tensor or chunk, or one that this opening does not show.
        """
        shown = self.only({position: (index,)})
        tensor = shown.partial[position]
        return ChunkOpening.of(
            [t.commitment for t in shown.partial],
            position,
            index=index,
            salt=tensor.opened[0].salt,
            data=tensor.opened[0].data,
            chunk_path=tensor.opened[0].path,
        )

    def _chunks(self, position: int, indices: Sequence[int]) -> tuple[OpenedChunk, ...]:
        if not indices:
            return ()
        if self.master is None:
            shown = {chunk.index: chunk for chunk in self.partial[position].opened}
            missing = [index for index in indices if index not in shown]
            if missing:
                raise BadOpening(f"chunk {missing[0]} of tensor {position} is not shown")
            return tuple(shown[index] for index in indices)
        data = self.tensors[position].data
        count = chunk_count(len(data))
        if not 0 <= indices[0] <= indices[-1] < count:
            raise BadOpening(f"chunks {indices[0]} to {indices[-1]} of a tensor of {count}")
        tree = chunk_tree(data, self.master, position)
        return tuple(
            OpenedChunk(
                index=index,
                salt=salt(self.master, position, index),
                data=data[index * CHUNK : (index + 1) * CHUNK],
                path=tuple(tree.path(index)),
            )
            for index in indices
        )

    @classmethod
    def parse(cls, f: Fields) -> SetOpening:
        """A set opening from a receipt file.

        Raises:
            MalformedFile: the layout is broken, or whole tensors and chunks are mixed.
        """
        items = f.children("tensors", MAX_TENSORS)
        if f.has("master"):
            master = Digest(f.hex("master", 32))
            return cls(master=master, tensors=tuple(map(_tensor, items)))
        return cls(master=None, partial=tuple(map(_partial, items)))

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
    for name in ("byteLength", "chunks", "opened"):
        if f.has(name):
            raise f.bad(name, "goes with single chunks, without the set's master")
    try:
        tensor = Tensor(
            name=f.text("name"),
            dtype=f.number("dtype", 8),
            shape=f.numbers("shape", MAX_RANK),
            data=f.base64("data"),
        )
        if tensor.dtype == STRING:
            check_strings(tensor.name, tensor.shape, tensor.data)
    except BadTensor as error:
        raise f.bad("data", f"is no tensor's: {error}") from error
    return tensor


def _partial(f: Fields) -> PartialTensor:
    if f.has("data"):
        raise f.bad("data", "shows a whole tensor, but the set's master is missing")
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
        raise f.bad("byteLength", f"is no such tensor's: {error}") from error
    return PartialTensor(
        commitment=commitment,
        opened=tuple(
            OpenedChunk(
                index=c.number("index"),
                salt=Digest(c.hex("salt", 32)),
                data=c.base64("data"),
                path=tuple(map(Digest, c.hexes("path", 32, MAX_PATH))),
            )
            for c in f.children("opened", MAX_OPENED)
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
