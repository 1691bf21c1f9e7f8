# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title A court that convicts whomever it is told to, and says what it was told
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IFaultCourt


event Convicted:
    judge: address
    facts: IFaultCourt.Facts
    answer: IFaultCourt.Answer
    prover: address
    kind: uint8
    place: uint64
    element: uint64
    salt: bytes32


@external
def convict(
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    prover: address,
    kind: uint8,
    place: uint64,
    element: uint64,
    salt: bytes32,
):
    log Convicted(
        judge=msg.sender,
        facts=facts,
        answer=answer,
        prover=prover,
        kind=kind,
        place=place,
        element=element,
        salt=salt,
    )
