# pragma version ==0.4.3
"""
@title The largest byte: MAX and ARGMAX
@license Apache-2.0
@notice docs/programs.md, section 5.
"""

from . import calldata_words

MAX_TAPS: constant(uint256) = 64
MAX_WIDTH: constant(uint256) = 4_096
# places of a window, bytes of a trace row. Source: docs/programs.md, section 7


@internal
@view
def largest(taps: DynArray[uint256, MAX_TAPS]) -> uint256:
    """
    @notice The largest of the bytes at calldata offsets; 0, padding, is the byte 0.
    """
    found: uint256 = 0
    for tap: uint256 in taps:
        if tap != 0:
            found = max(found, calldata_words.number(tap, 1))
    return found


@internal
@view
def place(at: uint256, width: uint256) -> uint256:
    """
    @notice The place of the first largest of `width` bytes at a calldata offset, as int64
            has it.
    """
    most: uint256 = 0
    found: uint256 = 0
    word: uint256 = 0
    for i: uint256 in range(width, bound=MAX_WIDTH):
        if i & 31 == 0:
            # the word behind; what is past the row is not looked at
            word = convert(slice(msg.data, at + i, 32), uint256)
        next: uint256 = word >> 248
        word <<= 8
        if next > most:
            most = next
            found = i
    return calldata_words.swapped(found, 8)
