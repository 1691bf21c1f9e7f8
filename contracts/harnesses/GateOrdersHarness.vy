# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `gate_orders`
@license Apache-2.0
@notice For tests alone; whoever calls is believed.
"""

from ..modules import gate_orders

initializes: gate_orders


@external
def place(inputs: bytes32):
    gate_orders.place(inputs)


@external
def use_up(nonce: uint256):
    gate_orders.use_up(nonce)


@external
@view
def order(nonce: uint256) -> gate_orders.Order:
    return gate_orders.order(nonce)


@external
@view
def request(nonce: uint256) -> bytes32:
    return gate_orders.request(nonce)
