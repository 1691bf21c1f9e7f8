# pragma version ==0.4.3
"""
@title Demands of a fault court: one record for each node, shared by all challengers
@license Apache-2.0
@notice docs/faults.md, section 6. Whoever answers, times out or takes back brings the
        demand along; the court keeps its hash under the node's place.
"""

from ..interfaces import IFaultCourt

ANSWERED: constant(bytes32) = (
    0x0000000000000000000000000000000000000000000000000000000000000001
)
# in place of a demand's hash, which it never is


# keccak(abi.encode(receipt, place)) => keccak(abi.encode(demand)), 0 or ANSWERED
_demands: HashMap[bytes32, bytes32]


@internal
def make(demand: IFaultCourt.Demand):
    """
    @notice Keep a demand of a node that has none, and never had one answered.
    """
    slot: bytes32 = self._slot(demand.receipt, demand.place)
    kept: bytes32 = self._demands[slot]
    assert kept != ANSWERED, "demand: already answered"
    assert kept == empty(bytes32), "demand: already open"
    self._demands[slot] = keccak256(abi_encode(demand))


@internal
def give(demand: IFaultCourt.Demand):
    """
    @notice Mark an open demand as answered, once and for ever.
    """
    self._demands[self._require_open(demand)] = ANSWERED


@internal
def drop(demand: IFaultCourt.Demand):
    """
    @notice Forget an open demand, of a case that falls or fell.
    """
    self._demands[self._require_open(demand)] = empty(bytes32)


@internal
@view
def answered(receipt: bytes32, place: uint256) -> bool:
    """
    @notice Whether the node's preimage or descendants were given out.
    """
    return self._demands[self._slot(receipt, place)] == ANSWERED


@internal
@view
def _require_open(demand: IFaultCourt.Demand) -> bytes32:
    slot: bytes32 = self._slot(demand.receipt, demand.place)
    assert self._demands[slot] == keccak256(
        abi_encode(demand)
    ), "demand: not open"
    return slot


@internal
@pure
def _slot(receipt: bytes32, place: uint256) -> bytes32:
    return keccak256(abi_encode(receipt, place))
