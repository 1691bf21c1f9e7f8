"""`tensor_opening` against `counterfoil.formats.tensor`, over all types and edge lengths."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest
from counterfoil.errors import BadOpening
from counterfoil.formats.dtypes import WIDTHS
from counterfoil.formats.tensor import Tensor, chunk_count, commit, open_chunk
from counterfoil.hashing.keccak import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

quick = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
EDGES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 768, 1025, 2048]


@st.composite
def tensors(draw, index):
    dtype = draw(st.sampled_from(sorted(WIDTHS)))
    length = draw(st.one_of(st.sampled_from(EDGES), st.integers(0, 3000)))
    count = length // WIDTHS[dtype]
    shape = draw(st.sampled_from([(count,), (1, count), (count, 1, 1)]))
    if count == 1:
        shape = draw(st.sampled_from([(), (1,)]))
    data = (keccak(bytes([dtype])) * 100)[: count * WIDTHS[dtype]]
    return Tensor(name=f"{draw(st.text(max_size=8))}{index}", dtype=dtype, shape=shape, data=data)


sets = st.integers(1, 7).flatmap(lambda n: st.tuples(*(tensors(i) for i in range(n))))
masters = st.binary(min_size=32, max_size=32)


@quick
@given(chosen=sets, master=masters, data=st.data())
def test_require_chunk__a_genuine_opening__is_taken(tensor_opening, chosen, master, data):
    position = data.draw(st.integers(0, len(chosen) - 1))
    index = data.draw(st.integers(0, chunk_count(len(chosen[position].data)) - 1))
    opening = open_chunk(chosen, master, position, index)
    digest = commit(chosen, master).digest
    assert opening.set_digest() == digest
    tensor_opening.require_chunk(digest, opening.abi())


@pytest.mark.parametrize("length", EDGES)
def test_require_chunk__every_chunk_at_the_edges__is_taken(tensor_opening, length):
    chosen = [Tensor(name="x", dtype=2, shape=(length,), data=bytes(length))]
    digest = commit(chosen, bytes(32)).digest
    for index in range(chunk_count(length)):
        opening = open_chunk(chosen, bytes(32), 0, index)
        tensor_opening.require_chunk(digest, opening.abi())


WORDS = ["name_hash", "shape_hash", "salt"]
NUMBERS = {"count": 32, "position": 32, "dtype": 8, "byte_length": 64, "index": 64}


@st.composite
def corrupted(draw, opening):
    field = draw(st.sampled_from([*WORDS, *NUMBERS, "data", "set_path", "chunk_path"]))
    if field in WORDS:
        return replace(opening, **{field: draw(masters)})
    if field in NUMBERS:
        near = st.integers(-2, 2).map(lambda k: max(0, getattr(opening, field) + k))
        value = draw(st.one_of(near, st.integers(0, 2 ** NUMBERS[field] - 1)))
        return replace(opening, **{field: min(value, 2 ** NUMBERS[field] - 1)})
    if field == "data":
        return replace(opening, data=draw(st.binary(max_size=256)))
    path = list(getattr(opening, field))
    if path and draw(st.booleans()):
        path[draw(st.integers(0, len(path) - 1))] = draw(masters)
    elif draw(st.booleans()):
        path.append(draw(masters))
    else:
        path = path[:-1]
    return replace(opening, **{field: tuple(path)})


@quick
@given(chosen=sets, master=masters, data=st.data())
def test_require_chunk__a_corrupted_opening__equals_python_s_answer(
    tensor_opening, chosen, master, data
):
    position = data.draw(st.integers(0, len(chosen) - 1))
    index = data.draw(st.integers(0, chunk_count(len(chosen[position].data)) - 1))
    genuine = open_chunk(chosen, master, position, index)
    opening = data.draw(corrupted(genuine))
    digest = commit(chosen, master).digest
    try:
        expected = opening.set_digest() == digest
    except BadOpening:
        expected = False
    assert expected == (opening == genuine)
    if expected:
        tensor_opening.require_chunk(digest, opening.abi())
    else:
        with pytest.raises(ape.exceptions.ContractLogicError) as refusal:
            tensor_opening.require_chunk(digest, opening.abi())
        assert str(refusal.value).startswith(("opening: ", "path: "))
