# pragma version ==0.4.3
"""
@title Terms of logs in a fault court
@license Apache-2.0
@notice The floors hold for every log. An operator may give its log longer terms, once,
        when it makes the bond, for receipts posted from then on: those of a receipt
        never change.
"""

from ..interfaces import IFaultCourt
from ..interfaces import IReceiptLedger
from . import court_times

DESCENT: constant(uint64) = 8
# answer windows in a case window, at least: six answers walk a trace of 22 layers, and
# two more leave time to act between

MAX_WINDOW: constant(uint64) = 365 * 86_400
# a year, as court_times has it

U32: constant(uint256) = 2**32 - 1

_FLOORS: immutable(IFaultCourt.Terms)

# since 64 | summonWindow 32 | answerWindow 32 | caseWindow 32
_logs: HashMap[address, uint256]


@deploy
def __init__(ledger: address, floors: IFaultCourt.Terms):
    # a summons begins a case as a claim does: the same floors hold for its window
    court_times.require_sound(
        chain.id,
        staticcall IReceiptLedger(ledger).grace(),
        floors.summonWindow,
        floors.answerWindow,
    )
    self._require_sound(floors)
    _FLOORS = floors


@internal
def fix(signer: address, terms: IFaultCourt.Terms):
    """
    @notice Give a log its terms, for receipts posted from now on. The court calls this
            once a log.
    """
    assert (
        terms.summonWindow >= _FLOORS.summonWindow
        and terms.answerWindow >= _FLOORS.answerWindow
        and terms.caseWindow >= _FLOORS.caseWindow
    ), "terms: window under the floor"
    self._require_sound(terms)
    self._logs[signer] = (
        (block.timestamp << 96)
        | (convert(terms.summonWindow, uint256) << 64)
        | (convert(terms.answerWindow, uint256) << 32)
        | convert(terms.caseWindow, uint256)
    )


@internal
@view
def at(signer: address, time: uint64) -> IFaultCourt.Terms:
    """
    @notice The terms of a log's receipts that were posted at a time, seconds.
    """
    word: uint256 = self._logs[signer]
    if word == 0 or convert(time, uint256) < word >> 96:
        return _FLOORS
    return IFaultCourt.Terms(
        summonWindow=convert((word >> 64) & U32, uint64),
        answerWindow=convert((word >> 32) & U32, uint64),
        caseWindow=convert(word & U32, uint64),
    )


@internal
@view
def longer(signer: address) -> uint256:
    """
    @notice Seconds by which a log's summon window passes the floor.
    """
    return convert(
        self.at(signer, max_value(uint64)).summonWindow - _FLOORS.summonWindow,
        uint256,
    )


@internal
@pure
def _require_sound(terms: IFaultCourt.Terms):
    assert (
        terms.summonWindow <= MAX_WINDOW and terms.caseWindow <= MAX_WINDOW
    ), "terms: window over a year"
    # no window of an answer that passes here overflows: it is below an eighth of a year
    assert (
        terms.answerWindow <= terms.caseWindow // DESCENT
    ), "terms: case window under eight answers"
