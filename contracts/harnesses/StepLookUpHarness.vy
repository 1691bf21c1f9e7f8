# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `step_look_up`
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultJudges
from ..modules import step_look_up

MOST: constant(uint256) = 1000
# cases in one call


@external
@pure
def second(
    o: IFaultJudges.Operator, elements: DynArray[uint256, MOST]
) -> (DynArray[uint256, MOST], DynArray[uint256, MOST]):
    rows: DynArray[uint256, MOST] = []
    bytes_of: DynArray[uint256, MOST] = []
    for k: uint256 in elements:
        row: uint256 = 0
        byte: uint256 = 0
        row, byte = step_look_up.second(o, k)
        rows.append(row)
        bytes_of.append(byte)
    return rows, bytes_of


@external
@view
def entries(
    table: Bytes[4096],
    length: uint256,
    kind: uint256,
    size: uint256,
    places: DynArray[uint256, 256],
) -> DynArray[uint256, 256]:
    found: DynArray[uint256, 256] = []
    for place: uint256 in places:
        # the table's bytes come behind five words and their length
        found.append(step_look_up.entry(4 + 6 * 32, length, kind, place, size))
    return found
