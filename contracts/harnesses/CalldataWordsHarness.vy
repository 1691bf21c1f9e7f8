# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `calldata_words`
@license Apache-2.0
@notice For tests alone; offsets are those of `data`'s bytes.
"""

from ..modules import calldata_words


@external
@view
def number(at: uint256, size: uint256, data: Bytes[1024]) -> uint256:
    return calldata_words.number(4 + 4 * 32 + at, size)


@external
@pure
def swapped(plain: uint256, size: uint256) -> uint256:
    return calldata_words.swapped(plain, size)
