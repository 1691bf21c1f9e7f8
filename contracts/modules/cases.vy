# pragma version ==0.4.3
"""
@title Cases of a fault court: what is fixed of each, and where it stands
@license Apache-2.0
@notice docs/faults.md, sections 2 and 7. Callers bring a case's facts along; the court
        keeps their hash, and one word for what changes.
@dev Times are below 2^40 and windows below 2^32, and a demand is counted down only where
     it was counted up, so additions are unchecked. A number of a log lies under one leaf
     of one batch, so there is one case for each number, which falls at most once: that is
     what counts an offence under it once.
"""

from ..interfaces import IFaultCourt

MAX_STAKE: constant(uint256) = 2**96
# wei, exclusive: as `bonds` has it

SUMMONED: constant(uint256) = 1
OPEN: constant(uint256) = 2
FINAL: constant(uint256) = 4
FAULTY: constant(uint256) = 8
# IFaultCourt.State, as the compiler numbers it

STATES: constant(uint256) = 15
ASSERTED: constant(uint256) = 16
ONE_DEMAND: constant(uint256) = 2**8
U32: constant(uint256) = 2**32 - 1
U40: constant(uint256) = 2**40 - 1
# fields of the packed words below


# receipt => keccak(abi.encode(facts)), and keccak(abi.encode(facts, answer)) from the
# trace's root on
_hashes: HashMap[bytes32, bytes32]

# stake 96 | closesAt 40 | caseWindow 32 | answerWindow 32 | open demands 32 |
# asserted 4 | state 4. Zero: no case
_words: HashMap[bytes32, uint256]


@internal
def summon(facts: IFaultCourt.Facts, terms: IFaultCourt.Terms) -> uint64:
    """
    @notice Open a case whose trace's root is due.
    @return the last second at which it is in time
    """
    self._require_new(facts)
    self._hashes[facts.receipt] = keccak256(abi_encode(facts))
    self._words[facts.receipt] = self._windows(terms) | SUMMONED
    return facts.openedAt + terms.answerWindow


@internal
def assert_answered(
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    terms: IFaultCourt.Terms,
) -> uint64:
    """
    @notice Open a case that nobody asked for, with the trace's root.
    @return when it closes
    """
    self._require_new(facts)
    return self._keep_answer(
        facts,
        answer,
        (facts.stake << 144) | self._windows(terms) | ASSERTED,
    )


@internal
def answer(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer) -> uint64:
    """
    @notice Keep the trace's root of a case that waits for it.
    @return when the case closes
    """
    word: uint256 = self.require_summoned(facts)
    return self._keep_answer(facts, answer, word ^ SUMMONED)


@internal
def demand(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer) -> uint64:
    """
    @notice Count a demand: while its answer window ends before the case can.
    @return the last second at which the answer is in time
    """
    word: uint256 = self.require_open(facts, answer)
    window: uint256 = self._answer_window(word)
    deadline: uint256 = unsafe_add(block.timestamp, window)
    assert deadline <= unsafe_add(
        convert(answer.answeredAt, uint256), self._case_window(word)
    ), "case: demand too late"
    self._words[facts.receipt] = unsafe_add(word, ONE_DEMAND)
    return convert(deadline, uint64)


@internal
def give(receipt: bytes32):
    """
    @notice Count a demand as answered; the case stays open for long enough to use it.
    """
    word: uint256 = self._words[receipt]
    assert word & STATES == OPEN, "case: not open"
    self._words[receipt] = self._closing(
        word - ONE_DEMAND,
        max(self._closes_at(word), block.timestamp + self._answer_window(word)),
    )


@internal
def fall(receipt: bytes32):
    """
    @notice End a case with a fault.
    """
    word: uint256 = self._words[receipt]
    self._words[receipt] = (word & ~STATES) | FAULTY


@internal
def drop(receipt: bytes32):
    """
    @notice Count one demand less, as it falls with its case or is given back.
    """
    self._words[receipt] = unsafe_sub(self._words[receipt], ONE_DEMAND)


