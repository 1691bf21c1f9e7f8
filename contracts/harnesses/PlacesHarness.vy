# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title Places of nodes, alone
@license Apache-2.0
@notice For tests alone.
"""

from ..modules import places


@external
@pure
def of(tree: uint8, position: uint32, layer: uint8, index: uint64) -> uint256:
    return places.of(tree, position, layer, index)


@external
@pure
def is_row(place: uint256) -> bool:
    return places.is_row(place)


@external
@pure
def is_tensor(place: uint256) -> bool:
    return places.is_tensor(place)
