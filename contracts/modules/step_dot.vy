# pragma version ==0.4.3
"""
@title The sums of DOT and DOT32
@license Apache-2.0
@notice docs/programs.md, sections 5 and 10: 32 products by four multiplications of words.
@dev A word is eight lanes of 32 bits, every fourth byte one lane. Weights lie reversed, so
     the highest lane of a product of two words is the sum of eight products of equal
     places. No lane carries, not even when all 4,608 products of a sum, 255 · 255 at most,
     come together in one, so only the last sum is shifted down.
"""

from ..interfaces import IFaultJudges
from . import calldata_words
from . import descriptors
from . import float32

WEIGHTS: constant(uint256) = 32
# kind of a row of weights. Source: docs/programs.md, section 3

HEAD: constant(uint256) = 12
# bytes of it before the weights

MAX_TAPS: constant(uint256) = 64
MAX_DEPTH: constant(uint256) = 4_608
MAX_SUM: constant(uint256) = 2**31
LEAST_EXPONENT: constant(uint256) = 27
MOST_EXPONENT: constant(uint256) = 190
# places of a window; K; what no sum reaches; M's. Source: docs/programs.md, section 7

PRODUCT: constant(uint256) = 255 * 255
# the largest that two bytes have

FOURTH_BYTES: constant(uint256) = max_value(uint256) // (2**32 - 1) * 255
FOURTH_ONES: constant(uint256) = max_value(uint256) // (2**32 - 1)
ONES: constant(uint256) = max_value(uint256) // 255
# every fourth byte, a one in each lane, a one in each byte


@internal
@pure
def lanes(values: uint256, weights: uint256) -> (uint256, uint256):
    """
    @notice The sum of 32 products, and of 32 bytes, in the highest lane and in all lanes.
    @param values the first one highest
    @param weights the first one lowest
    """
    a: uint256 = values & FOURTH_BYTES
    b: uint256 = (values >> 8) & FOURTH_BYTES
    c: uint256 = (values >> 16) & FOURTH_BYTES
    d: uint256 = (values >> 24) & FOURTH_BYTES
    return (
        unsafe_add(
            unsafe_add(
                unsafe_mul(a, (weights >> 24) & FOURTH_BYTES),
                unsafe_mul(b, (weights >> 16) & FOURTH_BYTES),
            ),
            unsafe_add(
                unsafe_mul(c, (weights >> 8) & FOURTH_BYTES),
                unsafe_mul(d, weights & FOURTH_BYTES),
            ),
        ),
        unsafe_add(unsafe_add(a, b), unsafe_add(c, d)),
    )


