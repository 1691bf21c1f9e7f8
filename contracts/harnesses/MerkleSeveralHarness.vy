# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Harness of `merkle_several`
@license Apache-2.0
@notice For tests alone.
"""

from ..modules import merkle_several


@external
@pure
def try_root(
    starts: DynArray[bytes32, 16],
    indices: DynArray[uint64, 16],
    size: uint64,
    siblings: DynArray[bytes32, 256],
) -> (bool, bytes32):
    return merkle_several.try_root(starts, indices, size, siblings)
