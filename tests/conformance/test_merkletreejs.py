"""Roots and paths against merkletreejs, for every size from 1 to 1025."""

import numpy as np
import pytest
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.merkle import Tree, leaf
from run_node import run_node

pytestmark = pytest.mark.node
SIZES = range(1, 1026)


def places(size):
    """Every index of small trees; of large ones the edges and a spread between them."""
    if size <= 40 or size in (1023, 1024, 1025):
        return range(size)
    return sorted({0, 1, size // 3, size // 2, size - 2, size - 1})


def test_trees__1_to_1025_leaves__equal_merkletreejs():
    data = [keccak(b"conformance %d" % i) for i in range(max(SIZES))]
    rows = np.frombuffer(b"".join(map(leaf, data)), dtype=np.uint8).reshape(-1, 32)
    trees = {size: Tree(rows[:size]) for size in SIZES}
    paths = {
        size: {i: [node.hex() for node in tree.path(i)] for i in places(size)}
        for size, tree in trees.items()
    }
    found = run_node(
        "trees.cjs",
        {
            "data": [d.hex() for d in data],
            "leaf": leaf(data[0]).hex(),
            "roots": {size: tree.root.hex() for size, tree in trees.items()},
            "paths": paths,
        },
    )
    assert found["wrong"] == []
    assert found["sizes"] == len(SIZES)
    assert found["paths"] == sum(map(len, paths.values()))
