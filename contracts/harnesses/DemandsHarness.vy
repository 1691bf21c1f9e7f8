# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `demands`
@license Apache-2.0
@notice For tests alone; whoever calls is believed.
"""

from ..interfaces import IFaultCourt
from ..modules import demands

initializes: demands


@external
def make(demand: IFaultCourt.Demand):
    demands.make(demand)


@external
def give(demand: IFaultCourt.Demand):
    demands.give(demand)


@external
def drop(demand: IFaultCourt.Demand):
    demands.drop(demand)


@external
@view
def answered(receipt: bytes32, place: uint256) -> bool:
    return demands.answered(receipt, place)
