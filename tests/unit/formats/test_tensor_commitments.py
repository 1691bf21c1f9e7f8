"""Chunks, salts, sets and openings against docs/format.md written out slowly."""

from dataclasses import replace

import numpy as np
import pytest
from counterfoil.errors import BadOpening
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import (
    PUBLIC_MASTER,
    Tensor,
    TensorCommitment,
    chunk_count,
    commit,
    commit_tensor,
    fresh_master,
    open_chunk,
    salt,
)
from counterfoil.hashing import merkle_spec
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO
from hypothesis import given
from hypothesis import strategies as st

MASTER = keccak(b"master")
LENGTHS = [0, 1, 255, 256, 257, 511, 512, 513, 1280, 2561]


def of_length(length, name="x"):
    return Tensor.of(name, np.resize(np.arange(251, dtype=np.uint8), length))


def u64(number):
    return number.to_bytes(8, "big")


def slow_chunks(data, master, position):
    count = max(1, (len(data) + 255) // 256)
    return [
        keccak(b"\0" + keccak(master + u64(position) + u64(i)) + data[256 * i : 256 * (i + 1)])
        for i in range(count)
    ]


@pytest.mark.parametrize("length", LENGTHS)
def test_commit__chunk_boundaries__are_the_specification_s(length):
    tensor = of_length(length)
    expected = merkle_spec.tree_root(slow_chunks(tensor.data, MASTER, 3))
    commitment = commit_tensor(tensor, MASTER, 3)
    assert commitment.chunks == expected
    assert commitment.byte_length == length
    assert chunk_count(length) == len(slow_chunks(tensor.data, MASTER, 3))


@given(
    lengths=st.lists(st.sampled_from(LENGTHS[:8]), min_size=1, max_size=5),
    master=st.binary(min_size=32, max_size=32),
)
def test_open_chunk__every_chunk_of_a_set__leads_to_its_digest(lengths, master):
    tensors = [of_length(n, f"t{i}") for i, n in enumerate(lengths)]
    expected = commit(tensors, master).digest
    assert SetOpening(master=master, tensors=tuple(tensors)).commitment().digest == expected
    for position, tensor in enumerate(tensors):
        for index in range(chunk_count(len(tensor.data))):
            opening = open_chunk(tensors, master, position, index)
            assert opening.set_digest() == expected
            assert opening.data == tensor.data[256 * index : 256 * (index + 1)]
            assert opening.salt == keccak(master + u64(position) + u64(index))
            assert len(opening.abi()) == 11


def test_set_digest__any_changed_part__leads_elsewhere():
    tensors = [of_length(600, "a"), of_length(600, "b")]
    opening = open_chunk(tensors, MASTER, 1, 2)
    expected = commit(tensors, MASTER).digest
    assert opening.set_digest() == expected
    changes = {
        "name_hash": keccak(b"a"),
        "dtype": 3,
        "shape_hash": ZERO,
        "byte_length": 512 + 87,
        "salt": ZERO,
        "data": bytes(88),
        "chunk_path": (ZERO,) * len(opening.chunk_path),
        "set_path": (ZERO,) * len(opening.set_path),
        "position": 0,
        "index": 1,
        "count": 3,
    }
    for field, value in changes.items():
        changed = replace(opening, **{field: value})
        try:
            assert changed.set_digest() != expected, field
        except BadOpening as error:
            assert field in ("byte_length", "index", "count")
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"index": 3}, "chunk 3 of a tensor of 3"),
        ({"index": -1}, "chunk -1 of a tensor of 3"),
        ({"data": bytes(256)}, "chunk 2 has the wrong length, 256 bytes"),
        ({"data": b""}, "chunk 2 has the wrong length, 0 bytes"),
        ({"index": 0}, "chunk 0 has the wrong length, 88 bytes"),
        ({"position": 2}, "leaf 2 of a tree of 2"),
        ({"count": 0}, "leaf 1 of a tree of 0"),
        ({"chunk_path": ()}, "a path of 0 for leaf 2 of 3, which has 1"),
        ({"set_path": (ZERO,) * 2}, "a path of 2 for leaf 1 of 2, which has 1"),
        ({"set_path": (b"\0" * 31,)}, "not 32 bytes"),
    ],
)
def test_set_digest__place_or_length_that_does_not_fit__is_refused(changes, message):
    opening = open_chunk([of_length(600, "a"), of_length(600, "b")], MASTER, 1, 2)
    with pytest.raises(BadOpening, match=message):
        replace(opening, **changes).set_digest()


@pytest.mark.parametrize(
    ("position", "index", "message"),
    [(1, 0, "tensor 1 of a set of 1"), (-1, 0, "tensor -1"), (0, 1, "chunk 1 of a tensor of 1")],
)
def test_open_chunk__no_such_place__is_refused(position, index, message):
    with pytest.raises(BadOpening, match=message):
        open_chunk([of_length(256)], MASTER, position, index)


def test_commit__position_and_master__change_every_salt():
    tensor = of_length(600)
    assert commit_tensor(tensor, MASTER, 0).chunks != commit_tensor(tensor, MASTER, 1).chunks
    assert commit_tensor(tensor, MASTER, 0).chunks != commit_tensor(tensor, ZERO, 0).chunks
    salts = {salt(MASTER, t, i) for t in range(9) for i in range(9)}
    assert len(salts) == 81
    assert not any(PUBLIC_MASTER)
    assert len(PUBLIC_MASTER) == 32
    assert len({fresh_master() for _ in range(9)}) == 9


@pytest.mark.parametrize("length", [0, 31, 33])
def test_commit__master_of_another_length__is_refused(length):
    with pytest.raises(BadOpening, match=f"a master is 32 bytes, this one {length}"):
        commit([of_length(1)], bytes(length))


def test_tensor_set__no_tensors__has_root_zero():
    empty = commit([], MASTER)
    assert empty.root == ZERO
    assert empty.digest != commit([of_length(0)], MASTER).digest


@given(st.permutations(range(4)))
def test_tensor_set__another_order__is_another_digest(order):
    tensors = [
        TensorCommitment(name=str(i), dtype=1, shape=(), byte_length=4, chunks=ZERO)
        for i in range(4)
    ]
    found = commit([], MASTER)
    one = replace(found, tensors=tuple(tensors)).digest
    other = replace(found, tensors=tuple(tensors[i] for i in order)).digest
    assert (one == other) == (list(order) == [0, 1, 2, 3])


@pytest.mark.parametrize(
    "other",
    [
        Tensor.of("X", np.zeros(4, np.float32)),
        Tensor.of("x", np.zeros(4, np.int32)),
        Tensor.of("x", np.zeros((2, 2), np.float32)),
        Tensor.of("x", np.array([0, 0, 0, -0.0], np.float32)),
    ],
    ids=["name", "type", "shape", "minus zero"],
)
def test_commit__anything_else__is_another_digest(other):
    assert commit([Tensor.of("x", np.zeros(4, np.float32))], ZERO).digest != (
        commit([other], ZERO).digest
    )
