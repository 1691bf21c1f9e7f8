# pragma version ==0.4.3
"""
@title Orders of a gate: questions, each answered once
@license Apache-2.0
@notice Gives every order a number and the `request` that its receipt must carry, so that
        no other genuine answer passes for it.
"""


struct Order:
    inputs: bytes32  # hashStruct(TensorSet) of what is asked
    placedAt: uint64  # Unix seconds, 0: no such order
    fulfilled: bool


event OrderPlaced:
    nonce: indexed(uint256)
    request: bytes32
    inputs: bytes32


_orders: HashMap[uint256, Order]
_placed: uint256


@internal
def place(inputs: bytes32) -> uint256:
    """
    @notice Keep a new order.
    @return its nonce
    """
    nonce: uint256 = self._placed
    self._placed = nonce + 1
    self._orders[nonce] = Order(
        inputs=inputs,
        placedAt=convert(block.timestamp, uint64),
        fulfilled=False,
    )
    log OrderPlaced(nonce=nonce, request=self.request(nonce), inputs=inputs)
    return nonce


@internal
def use_up(nonce: uint256) -> Order:
    """
    @notice Mark an open order as fulfilled.
    """
    found: Order = self._orders[nonce]
    assert found.placedAt != 0, "gate: no such order"
    assert not found.fulfilled, "gate: order already fulfilled"
    self._orders[nonce].fulfilled = True
    return found


@internal
@view
def order(nonce: uint256) -> Order:
    """
    @notice An order; all zero if there is none.
    """
    return self._orders[nonce]


@internal
@view
def request(nonce: uint256) -> bytes32:
    """
    @notice What the receipt for an order must carry as its `request`.
    """
    return keccak256(abi_encode(chain.id, self, nonce))
