"""`merkle_path.root`: the reasons that another contract's caller gets."""

import ape
import pytest
from counterfoil.hashing.types import ZERO


@pytest.fixture(scope="session")
def merkle_path(project, deployer):
    return deployer.deploy(project.MerklePathHarness)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 5), (2**256 - 1, 2**32)])
def test_root__index_outside_the_tree__reverts(merkle_path, index, size):
    with ape.reverts("path: index outside the tree"):
        merkle_path.root(ZERO, index, size, [])


@pytest.mark.parametrize("size", [2**32 + 1, 2**64 - 1])
def test_root__tree_too_large__reverts(merkle_path, size):
    with ape.reverts("path: tree too large"):
        merkle_path.root(ZERO, 0, size, [ZERO] * 32)


def test_root__of_2_to_32_leaves__takes_32_siblings(merkle_path):
    assert merkle_path.root(ZERO, 2**32 - 1, 2**32, [ZERO] * 32) != ZERO
    with ape.reverts("path: wrong length"):
        merkle_path.root(ZERO, 2**32 - 1, 2**32, [ZERO] * 31)


def test_root__of_a_lone_leaf__is_the_leaf(merkle_path):
    assert merkle_path.root(b"\1" * 32, 0, 1, []) == b"\1" * 32
    with ape.reverts("path: wrong length"):
        merkle_path.root(b"\1" * 32, 0, 1, [ZERO])
