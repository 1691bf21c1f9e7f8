# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Harness of `float32`
@license Apache-2.0
@notice For tests alone: many cases a call.
"""

from ..modules import float32

MOST: constant(uint256) = 1000
# cases in one call


@external
@pure
def requantise(
    totals: DynArray[int256, MOST],
    multipliers: DynArray[uint256, MOST],
    zeros: DynArray[uint256, MOST],
) -> DynArray[uint256, MOST]:
    found: DynArray[uint256, MOST] = []
    for i: uint256 in range(len(totals), bound=MOST):
        found.append(float32.requantise(totals[i], multipliers[i], zeros[i]))
    return found


@external
@pure
def quantise(
    numbers: DynArray[uint256, MOST],
    scales: DynArray[uint256, MOST],
    zeros: DynArray[uint256, MOST],
) -> DynArray[uint256, MOST]:
    found: DynArray[uint256, MOST] = []
    for i: uint256 in range(len(numbers), bound=MOST):
        found.append(float32.quantise(numbers[i], scales[i], zeros[i]))
    return found


@external
@pure
def of_whole(
    numbers: DynArray[uint256, MOST]
) -> (DynArray[uint256, MOST], DynArray[uint256, MOST]):
    significands: DynArray[uint256, MOST] = []
    exponents: DynArray[uint256, MOST] = []
    for number: uint256 in numbers:
        significand: uint256 = 0
        exponent: uint256 = 0
        significand, exponent = float32.of_whole(number)
        significands.append(significand)
        exponents.append(exponent)
    return significands, exponents


@external
@pure
def product(
    numbers: DynArray[uint256, MOST], multipliers: DynArray[uint256, MOST]
) -> (DynArray[uint256, MOST], DynArray[uint256, MOST]):
    """
    @notice Of whole numbers and float32s' bits.
    """
    significands: DynArray[uint256, MOST] = []
    exponents: DynArray[uint256, MOST] = []
    for i: uint256 in range(len(numbers), bound=MOST):
        significand: uint256 = 0
        exponent: uint256 = 0
        significand, exponent = float32.of_whole(numbers[i])
        significand, exponent = float32.product(
            significand, exponent, multipliers[i]
        )
        significands.append(significand)
        exponents.append(exponent)
    return significands, exponents


@external
@pure
def quotient(
    numbers: DynArray[uint256, MOST], divisors: DynArray[uint256, MOST]
) -> (DynArray[uint256, MOST], DynArray[uint256, MOST]):
    significands: DynArray[uint256, MOST] = []
    exponents: DynArray[uint256, MOST] = []
    for i: uint256 in range(len(numbers), bound=MOST):
        significand: uint256 = 0
        exponent: uint256 = 0
        significand, exponent = float32.quotient(numbers[i], divisors[i])
        significands.append(significand)
        exponents.append(exponent)
    return significands, exponents


@external
@pure
def nearest(
    significands: DynArray[uint256, MOST], exponents: DynArray[uint256, MOST]
) -> DynArray[uint256, MOST]:
    found: DynArray[uint256, MOST] = []
    for i: uint256 in range(len(significands), bound=MOST):
        found.append(float32.nearest(significands[i], exponents[i]))
    return found
