# pragma version ==0.4.3
"""
@title The tables of LUT1 and LUT2
@license Apache-2.0
@notice docs/programs.md, section 5.
"""

from ..interfaces import IFaultJudges
from . import calldata_words

TABLE: constant(uint256) = 33
TABLE2: constant(uint256) = 34
# kinds of tables. Source: docs/programs.md, section 3


@internal
@pure
def second(o: IFaultJudges.Operator, k: uint256) -> (uint256, uint256):
    """
    @notice Trace row and byte of element k's other source.
    """
    width: uint256 = (o.more >> 208) & 65_535
    divisor: uint256 = (o.more >> 160) & (2**32 - 1)
    modulus: uint256 = (o.more >> 128) & (2**32 - 1)
    assert (
        width != 0 and divisor != 0 and modulus != 0
    ), "table: divides by zero"
    place: uint256 = k // divisor % modulus
    return (o.more >> 224) + place // width, place % width


@internal
@view
def entry(
    table: uint256,
    length: uint256,
    kind: uint256,
    place: uint256,
    size: uint256,
) -> uint256:
    """
    @notice An entry of the table of `length` bytes at a calldata offset.
    """
    assert (
        length == 1 + 256 * size and calldata_words.number(table, 1) == kind
    ), "table: none of this size"
    return calldata_words.number(table + 1 + place * size, size)
