# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `step_largest`
@license Apache-2.0
@notice For tests alone; offsets are those of `data`'s bytes.
"""

from ..modules import step_largest

MAX_TAPS: constant(uint256) = 64

OUTSIDE: constant(uint256) = max_value(uint256)
# an offset of nothing: the tap is padding


@external
@view
def largest(data: Bytes[8192], taps: DynArray[uint256, MAX_TAPS]) -> uint256:
    begin: uint256 = (
        4 + 3 * 32
    )  # behind the arguments' words and the data's length
    found: DynArray[uint256, MAX_TAPS] = []
    for tap: uint256 in taps:
        if tap == OUTSIDE:
            found.append(0)
        else:
            found.append(begin + tap)
    return step_largest.largest(found)


@external
@view
def place(data: Bytes[8192], at: uint256, width: uint256) -> uint256:
    return step_largest.place(4 + 4 * 32 + at, width)
