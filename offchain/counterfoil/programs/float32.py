"""The two roundings of a program in whole numbers alone, as a contract does them.

A float32 is ±m · 2^e here, m below 2^24. Results under 2^-126 keep 24 bits, where IEEE 754 has
fewer; both are rounded to the whole number 0, so nobody can tell (docs/programs.md §4).
"""

from __future__ import annotations

from typing import Final

MANTISSA: Final = 24
"""Bits of a float32's significand. Source: IEEE 754-2019, table 3.5."""


def unpack(bits: int) -> tuple[int, int, int]:
    """Sign (±1), significand and exponent of a finite float32."""
    sign = -1 if bits >> 31 else 1
    exponent, fraction = (bits >> 23) & 0xFF, bits & 0x7FFFFF
    if exponent == 0:
        return sign, fraction, -149
    return sign, fraction | 0x800000, exponent - 150


def is_nan(bits: int) -> bool:
    """Whether a float32 is no number."""
    return bits & 0x7FFFFFFF > 0x7F800000


def is_infinite(bits: int) -> bool:
    """Whether a float32 is ±infinity."""
    return bits & 0x7FFFFFFF == 0x7F800000


def shifted(value: int, places: int, sticky: bool = False) -> int:
    """`value` / 2^places to the nearest whole number, halves to even.

    Args:
        sticky: the true value is a little larger than `value`.
    """
    if places <= 0:
        return value << -places
    kept, rest = value >> places, value & ((1 << places) - 1)
    half = 1 << (places - 1)
    if rest > half or (rest == half and (sticky or kept & 1)):
        return kept + 1
    return kept


def rounded(value: int, exponent: int, sticky: bool = False) -> tuple[int, int]:
    """`value` · 2^exponent with a significand of 24 bits: significand, exponent."""
    over = max(value.bit_length() - MANTISSA, 0)
    return shifted(value, over, sticky), exponent + over


def whole(value: int, exponent: int) -> int:
    """`value` · 2^exponent to the nearest whole number, halves to even; a large one is capped."""
    if exponent >= 0:
        return value << min(exponent, 64)
    return shifted(value, min(-exponent, 256))


def byte(sign: int, magnitude: int, zero: int) -> int:
    """zero ± magnitude, kept in 0…255."""
    return min(max(zero + sign * magnitude, 0), 255)


def requantise(total: int, multiplier: int, zero: int) -> int:
    """The byte of a sum: f32(total) · multiplier, rounded, plus zero, kept in 0…255.

    Args:
        total: below 2^31 in size.
        multiplier: bits of a positive normal float32.
    """
    sign = -1 if total < 0 else 1
    significand, exponent = rounded(abs(total), 0)
    _, other, other_exponent = unpack(multiplier)
    product, exponent = rounded(significand * other, exponent + other_exponent)
    return byte(sign, whole(product, exponent), zero)


def quantise(value: int, scale: int, zero: int) -> int:
    """The byte of a float32: f32(value / scale), rounded, plus zero, kept in 0…255; of NaN 0.

    Args:
        value: bits of a float32.
        scale: bits of a positive normal float32.
    """
    if is_nan(value):
        return 0
    if is_infinite(value):
        return 0 if value >> 31 else 255
    sign, significand, exponent = unpack(value)
    _, divisor, divisor_exponent = unpack(scale)
    quotient, rest = divmod(significand << 64, divisor)
    quotient, exponent = rounded(quotient, exponent - divisor_exponent - 64, rest != 0)
    return byte(sign, whole(quotient, exponent), zero)
