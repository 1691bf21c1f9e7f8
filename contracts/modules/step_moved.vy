# pragma version ==0.4.3
"""
@title What COPY and GATHER move
@license Apache-2.0
@notice docs/programs.md, section 5.
"""

from ..interfaces import IFaultJudges
from . import calldata_words

INDEX: constant(uint256) = 36
EMBEDDING: constant(uint256) = 35
# kinds of their data rows. Source: docs/programs.md, section 3

PER_INDEX_ROW: constant(uint256) = 64
# elements that an index row is for. Source: docs/programs.md, section 3

PADDING: constant(uint256) = 2**32 - 1
# in place of a trace row

ONES: constant(uint256) = (2**64 - 1) // 255
# eight bytes that are 1

MAX_ENTRIES: constant(uint256) = 2**22
# rows of a program. Source: docs/programs.md, section 7


@internal
@view
def source(index: uint256, length: uint256, k: uint256) -> (uint256, uint256):
    """
    @notice Trace row and element that COPY moves to its element k; PADDING for none.
    @param index calldata offset of the index row of `length` bytes
    """
    at: uint256 = 1 + 6 * (k % PER_INDEX_ROW)
    assert (
        calldata_words.number(index, 1) == INDEX and length >= at + 6
    ), "copy: no index"
    entry: uint256 = calldata_words.number(index + at, 6)
    if entry >> 16 == PADDING:
        assert entry & 65_535 == 0, "copy: padding with a column"
    return entry >> 16, entry & 65_535


@internal
@pure
def padding(pad: uint256, size: uint256) -> uint256:
    """
    @notice An element of `size` bytes that are all `pad`.
    """
    return pad * ONES & (max_value(uint256) >> (256 - (size << 3)))


@internal
@pure
def index_place(
    o: IFaultJudges.Operator, k: uint256
) -> (uint256, uint256, uint256):
    """
    @notice Trace row, byte and size of the index that GATHER's element k follows.
    """
    size: uint256 = (o.more >> 216) & 255
    assert size == 4 or size == 8, "gather: index of another size"
    entries: uint256 = o.more >> 224
    assert (
        entries != 0 and entries <= MAX_ENTRIES
    ), "gather: another number of entries"
    assert o.count % o.width == 0, "gather: part of a row"
    place: uint256 = k // o.width
    return (
        o.source + place // o.sourceWidth, place % o.sourceWidth * size, size
    )


@internal
@view
def embedding(
    row: uint256, length: uint256, width: uint256, column: uint256
) -> uint256:
    """
    @notice The byte of an embedding of `length` bytes at a calldata offset.
    """
    assert (
        length == 1 + width and calldata_words.number(row, 1) == EMBEDDING
    ), "gather: no embedding"
    return calldata_words.number(row + 1 + column, 1)
