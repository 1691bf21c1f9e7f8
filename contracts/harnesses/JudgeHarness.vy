# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title A judge that convicts on anybody's word
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultCourt


@external
def convict(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    kind: uint8,
    place: uint64,
    element: uint64,
    salt: bytes32,
):
    extcall IFaultCourt(court).convict(
        facts, answer, msg.sender, kind, place, element, salt
    )
