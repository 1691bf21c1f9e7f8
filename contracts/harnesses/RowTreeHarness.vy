# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `row_tree`
@license Apache-2.0
@notice For tests alone; offsets are those of `data`'s bytes.
"""

from ..modules import row_tree

MOST: constant(uint256) = 68
# rows in one call


@external
@view
def rows(
    data: Bytes[12492], start: uint256, stop: uint256
) -> (
    DynArray[bytes32, MOST], DynArray[uint256, MOST], DynArray[uint256, MOST]
):
    """
    @return leaves' hashes, where the rows begin, how long they are
    """
    begin: uint256 = 4 + 4 * 32  # behind three words and the length
    hashes: DynArray[bytes32, MOST] = []
    places: DynArray[uint256, MOST] = []
    lengths: DynArray[uint256, MOST] = []
    at: uint256 = begin + start
    for _: uint256 in range(MOST):
        if at == begin + stop:
            break
        hash: bytes32 = empty(bytes32)
        place: uint256 = 0
        hash, place = row_tree.row(at, begin + stop)
        hashes.append(hash)
        places.append((place >> 16) - begin)
        lengths.append(place & 65_535)
        at = (place >> 16) + (place & 65_535)
    return hashes, places, lengths


@external
@pure
def lengths_in_bits(numbers: DynArray[uint256, 256]) -> DynArray[uint256, 256]:
    found: DynArray[uint256, 256] = []
    for number: uint256 in numbers:
        found.append(row_tree.length_in_bits(number))
    return found


@external
@pure
def height(count: uint256) -> uint256:
    return row_tree.height(count)


@external
@view
def root(
    siblings: DynArray[bytes32, 1144],
    hashes: DynArray[bytes32, MOST],
    numbers: DynArray[uint256, MOST],
    first: uint256,
    behind: uint256,
    height: uint256,
) -> (bytes32, uint256):
    """
    @return the root, and how many siblings it took
    """
    begin: uint256 = 4 + 7 * 32  # behind six words and the length
    shown: DynArray[uint256, MOST] = []
    for number: uint256 in numbers:
        # beside it where the row is, which is not looked at
        shown.append((number << row_tree.NUMBER) | (2**row_tree.NUMBER - 1))
    top: bytes32 = empty(bytes32)
    at: uint256 = 0
    top, at = row_tree.root(
        hashes,
        shown,
        first,
        behind,
        height,
        begin,
        begin + (len(siblings) << 5),
    )
    return top, (at - begin) >> 5