@internal
def finish(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    """
    @notice End a case with nothing proved.
    """
    word: uint256 = self.require_open(facts, answer)
    assert self._over(word), "case: not over"
    self._words[facts.receipt] = word ^ OPEN ^ FINAL


@internal
@view
def require_summoned(facts: IFaultCourt.Facts) -> uint256:
    """
    @notice Revert unless these are the facts of a case whose trace's root is due.
    @return the case's word
    """
    word: uint256 = self._words[facts.receipt]
    assert word & STATES == SUMMONED, "case: no answer due"
    assert self._hashes[facts.receipt] == keccak256(
        abi_encode(facts)
    ), "case: other facts"
    return word


@internal
@view
def require_unanswered(facts: IFaultCourt.Facts):
    """
    @notice Revert unless the trace's root of this case was due before now.
    """
    word: uint256 = self.require_summoned(facts)
    assert block.timestamp > unsafe_add(
        convert(facts.openedAt, uint256), self._answer_window(word)
    ), "case: answer window open"


@internal
@view
def require_open(
    facts: IFaultCourt.Facts, answer: IFaultCourt.Answer
) -> uint256:
    """
    @notice Revert unless these are facts and answer of a case that has not ended.
    @return the case's word
    """
    word: uint256 = self._words[facts.receipt]
    assert word & STATES == OPEN, "case: not open"
    assert self._hashes[facts.receipt] == keccak256(
        abi_encode(facts, answer)
    ), "case: other facts or answer"
    return word


@internal
@view
def require_fallen(receipt: bytes32):
    """
    @notice Revert unless a fault was proved, or something withheld.
    """
    assert self._words[receipt] & STATES == FAULTY, "case: has not fallen"


@internal
@view
def require_provable(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    """
    @notice Revert unless proofs against this case are taken.
    """
    word: uint256 = self.require_open(facts, answer)
    assert block.timestamp <= self._closes_at(word), "case: proof too late"


@internal
@view
def opened(receipt: bytes32) -> bool:
    """
    @notice Whether there ever was a case.
    """
    return self._words[receipt] != 0


@internal
@view
def state(receipt: bytes32) -> IFaultCourt.Case:
    """
    @notice Where a case stands: one that is over is final, executed or not.
    """
    word: uint256 = self._words[receipt]
    found: uint256 = word & STATES
    if found == OPEN and self._over(word):
        found = FINAL
    return IFaultCourt.Case(
        state=convert(found, IFaultCourt.State),
        openDemands=convert((word >> 8) & U32, uint32),
        closesAt=convert(self._closes_at(word), uint64),
        stake=word >> 144,
        asserted=word & ASSERTED != 0,
        answerWindow=convert(self._answer_window(word), uint64),
        caseWindow=convert(self._case_window(word), uint64),
    )


@internal
@view
def _require_new(facts: IFaultCourt.Facts):
    assert self._words[facts.receipt] == 0, "case: already opened"
    assert facts.stake < MAX_STAKE, "case: stake too large"


@internal
def _keep_answer(
    facts: IFaultCourt.Facts, answer: IFaultCourt.Answer, word: uint256
) -> uint64:
    self._hashes[facts.receipt] = keccak256(abi_encode(facts, answer))
    closes_at: uint256 = unsafe_add(
        convert(answer.answeredAt, uint256), self._case_window(word)
    )
    self._words[facts.receipt] = self._closing(word | OPEN, closes_at)
    return convert(closes_at, uint64)


@internal
@view
def _over(word: uint256) -> bool:
    return (word >> 8) & U32 == 0 and block.timestamp > self._closes_at(word)


@internal
@pure
def _windows(terms: IFaultCourt.Terms) -> uint256:
    return (convert(terms.caseWindow, uint256) << 72) | (
        convert(terms.answerWindow, uint256) << 40
    )


@internal
@pure
def _closing(word: uint256, closes_at: uint256) -> uint256:
    return (word & ~(U40 << 104)) | (closes_at << 104)


@internal
@pure
def _closes_at(word: uint256) -> uint256:
    return (word >> 104) & U40


@internal
@pure
def _case_window(word: uint256) -> uint256:
    return (word >> 72) & U32


@internal
@pure
def _answer_window(word: uint256) -> uint256:
    return (word >> 40) & U32
