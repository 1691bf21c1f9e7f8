# pragma version ==0.4.3
"""
@title Offences that count once, whatever proves them
@license Apache-2.0
@notice For a court in which more than one proof may show the same offence: it is a
        (signer, number), and takes of the bond once. A court with one case for each number
        has no need of it.
"""

from ..interfaces import IBonds
from . import bonds

uses: bonds


# signer 160 | number 64 => counted
_proved: HashMap[uint256, bool]


@internal
@view
def require_unproved(signer: address, number: uint64):
    """
    @notice Revert if the offence was counted, whatever proved it.
    """
    assert not self.proved(signer, number), "bond: offence already proved"


@internal
def take(
    signer: address, number: uint64, reason: IBonds.Offence, prover: address
) -> uint256:
    """
    @notice Count an offence, once, and take of the bond as `bonds.take`.
    @return wei for the prover, for the court to `pay`
    """
    self.require_unproved(signer, number)
    self._proved[self._key(signer, number)] = True
    return bonds.take(signer, number, reason, prover)


@internal
@view
def proved(signer: address, number: uint64) -> bool:
    """
    @notice Whether the offence under a number was counted.
    """
    return self._proved[self._key(signer, number)]


@internal
@pure
def _key(signer: address, number: uint64) -> uint256:
    return (convert(signer, uint256) << 64) | convert(number, uint256)
