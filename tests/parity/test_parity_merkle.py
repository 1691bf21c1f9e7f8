"""`merkle_path` and `merkle_several` against `counterfoil.hashing.merkle`."""

from __future__ import annotations

import numpy as np
import pytest
from counterfoil.errors import BadPath
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

quick = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def tree(size: int) -> merkle.Tree:
    rows = b"".join(merkle.leaf(keccak(b"%d" % n)) for n in range(size))
    return merkle.Tree(np.frombuffer(rows, dtype=np.uint8).reshape(-1, 32))


places = st.integers(1, 300).flatmap(
    lambda size: st.tuples(st.just(size), st.integers(0, size - 1))
)
far = st.one_of(
    st.integers(1, 2**32), st.integers(0, 32).map(lambda k: 2**k), st.integers(2**32 - 9, 2**32)
).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@quick
@given(left=st.binary(min_size=32, max_size=32), right=st.binary(min_size=32, max_size=32))
def test_hashes__equal_python_s(merkle_path, left, right):
    assert merkle_path.leaf(left) == merkle.leaf(left)
    assert merkle_path.node(left, right) == merkle.node(left, right)


@quick
@given(place=places)
def test_root__of_a_whole_tree__equals_python_s(merkle_path, place):
    size, index = place
    t = tree(size)
    leaf, path = t.layers[0][index].tobytes(), t.path(index)
    assert merkle_path.root(leaf, index, size, path) == t.root
    fits, root = merkle_path.try_root(leaf, index, size, path)
    assert fits
    assert root == t.root


@quick
@given(place=far, surplus=st.integers(-32, 32), salt=st.binary(max_size=4))
def test_root__of_any_length_in_any_tree__equals_python_s(merkle_path, place, surplus, salt):
    """Siblings of no matter what: both lead to the same root or both refuse."""
    size, index = place
    length = min(32, max(0, merkle.path_length(index, size) + surplus))
    path = [keccak(salt + bytes([n])) for n in range(length)]
    leaf = keccak(b"leaf" + salt)
    fits, root = merkle_path.try_root(leaf, index, size, path)
    if length == merkle.path_length(index, size):
        assert fits
        assert root == merkle.root_from_path(leaf, index, size, path)
    else:
        assert (fits, root) == (False, ZERO)
        with pytest.raises(BadPath):
            merkle.root_from_path(leaf, index, size, path)


@quick
@given(size=st.integers(0, 2**32), beyond=st.integers(0, 2**40), length=st.integers(0, 32))
def test_root__of_an_index_outside_the_tree__is_refused(merkle_path, size, beyond, length):
    path = [keccak(bytes([n])) for n in range(length)]
    assert tuple(merkle_path.try_root(ZERO, size + beyond, size, path)) == (False, ZERO)
    with pytest.raises(BadPath):
        merkle.root_from_path(ZERO, size + beyond, size, path)


@quick
@given(index=st.integers(0, 2**256 - 1), size=st.integers(2**32 + 1, 2**64 - 1))
def test_root__of_a_tree_too_large__is_refused(merkle_path, index, size):
    for length in (0, 1, 31, 32):
        assert tuple(merkle_path.try_root(ZERO, index, size, [ZERO] * length)) == (False, ZERO)


@quick
@given(place=places, data=st.data())
def test_root__of_a_corrupted_path__is_another(merkle_path, place, data):
    size, index = place
    t = tree(size)
    leaf, path = t.layers[0][index].tobytes(), list(t.path(index))
    if not path:
        return
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    path[at] = (int.from_bytes(path[at], "big") ^ (1 << bit)).to_bytes(32, "big")
    root = merkle_path.root(leaf, index, size, path)
    assert root == merkle.root_from_path(leaf, index, size, path)
    assert root != t.root


@quick
@given(place=places, data=st.data())
def test_root__of_another_index__is_another_or_refused(merkle_path, place, data):
    size, index = place
    other = data.draw(st.integers(0, size - 1))
    t = tree(size)
    leaf = t.layers[0][index].tobytes()
    fits, root = merkle_path.try_root(leaf, other, size, t.path(index))
    assert (fits and root == t.root) == (other == index)


@pytest.mark.slow
@quick
@given(size=st.integers(1, 200), data=st.data())
def test_several__of_a_whole_tree__equals_python_s(merkle_several, size, data):
    t = tree(size)
    chosen = st.sets(st.integers(0, size - 1), min_size=1, max_size=min(16, size))
    indices = sorted(data.draw(chosen))
    siblings, known = [], set(indices)
    for layer in t.layers[:-1]:
        for place in sorted(known):
            if place ^ 1 not in known and place ^ 1 < len(layer):
                siblings.append(layer[place ^ 1].tobytes())
        known = {place >> 1 for place in known}
    leaves = [t.layers[0][index].tobytes() for index in indices]

    fits, root = merkle_several.try_root(leaves, indices, size, siblings)
    assert fits
    assert root == t.root
    refused = (False, ZERO)
    again = merkle_several.try_root
    assert tuple(again(leaves, indices, size, [*siblings, ZERO])) == refused
    if siblings:
        assert tuple(again(leaves, indices, size, siblings[:-1])) == refused
    if len(indices) > 1:
        assert tuple(again(leaves, indices[::-1], size, siblings)) == refused
        assert tuple(again(leaves[1:], indices, size, siblings)) == refused
    assert tuple(again(leaves, [size, *indices[1:]], size, siblings)) == refused