@internal
@view
def total(
    taps: DynArray[uint256, MAX_TAPS],
    columns: uint256,
    pad: uint256,
    weights: uint256,
    length: uint256,
) -> int256:
    """
    @notice What the sum of one element is.
    @param taps calldata offsets of what is read of every tap, `columns` bytes; 0: padding
    @param weights calldata offset of the channel's row, which has `length` bytes
    """
    depth: uint256 = len(taps) * columns
    assert depth <= MAX_DEPTH, "dot: too many weights"
    assert (
        length == HEAD + ((depth + 31) >> 5 << 5)
    ), "dot: weights of another length"
    head: uint256 = convert(slice(msg.data, weights, 32), uint256)
    assert head >> 248 == WEIGHTS, "dot: no weights"
    assert (head >> 224) & 65_535 == depth, "dot: another number of weights"

    products: uint256 = 0
    together: uint256 = 0
    more: uint256 = 0
    bytes_more: uint256 = 0
    word: uint256 = 0
    filled: uint256 = 0  # bytes of the word
    at: uint256 = weights + HEAD
    for tap: uint256 in taps:
        rest: uint256 = columns
        stop: uint256 = unsafe_add(tap, columns)
        if tap != 0 and filled == 0:
            # whole words, as `lanes` has them
            for i: uint256 in range(columns >> 5, bound=MAX_DEPTH // 32):
                values: uint256 = convert(
                    slice(msg.data, unsafe_add(tap, i << 5), 32), uint256
                )
                factors: uint256 = convert(slice(msg.data, at, 32), uint256)
                a: uint256 = values & FOURTH_BYTES
                b: uint256 = (values >> 8) & FOURTH_BYTES
                c: uint256 = (values >> 16) & FOURTH_BYTES
                d: uint256 = (values >> 24) & FOURTH_BYTES
                products = unsafe_add(
                    unsafe_add(
                        products,
                        unsafe_add(
                            unsafe_mul(a, (factors >> 24) & FOURTH_BYTES),
                            unsafe_mul(b, (factors >> 16) & FOURTH_BYTES),
                        ),
                    ),
                    unsafe_add(
                        unsafe_mul(c, (factors >> 8) & FOURTH_BYTES),
                        unsafe_mul(d, factors & FOURTH_BYTES),
                    ),
                )
                together = unsafe_add(
                    unsafe_add(together, unsafe_add(a, b)), unsafe_add(c, d)
                )
                at = unsafe_add(at, 32)
            rest &= 31
        for _: uint256 in range(MAX_DEPTH // 32 + 2):
            if rest == 0:
                break
            taken: uint256 = min(rest, unsafe_sub(32, filled))
            rest = unsafe_sub(rest, taken)
            part: uint256 = unsafe_mul(pad, ONES)
            if tap != 0:
                part = convert(
                    slice(msg.data, unsafe_sub(unsafe_sub(stop, rest), 32), 32),
                    uint256,
                )
            places: uint256 = taken << 3
            word = (word << places) | (
                part & (max_value(uint256) >> unsafe_sub(256, places))
            )
            filled = unsafe_add(filled, taken)
            if filled == 32:
                more, bytes_more = self.lanes(
                    word, convert(slice(msg.data, at, 32), uint256)
                )
                products = unsafe_add(products, more)
                together = unsafe_add(together, bytes_more)
                at = unsafe_add(at, 32)
                word = 0
                filled = 0
    if filled != 0:
        more, bytes_more = self.lanes(
            word << (unsafe_sub(32, filled) << 3),
            convert(slice(msg.data, at, 32), uint256),
        )
        products = unsafe_add(products, more)
        together = unsafe_add(together, bytes_more)
    products >>= 224
    together = unsafe_mul(together, FOURTH_ONES) >> 224

    begun: int256 = convert((head >> 160) & (2**32 - 1), int256)
    if begun >= 2**31:
        begun -= 2**32
    assert (
        convert(abs(begun), uint256) + depth * PRODUCT < MAX_SUM
    ), "dot: sums that leave 32 bits"
    return (
        begun
        + convert(products, int256)
        - convert(unsafe_mul((head >> 240) & 255, together), int256)
    )


@internal
@view
def element(
    o: IFaultJudges.Operator,
    taps: DynArray[uint256, MAX_TAPS],
    columns: uint256,
    place: uint256,
) -> uint256:
    """
    @notice What DOT or DOT32 writes.
    @param taps, columns as in `total`
    @param place of the channel's row, calldata offset << 16 | length
    """
    weights: uint256 = place >> 16
    total: int256 = self.total(taps, columns, o.pad, weights, place & 65_535)
    multiplier: uint256 = calldata_words.number(weights + 4, 4)
    if o.kind == descriptors.DOT32:
        assert multiplier == 0, "dot: multiplier that means nothing"
        return calldata_words.swapped(
            convert(total + 2**32, uint256) & (2**32 - 1), 4
        )
    exponent: uint256 = multiplier >> 23
    assert (
        exponent >= LEAST_EXPONENT and exponent <= MOST_EXPONENT
    ), "dot: multiplier out of range"
    return float32.requantise(total, multiplier, o.zero)
