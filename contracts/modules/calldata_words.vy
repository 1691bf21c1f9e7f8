# pragma version ==0.4.3
"""
@title Numbers in calldata, at any offset
@license Apache-2.0
@notice What a proof carries is long and is read here and there: read in place it needs no
        copy in memory.
@dev A number is read as the end of a word, so whatever stands before it must be 32 bytes
     long with it: behind a function's first arguments that is always so.
"""

SECOND_BYTES: constant(uint256) = (2**64 - 1) // (2**16 - 1) * (2**8 - 1)
SECOND_PAIRS: constant(uint256) = (2**64 - 1) // (2**32 - 1) * (2**16 - 1)
SECOND_FOURS: constant(uint256) = 2**32 - 1
# of eight bytes: what moves up when neighbours change places


@internal
@view
def number(at: uint256, size: uint256) -> uint256:
    """
    @notice The number of `size` <= 32 bytes at calldata offset `at`, big-endian.
    """
    return convert(
        slice(msg.data, unsafe_sub(unsafe_add(at, size), 32), 32), uint256
    ) & (max_value(uint256) >> unsafe_sub(256, size << 3))


@internal
@pure
def swapped(plain: uint256, size: uint256) -> uint256:
    """
    @notice A number of `size` bytes, 1, 4 or 8, with its bytes in reverse.
    """
    if size == 1:
        return plain
    swap: uint256 = ((plain & SECOND_BYTES) << 8) | (
        (plain >> 8) & SECOND_BYTES
    )
    swap = ((swap & SECOND_PAIRS) << 16) | ((swap >> 16) & SECOND_PAIRS)
    if size == 4:
        return swap
    return ((swap & SECOND_FOURS) << 32) | (swap >> 32)
