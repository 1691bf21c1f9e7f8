# pragma version ==0.4.3
"""
@title The sums of DOT and DOT32
@license Apache-2.0
@notice docs/programs.md, sections 5 and 10: 32 products by four multiplications of words.
@dev A word is eight lanes of 32 bits, every fourth byte one lane. Weights lie reversed, so
     the highest lane of a product of two words is the sum of eight products of equal
     places: at most 8 · 255 · 255, and no lane below it carries.
"""

from . import float32
from . import calldata_words

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
SECOND_BYTES: constant(uint256) = max_value(uint256) // (2**16 - 1) * 255
ONES: constant(uint256) = max_value(uint256) // 255
# every byte is 1

DOUBLE_ONES: constant(uint256) = max_value(uint256) // (2**16 - 1)
# every second byte is 1


@internal
@pure
def products(values: uint256, weights: uint256) -> uint256:
    """
    @notice The sum of 32 products.
    @param values the first one highest
    @param weights the first one lowest
    """
    return unsafe_add(
        unsafe_add(
            unsafe_mul(values & FOURTH_BYTES, (weights >> 24) & FOURTH_BYTES)
            >> 224,
            unsafe_mul(
                (values >> 8) & FOURTH_BYTES, (weights >> 16) & FOURTH_BYTES
            )
            >> 224,
        ),
        unsafe_add(
            unsafe_mul(
                (values >> 16) & FOURTH_BYTES, (weights >> 8) & FOURTH_BYTES
            )
            >> 224,
            unsafe_mul((values >> 24) & FOURTH_BYTES, weights & FOURTH_BYTES)
            >> 224,
        ),
    )


@internal
@pure
def bytes_together(values: uint256) -> uint256:
    """
    @notice The sum of a word's bytes.
    """
    return (
        unsafe_mul(
            unsafe_add(values & SECOND_BYTES, (values >> 8) & SECOND_BYTES),
            DOUBLE_ONES,
        )
        >> 240
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
    word: uint256 = 0
    filled: uint256 = 0  # bytes of the word
    at: uint256 = weights + HEAD
    for tap: uint256 in taps:
        rest: uint256 = columns
        stop: uint256 = unsafe_add(tap, columns)
        for _: uint256 in range(MAX_DEPTH // 32 + 2):
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
                products = unsafe_add(
                    products,
                    self.products(
                        word, convert(slice(msg.data, at, 32), uint256)
                    ),
                )
                together = unsafe_add(together, self.bytes_together(word))
                at = unsafe_add(at, 32)
                word = 0
                filled = 0
            if rest == 0:
                break
    if filled != 0:
        word <<= unsafe_sub(32, filled) << 3
        products = unsafe_add(
            products,
            self.products(word, convert(slice(msg.data, at, 32), uint256)),
        )
        together = unsafe_add(together, self.bytes_together(word))

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
def byte(total: int256, weights: uint256, zero: uint256) -> uint256:
    """
    @notice What DOT writes of a sum.
    """
    multiplier: uint256 = calldata_words.number(weights + 4, 4)
    exponent: uint256 = multiplier >> 23
    assert (
        exponent >= LEAST_EXPONENT and exponent <= MOST_EXPONENT
    ), "dot: multiplier out of range"
    return float32.requantise(total, multiplier, zero)


@internal
@view
def whole(total: int256, weights: uint256) -> uint256:
    """
    @notice What DOT32 writes of a sum.
    """
    assert (
        calldata_words.number(weights + 4, 4) == 0
    ), "dot: multiplier that means nothing"
    return calldata_words.swapped(
        convert(total + 2**32, uint256) & (2**32 - 1), 4
    )
