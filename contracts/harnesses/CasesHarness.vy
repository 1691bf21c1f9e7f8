# pragma version ==0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Harness of `cases`
@license Apache-2.0
@notice For tests alone; whoever calls is believed.
"""

from ..interfaces import IFaultCourt
from ..modules import cases

initializes: cases


event Told:
    time: uint64


@external
def summon(facts: IFaultCourt.Facts, terms: IFaultCourt.Terms):
    log Told(time=cases.summon(facts, terms))


@external
def assert_answered(
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    terms: IFaultCourt.Terms,
):
    log Told(time=cases.assert_answered(facts, answer, terms))


@external
def answer(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    log Told(time=cases.answer(facts, answer))


@external
def demand(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    log Told(time=cases.demand(facts, answer))


@external
def give(receipt: bytes32):
    cases.give(receipt)


@external
def fall(receipt: bytes32):
    cases.fall(receipt)


@external
def drop(receipt: bytes32):
    cases.drop(receipt)


@external
def finish(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    cases.finish(facts, answer)


@external
@view
def require_unanswered(facts: IFaultCourt.Facts):
    cases.require_unanswered(facts)


@external
@view
def require_provable(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    cases.require_provable(facts, answer)


@external
@view
def require_fallen(receipt: bytes32):
    cases.require_fallen(receipt)


@external
@view
def opened(receipt: bytes32) -> bool:
    return cases.opened(receipt)


@external
@view
def state(receipt: bytes32) -> IFaultCourt.Case:
    return cases.state(receipt)
