"""Trees and paths against their specification, and against wrong sizes, indices and lengths."""

import numpy as np
import pytest
from counterfoil.errors import BadPath, EmptyTree
from counterfoil.hashing import merkle, merkle_spec
from counterfoil.hashing.keccak import keccak
from hypothesis import given
from hypothesis import strategies as st

SOME = [keccak(b"leaf %d" % i) for i in range(600)]


def rows(leaves):
    return np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32)


@pytest.mark.parametrize("first", range(1, 601, 100))
def test_tree__sizes_to_600__root_is_the_specification_s(first):
    for size in range(first, min(first + 100, 601)):
        expected = merkle_spec.tree_root(SOME[:size])
        assert merkle.root(rows(SOME[:size])) == expected
        assert merkle.root_of(SOME[:size]) == expected
        assert merkle.Tree(rows(SOME[:size])).root == expected


def test_path__every_index_of_sizes_to_64__is_the_specification_s():
    for size in range(1, 65):
        tree = merkle.Tree(rows(SOME[:size]))
        for index in range(size):
            path = tree.path(index)
            assert path == merkle_spec.tree_path(SOME[:size], index)
            assert len(path) == merkle.path_length(index, size)


@pytest.mark.parametrize("first", range(1, 601, 100))
def test_root_from_path__every_index_of_sizes_to_600__gives_the_root(first):
    for size in range(first, min(first + 100, 601), 7 if first > 100 else 1):
        tree = merkle.Tree(rows(SOME[:size]))
        for index in range(size):
            path = tree.path(index)
            assert merkle.root_from_path(SOME[index], index, size, path) == tree.root
            assert merkle_spec.accepts(SOME[index], index, size, path, tree.root)


@given(
    size=st.integers(1, 2**64),
    data=st.data(),
    tail=st.integers(-2, 2),
)
def test_root_from_path__any_place_and_length__agrees_with_rfc_9162(size, data, tail):
    index = data.draw(st.integers(0, size - 1))
    length = max(0, merkle.path_length(index, size) + tail)
    path = SOME[:length]
    try:
        root = merkle.root_from_path(SOME[-1], index, size, path)
    except BadPath:
        assert tail
        # No root at all satisfies the specification: its last step is not reached.
        assert not any(
            merkle_spec.accepts(SOME[-1], index, size, path, top) for top in climbs(SOME[-1], path)
        )
    else:
        assert merkle_spec.accepts(SOME[-1], index, size, path, root)


def climbs(leaf, path):
    """All roots that some order of sides gives, for short paths; else none."""
    tops = {leaf}
    for sibling in path[:6]:
        tops = {merkle.node(a, b) for t in tops for a, b in ((t, sibling), (sibling, t))}
    return tops if len(path) <= 6 else set()


@given(size=st.integers(2, 300), data=st.data())
def test_root_from_path__another_size__one_path_fits_several_positions(size, data):
    """Why the size must come from committed data: the same path proves other places too."""
    index = data.draw(st.integers(0, size - 1))
    tree = merkle.Tree(rows(SOME[:size]))
    path = tree.path(index)
    fits = [
        (i, n)
        for n in range(1, size + 2)
        for i in range(n)
        if merkle.path_length(i, n) == len(path)
        and merkle.root_from_path(SOME[index], i, n, path) == tree.root
    ]
    assert [i for i, n in fits if n == size] == [index]


def test_root_from_path__size_of_the_bearer_s_choice__proves_another_index():
    tree = merkle.Tree(rows(SOME[:3]))
    path = tree.path(2)
    assert merkle.root_from_path(SOME[2], 2, 3, path) == tree.root
    assert merkle.root_from_path(SOME[2], 1, 2, path) == tree.root


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
def test_root_from_path__index_past_the_size__is_refused(size):
    tree = merkle.Tree(rows(SOME[:size]))
    for index in (size, size + 1, 2**64, -1):
        with pytest.raises(BadPath, match=f"leaf {index} of a tree of {size}"):
            merkle.root_from_path(SOME[0], index, size, tree.path(0))
        with pytest.raises(BadPath, match=f"leaf {index} of a tree of {size}"):
            tree.path(index)


def test_root_from_path__size_zero__is_refused():
    with pytest.raises(BadPath, match="leaf 0 of a tree of 0"):
        merkle.root_from_path(SOME[0], 0, 0, [])


def test_root_from_path__too_long_or_short__is_refused():
    path = merkle.Tree(rows(SOME[:5])).path(1)
    for wrong in (path[:-1], [*path, SOME[0]], []):
        with pytest.raises(BadPath, match=f"a path of {len(wrong)} for leaf 1 of 5, which has 3"):
            merkle.root_from_path(SOME[1], 1, 5, wrong)


def test_root_from_path__node_of_31_bytes__is_refused():
    with pytest.raises(BadPath, match="a node of a path is not 32 bytes"):
        merkle.root_from_path(SOME[0], 0, 2, [SOME[1][:31]])


def test_tree__no_leaves__is_refused():
    for build in (merkle.Tree, merkle.root):
        with pytest.raises(EmptyTree, match="a tree needs at least one leaf"):
            build(np.zeros((0, 32), dtype=np.uint8))
    with pytest.raises(EmptyTree, match="a tree needs at least one leaf"):
        merkle.root_of([])


def test_leaves__many__are_leaf_of_each():
    assert merkle.leaves(rows(SOME[:9])).tobytes() == b"".join(map(merkle.leaf, SOME[:9]))
    assert merkle.leaf(b"abc") == keccak(b"\0abc")
    assert merkle.node(SOME[0], SOME[1]) == keccak(b"\1" + SOME[0] + SOME[1])


def test_tree__a_node_as_a_leaf__gives_another_root():
    """Leaves and nodes are hashed apart, so no inner node passes as a leaf's data."""
    left, right = merkle.leaf(SOME[0]), merkle.leaf(SOME[1])
    assert merkle.leaf(left + right) != merkle.root_of([left, right])
