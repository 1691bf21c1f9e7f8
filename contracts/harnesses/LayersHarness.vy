# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Layers of a tree, alone
@license Apache-2.0
@notice For tests alone.
"""

from ..modules import layers


@external
@pure
def height(size: uint256) -> uint256:
    return layers.height(size)


@external
@pure
def width(size: uint256, layer: uint256) -> uint256:
    return layers.width(size, layer)


@external
@pure
def require_node(
    root: bytes32,
    size: uint256,
    layer: uint256,
    index: uint256,
    hash: bytes32,
    path: DynArray[bytes32, 32],
) -> uint256:
    return layers.require_node(root, size, layer, index, hash, path)


@external
@pure
def root_of(hashes: Bytes[1024]) -> bytes32:
    return layers.root_of(hashes)
