# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `descriptors`
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultJudges
from ..modules import descriptors


@external
@view
def read(row: Bytes[128], length: uint256) -> IFaultJudges.Operator:
    """
    @param length how many of the bytes are the row
    """
    return descriptors.read(4 + 3 * 32, length)
