# pragma version ==0.4.3
"""
@title The byte that QUANT writes of a float32
@license Apache-2.0
@notice docs/programs.md, section 5.
"""

from ..interfaces import IFaultJudges
from . import calldata_words
from . import float32

LEAST_EXPONENT: constant(uint256) = 27
MOST_EXPONENT: constant(uint256) = 227
# of a scale. Source: docs/programs.md, section 7


@internal
@view
def byte(o: IFaultJudges.Operator, at: uint256) -> uint256:
    """
    @notice quantise(the float32 at a calldata offset, the operator's scale, its zero).
    """
    scale: uint256 = o.more >> 224
    exponent: uint256 = scale >> 23
    assert (
        exponent >= LEAST_EXPONENT and exponent <= MOST_EXPONENT
    ), "quant: scale out of range"
    return float32.quantise(
        calldata_words.swapped(calldata_words.number(at, 4), 4), scale, o.zero
    )
