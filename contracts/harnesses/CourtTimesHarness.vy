# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title The floors and ceilings of a court's times, alone
@license Apache-2.0
@notice For tests alone.
"""

from ..modules import court_times


@external
@pure
def require_sound(
    chain_id: uint256,
    grace: uint64,
    claim_window: uint64,
    answer_window: uint64,
):
    court_times.require_sound(chain_id, grace, claim_window, answer_window)
