# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `step_moved`
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultJudges
from ..modules import step_moved

MOST: constant(uint256) = 256
# cases in one call


@external
@view
def sources(
    index: Bytes[1024], length: uint256, elements: DynArray[uint256, MOST]
) -> (DynArray[uint256, MOST], DynArray[uint256, MOST]):
    rows: DynArray[uint256, MOST] = []
    columns: DynArray[uint256, MOST] = []
    for k: uint256 in elements:
        row: uint256 = 0
        column: uint256 = 0
        # the row's bytes come behind three words and their length
        row, column = step_moved.source(4 + 4 * 32, length, k)
        rows.append(row)
        columns.append(column)
    return rows, columns


@external
@pure
def padding(pad: uint256, size: uint256) -> uint256:
    return step_moved.padding(pad, size)


@external
@pure
def index_place(
    o: IFaultJudges.Operator, k: uint256
) -> (uint256, uint256, uint256):
    return step_moved.index_place(o, k)


@external
@view
def embedding(
    row: Bytes[5120], length: uint256, width: uint256, column: uint256
) -> uint256:
    return step_moved.embedding(4 + 5 * 32, length, width, column)
