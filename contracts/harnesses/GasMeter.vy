# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Gas that a static call's execution costs, without the transaction's own
@license Apache-2.0
@notice For tests alone. The same call to an account without code costs what the
        meter itself does: the difference is the target's execution, to the unit.
"""


@external
@view
def measure(target: address, data: Bytes[16384]) -> uint256:
    """
    @param target warmed before it is measured; its storage stays cold
    @param data the call, selector first
    @return gas between just before and just after the call
    """
    held: uint256 = target.balance
    before: uint256 = msg.gas
    raw_call(target, data, is_static_call=True)
    return before - msg.gas
