"""Layers of trees that are not full: against the library's trees, at every node."""

import pytest
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from fault_docket import below, height, node_of, tree_of


@pytest.fixture(scope="session")
def layers(project, deployer):
    return deployer.deploy(project.LayersHarness)


def leaves(count: int) -> list[bytes]:
    return [keccak(b"leaf %d" % i) for i in range(count)]


@pytest.mark.parametrize("count", range(33))
def test_root_of__every_number__is_rfc_9162s(layers, count):
    hashes = leaves(count)
    assert layers.root_of(b"".join(hashes)) == (merkle.root_of(hashes) if count else bytes(32))


@pytest.mark.parametrize("size", [1, 2, 3, 31, 32, 33, 37, 63, 65, 70])
def test_require_node__every_node_of_every_demanded_layer(layers, size):
    tree = tree_of(leaves(size))
    top = height(size)
    assert layers.height(size) == top
    for layer in {*range(top, -1, -5), 0}:
        nodes = tree.layers[layer]
        assert layers.width(size, layer) == len(nodes)
        for index in {0, 1, len(nodes) // 2, len(nodes) - 2, len(nodes) - 1}:
            if 0 <= index < len(nodes):
                _, _, digest, path = node_of(tree, layer, index)
                count = layers.require_node(tree.root, size, layer, index, digest, path)
                answer = below(tree, layer, index) if layer else []
                assert count == len(answer) <= 32
                if layer:
                    assert layers.root_of(b"".join(answer)) == digest


def test_height__of_numbers_up_to_64_bits(layers):
    for size, expected in ((0, 0), (2**22, 22), (2**22 + 1, 23), (2**63, 63), (2**64 - 1, 64)):
        assert layers.height(size) == expected
    assert layers.width(2**64 - 1, 64) == 1
    assert layers.width(0, 0) == layers.width(0, 5) == 0
