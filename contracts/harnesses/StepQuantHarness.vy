# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `step_quant`
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultJudges
from ..modules import step_quant


@external
@view
def bytes_of(
    row: Bytes[4096], o: IFaultJudges.Operator, count: uint256
) -> DynArray[uint256, 1024]:
    """
    @notice Of each of `count` float32s that lie one behind the other.
    """
    found: DynArray[uint256, 1024] = []
    for i: uint256 in range(count, bound=1024):
        # behind thirteen words, an operator's eleven among them, and the length
        found.append(step_quant.byte(o, 4 + 14 * 32 + 4 * i))
    return found
