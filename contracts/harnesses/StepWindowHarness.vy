# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `step_window`
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultJudges
from ..modules import step_window


@external
@pure
def read_of(o: IFaultJudges.Operator, channel: uint256) -> (uint256, uint256):
    return step_window.read_of(o, channel)


@external
@pure
def taps(
    o: IFaultJudges.Operator, places: DynArray[uint256, 64]
) -> DynArray[DynArray[uint256, 64], 64]:
    found: DynArray[DynArray[uint256, 64], 64] = []
    for place: uint256 in places:
        found.append(step_window.taps(o, place))
    return found
