# pragma version ==0.4.3
"""
@title Floors and ceilings of a court's times
@license Apache-2.0
@notice Times are fixed at deployment, so a careless deployment could never be mended:
        on every chain but those of developers the floors are a day and two hours.
"""

MAX_WINDOW: constant(uint64) = 365 * 86_400
# a year: keeps bonds from being locked in for ever

PUBLIC_WINDOW: constant(uint64) = 86_400
PUBLIC_GRACE: constant(uint64) = 7_200
# seconds; long enough for an operator to notice, and for a chain's bad hour

HARDHAT: constant(uint256) = 31_337
GETH_DEVELOPMENT: constant(uint256) = 1_337
ETH_TESTER: constant(uint256) = 131_277_322_940_537
# chain ids that no public chain has: anvil's and hardhat's, geth's --dev and ganache's,
# py-evm's


@internal
@pure
def require_sound(
    chain_id: uint256,
    grace: uint64,
    claim_window: uint64,
    answer_window: uint64,
):
    """
    @notice Revert unless the times, in seconds, suit the chain.
    """
    assert claim_window <= MAX_WINDOW, "times: claim window over a year"
    assert answer_window <= MAX_WINDOW, "times: answer window over a year"
    assert claim_window != 0, "times: no claim window"
    assert answer_window != 0, "times: no answer window"
    if chain_id in [HARDHAT, GETH_DEVELOPMENT, ETH_TESTER]:
        return
    assert grace >= PUBLIC_GRACE, "times: grace under two hours"
    assert claim_window >= PUBLIC_WINDOW, "times: claim window under a day"
    assert answer_window >= PUBLIC_WINDOW, "times: answer window under a day"
