# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `step_dot`
@license Apache-2.0
@notice For tests alone; offsets are those of `data`'s bytes.
"""

from ..interfaces import IFaultJudges
from ..modules import step_dot

MAX_TAPS: constant(uint256) = 64

OUTSIDE: constant(uint256) = max_value(uint256)
# an offset of nothing: the tap is padding


@external
@pure
def lanes(values: uint256, weights: uint256) -> (uint256, uint256):
    return step_dot.lanes(values, weights)


@external
@view
def element(
    data: Bytes[16384],
    o: IFaultJudges.Operator,
    taps: DynArray[uint256, MAX_TAPS],
    columns: uint256,
    weights: uint256,
    length: uint256,
) -> uint256:
    begin: uint256 = (
        4 + 17 * 32
    )  # behind the arguments' words and the data's length
    return step_dot.element(
        o,
        self._taps(taps, begin),
        columns,
        ((begin + weights) << 16) | length,
    )


@internal
@pure
def _taps(
    taps: DynArray[uint256, MAX_TAPS], begin: uint256
) -> DynArray[uint256, MAX_TAPS]:
    found: DynArray[uint256, MAX_TAPS] = []
    for tap: uint256 in taps:
        if tap == OUTSIDE:
            found.append(0)
        else:
            found.append(begin + tap)
    return found
