# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Harness of `merkle_path`
@license Apache-2.0
@notice For tests alone.
"""

from ..modules import merkle_path


@external
@pure
def leaf(data: bytes32) -> bytes32:
    return merkle_path.leaf(data)


@external
@pure
def node(left: bytes32, right: bytes32) -> bytes32:
    return merkle_path.node(left, right)


@external
@pure
def try_root(
    start: bytes32, index: uint256, size: uint64, path: DynArray[bytes32, 32]
) -> (bool, bytes32):
    return merkle_path.try_root(start, index, size, path)


@external
@pure
def root(
    start: bytes32, index: uint256, size: uint64, path: DynArray[bytes32, 32]
) -> bytes32:
    return merkle_path.root(start, index, size, path)
