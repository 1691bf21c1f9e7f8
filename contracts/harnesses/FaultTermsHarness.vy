# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `fault_terms`
@license Apache-2.0
@notice For tests alone; whoever calls is believed.
"""

from ..interfaces import IFaultCourt
from ..modules import fault_terms

initializes: fault_terms


@deploy
def __init__(ledger: address, floors: IFaultCourt.Terms):
    fault_terms.__init__(ledger, floors)


@external
def fix(signer: address, terms: IFaultCourt.Terms):
    fault_terms.fix(signer, terms)


@external
@view
def at(signer: address, time: uint64) -> IFaultCourt.Terms:
    return fault_terms.at(signer, time)


@external
@view
def longer(signer: address) -> uint256:
    return fault_terms.longer(signer)
