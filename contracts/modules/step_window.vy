# pragma version ==0.4.3
"""
@title The window of DOT, DOT32 and MAX
@license Apache-2.0
@notice docs/programs.md, section 5: which trace rows an element's taps are.
"""

from ..interfaces import IFaultJudges
from . import descriptors

MAX_TAPS: constant(uint256) = 64
# places of a window. Source: docs/programs.md, section 7

OUTSIDE: constant(uint256) = max_value(uint256)
# in place of a trace row: the tap is padding


@internal
@pure
def read_of(o: IFaultJudges.Operator, channel: uint256) -> (uint256, uint256):
    """
    @notice What a channel reads of every tap: the first byte, and how many.
    """
    columns: uint256 = (o.more >> 112) & 65_535
    group: uint256 = (o.more >> 96) & 65_535
    assert columns != 0 and group != 0, "window: without a size"
    if o.kind == descriptors.MAX:
        assert (
            columns == o.width and group == o.width and o.sourceWidth == o.width
        ), "window: channels of another source"
        return channel, 1
    assert (
        (unsafe_sub(o.width, 1) // group + 1) * columns <= o.sourceWidth
    ), "window: channels of another source"
    return channel // group * columns, columns


@internal
@pure
def taps(
    o: IFaultJudges.Operator, place: uint256
) -> DynArray[uint256, MAX_TAPS]:
    """
    @notice The trace row of every tap of one place, in order, or OUTSIDE. Those inside
            ascend.
    """
    inHeight: uint256 = o.more >> 240
    inWidth: uint256 = (o.more >> 224) & 65_535
    outHeight: uint256 = (o.more >> 208) & 65_535
    outWidth: uint256 = (o.more >> 192) & 65_535
    kernelHeight: uint256 = (o.more >> 184) & 255
    kernelWidth: uint256 = (o.more >> 176) & 255
    strideHeight: uint256 = (o.more >> 168) & 255
    strideWidth: uint256 = (o.more >> 160) & 255
    downwards: uint256 = (o.more >> 152) & 255
    rightwards: uint256 = (o.more >> 144) & 255
    assert (
        inHeight != 0
        and inWidth != 0
        and outHeight != 0
        and outWidth != 0
        and kernelHeight != 0
        and kernelWidth != 0
        and strideHeight != 0
        and strideWidth != 0
        and downwards != 0
        and rightwards != 0
    ), "window: without a size"
    assert kernelHeight * kernelWidth <= MAX_TAPS, "window: too many taps"
    assert (
        o.count == outHeight * outWidth * o.width
    ), "window: another number of elements"

    found: DynArray[uint256, MAX_TAPS] = []
    # both may lie above or left of the grid, then they are huge and so outside
    y: uint256 = unsafe_sub(
        place // outWidth * strideHeight, (o.more >> 136) & 255
    )
    left: uint256 = unsafe_sub(
        place % outWidth * strideWidth, (o.more >> 128) & 255
    )
    for _i: uint256 in range(kernelHeight, bound=MAX_TAPS):
        x: uint256 = left
        for _j: uint256 in range(kernelWidth, bound=MAX_TAPS):
            if y < inHeight and x < inWidth:
                found.append(o.source + y * inWidth + x)
            else:
                found.append(OUTSIDE)
            x = unsafe_add(x, rightwards)
        y = unsafe_add(y, downwards)
    return found
