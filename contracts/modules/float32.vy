# pragma version ==0.4.3
"""
@title The two roundings of an exact program, in whole numbers
@license Apache-2.0
@notice docs/programs.md, section 4. A positive float32 is a significand of 24 bits times
        a power of two here; exponents are kept 300 too large, so that none is negative.
        Results that IEEE 754 would keep in fewer bits (under 2^-126) keep 24: both become
        the whole number 0.
"""

BIAS: constant(uint256) = 300
# added to exponents: over 150 + 126, what any float32 or product of a program's has

MANTISSA: constant(uint256) = 2**23
FRACTION: constant(uint256) = 2**23 - 1
INFINITE: constant(uint256) = 255 * 2**23
# the least significand; bits of a significand that are written; the bits of infinity.
# Source: IEEE 754-2019, table 3.5

BITS_OF: constant(uint256) = 4_919_131_752_702_878_224
# of each number below 16 how many bits it has, four bits apart


@internal
@pure
def shifted(number: uint256, places: uint256) -> uint256:
    """
    @notice `number` / 2^places to the nearest whole number, halves to even. places is
            1 to 255, number below 2^128.
    """
    if places > 130:
        return 0
    return (
        unsafe_add(
            unsafe_add(number, max_value(uint256) >> unsafe_sub(257, places)),
            (number >> places) & 1,
        )
        >> places
    )


@internal
@pure
def of_whole(number: uint256) -> (uint256, uint256):
    """
    @notice f32(number), number below 2^32: significand 2^23 to 2^24, or 0; biased exponent.
    """
    # bits of the number: those of its highest byte, and 8 for each below
    rest: uint256 = number
    bits: uint256 = 0
    if rest >> 16 != 0:
        rest >>= 16
        bits = 16
    if rest >> 8 != 0:
        rest >>= 8
        bits |= 8
    if rest >> 4 != 0:
        rest >>= 4
        bits |= 4
    bits += (BITS_OF >> (rest << 2)) & 15
    if bits > 24:
        return self.shifted(number, bits - 24), BIAS + bits - 24
    return number << (24 - bits), BIAS + bits - 24


@internal
@pure
def product(
    significand: uint256, exponent: uint256, bits: uint256
) -> (uint256, uint256):
    """
    @notice f32(x · M): x a significand of 2^23 to 2^24, or 0, and a biased exponent; M the
            bits of a positive normal float32.
    """
    whole: uint256 = significand * ((bits & FRACTION) | MANTISSA)
    places: uint256 = 23
    if whole >> 47 != 0:
        places = 24
    return (self.shifted(whole, places), exponent + (bits >> 23) + places - 150)


@internal
@pure
def quotient(bits: uint256, divisor: uint256) -> (uint256, uint256):
    """
    @notice f32(x / s), both the bits of positive normal float32s.
    """
    upper: uint256 = ((bits & FRACTION) | MANTISSA) << 40
    lower: uint256 = (divisor & FRACTION) | MANTISSA
    whole: uint256 = upper // lower
    # what is left makes the last bit odd: no half is mistaken
    if upper % lower != 0:
        whole |= 1
    places: uint256 = 16
    if whole >> 40 != 0:
        places = 17
    return (
        self.shifted(whole, places),
        BIAS + (bits >> 23) + places - (divisor >> 23) - 40,
    )


@internal
@pure
def nearest(significand: uint256, exponent: uint256) -> uint256:
    """
    @notice The nearest whole number, halves to even; one past 255 may be any past it.
    """
    if exponent >= BIAS:
        # 0, or at least 2^23
        return significand
    return self.shifted(significand, BIAS - exponent)


@internal
@pure
def byte(negative: bool, magnitude: uint256, zero: uint256) -> uint256:
    """
    @notice zero ± magnitude, kept in 0 to 255.
    """
    if negative:
        if magnitude >= zero:
            return 0
        return zero - magnitude
    return min(zero + magnitude, 255)


@internal
@pure
def requantise(total: int256, multiplier: uint256, zero: uint256) -> uint256:
    """
    @notice The byte of a sum.
    @param total below 2^31 in size
    @param multiplier bits of a positive normal float32
    @param zero 0 to 255
    """
    size: uint256 = convert(abs(total), uint256)
    significand: uint256 = 0
    exponent: uint256 = 0
    significand, exponent = self.of_whole(size)
    significand, exponent = self.product(significand, exponent, multiplier)
    return self.byte(total < 0, self.nearest(significand, exponent), zero)


@internal
@pure
def quantise(number: uint256, scale: uint256, zero: uint256) -> uint256:
    """
    @notice The byte of a float32, any.
    @param number its bits
    @param scale bits of a positive normal float32, 2^-100 at least
    @param zero 0 to 255
    """
    negative: bool = number >> 31 != 0
    size: uint256 = number & (2**31 - 1)
    if size > INFINITE:
        return 0  # no number
    if size == INFINITE:
        return self.byte(negative, 255, zero)
    if size < MANTISSA:
        return zero  # denormal: under 2^-26 of any scale
    significand: uint256 = 0
    exponent: uint256 = 0
    significand, exponent = self.quotient(size, scale)
    return self.byte(negative, self.nearest(significand, exponent), zero)
