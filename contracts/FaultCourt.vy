# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Fault court: a bond for each log, and what a wrong inference costs it
@license Apache-2.0
@notice A settled receipt of an exact program says what every byte of its run must be.
        Whoever can open it summons the log: the operator signs the root of the run's
        trace, gives out what is demanded of it, and loses a unit of its bond where one
        step is wrong or something is withheld. Rules: docs/faults.md. Nobody owns the
        court, nothing in it can be stopped or changed.
@dev The clerk looks at what opens a case and at demanded nodes, two judges look at
     proofs; all three are fixed at deployment, have no state, and pass on who called
     them. The court believes nobody else: it keeps what they have looked at, times and
     money. None of them fits into one contract with it. The ledger and the burn address
     never call back; payees may, and find the state changed and the functions locked.
"""

from .interfaces import IBonds

implements: IBonds

from .interfaces import ICommitments

implements: ICommitments

from .interfaces import IFaultCourt

implements: IFaultCourt

from .interfaces import IReceiptLedger

from .modules import bonds

initializes: bonds

from .modules import cases

initializes: cases

from .modules import commitments

initializes: commitments

from .modules import demands

initializes: demands

from .modules import digests

from .modules import fault_terms

initializes: fault_terms

from .modules import layers
from .modules import merkle_path
from .modules import places
from .modules import tensor_opening

TRACE_TYPEHASH: constant(bytes32) = keccak256(
    "Trace(bytes32 receipt,bytes32 root)"
)
# docs/faults.md, section 3

WITHHELD: constant(uint8) = 0
# the kind of a case that fell with no proof (docs/faults.md, section 5)

ANSWER_GAS: constant(uint256) = 120_000
REVEAL_GAS: constant(uint256) = 90_000
ROW_GAS: constant(uint256) = 80_000
ROW_BYTE_GAS: constant(uint256) = 40
# gas of an answer to a summons, of 32 hashes or a tensor, and of a row with its bytes,
# at most: the gas tests hold whole ones to it

MAX_ROW: constant(uint256) = 4096
# bytes; docs/programs.md, section 7

FEE_FACTOR: constant(uint256) = 4
# times the answer's gas at the base fee: answering stays worth while when that quadruples

MOST_TIMES: constant(uint256) = 16
# how far the fee of a summons rises: a lying operator that summons its own receipts
# cannot price others out, and an honest one is paid 64 times its gas from there on

MAX_FEE: constant(uint256) = 2**88
# wei, exclusive, of the least fee: sixteen times it is still a stake that a case takes


_LEDGER: immutable(IReceiptLedger)
_CLERK: immutable(address)
_STEP_JUDGE: immutable(address)
_ROW_JUDGE: immutable(address)
_LEAST_FEE: immutable(uint256)


@deploy
def __init__(
    ledger: address,
    clerk: address,
    stepJudge: address,
    rowJudge: address,
    floors: IFaultCourt.Terms,
    rewardCap: uint256,
    leastFee: uint256,
):
    """
    @param ledger whose logs are bonded
    @param clerk who looks at what opens a case, and at demanded nodes
    @param stepJudge who looks at steps
    @param rowJudge who looks at links, tensors and rows
    @param floors seconds, the least terms of a log: summon and answer windows of at least
           a day, on a developer's chain a second; a case window of eight answer windows
    @param rewardCap wei, the most that one proof earns of one bond
    @param leastFee wei, the least fee of a summons and of a demand, where gas is cheap
    """
    assert clerk.is_contract, "fault: clerk without code"
    assert stepJudge.is_contract, "fault: step judge without code"
    assert rowJudge.is_contract, "fault: row judge without code"
    assert leastFee < MAX_FEE, "fault: least fee too large"
    _LEDGER = IReceiptLedger(ledger)
    _CLERK = clerk
    _STEP_JUDGE = stepJudge
    _ROW_JUDGE = rowJudge
    _LEAST_FEE = leastFee
    fault_terms.__init__(ledger, floors)
    bonds.__init__(
        ledger,
        rewardCap,
        convert(floors.answerWindow, uint256),
        convert(staticcall IReceiptLedger(ledger).grace(), uint256)
        + convert(floors.summonWindow, uint256),
    )


@external
@payable
def make_bond(signer: address, unit: uint256):
    """
    @notice Make the bond of a log, with the wei sent: at least a unit. The operator
            alone, once.
    @param signer the log's key
    @param unit wei that each offence takes, fixed for ever
    """
    bonds.make(signer, unit)


@external
@payable
def make_bond_with_terms(
    signer: address, unit: uint256, terms: IFaultCourt.Terms
):
    """
    @notice As `make_bond`, with longer terms than the court's floors, for receipts
            posted from now on.
    @param signer the log's key
    @param unit wei that each offence takes, fixed for ever
    @param terms seconds; a case window is at least eight answer windows
    """
    bonds.make(signer, unit)
    fault_terms.fix(signer, terms)


@external
@payable
def add_bond(signer: address):
    """
    @notice Add the wei sent to a bond. Anybody may; it delays no withdrawal.
    @param signer the log's key
    """
    bonds.add(signer)


@external
def ask_withdrawal(signer: address):
    """
    @notice Ask to withdraw a bond. The operator alone, at any time.
    @param signer the log's key
    """
    bonds.ask(signer)


@external
def withdraw(signer: address):
    """
    @notice Withdraw what is left of a bond, to the operator, who alone may. Only after
            `withdrawable_after`, and while no case of a summons is open.
    @param signer the log's key
    """
    assert block.timestamp > self._withdrawable_after(
        signer
    ), "fault: withdrawal too early"
    bonds.withdraw(signer)


@external
def collect(to: address):
    """
    @notice Send on what was kept for the caller when it did not take a payment.
    @param to any address
    """
    bonds.collect(to)


@external
@payable
def enter_summons(
    facts: IFaultCourt.Facts, sets: IFaultCourt.Sets, postedAt: uint64
):
    """
    @notice Open a case whose trace is due. The clerk alone: what it brings is checked.
    @param facts the case's, with the wei sent as its stake
    @param sets the two tensor sets
    @param postedAt Unix seconds, of the receipt's batch
    """
    terms: IFaultCourt.Terms = self._enter(facts, postedAt)
    assert facts.stake >= self._least_summons_fee(
        facts.signer
    ), "fault: fee too low"

    answer_by: uint64 = cases.summon(facts, terms)
    bonds.hold_waiting(facts.signer)
    log IFaultCourt.Summoned(
        receipt=facts.receipt,
        signer=facts.signer,
        facts=facts,
        sets=sets,
        answerBy=answer_by,
    )


@external
@payable
def enter_assertion(
    facts: IFaultCourt.Facts,
    sets: IFaultCourt.Sets,
    postedAt: uint64,
    trace: bytes32,
    signature: Bytes[65],
):
    """
    @notice Open a case with its trace. The clerk alone: what it brings is checked, but for
            the signature.
    @param facts the case's, with the wei sent as its stake
    @param sets the two tensor sets
    @param postedAt Unix seconds, of the receipt's batch
    @param trace the root of the run's trace
    @param signature of Trace(receipt, trace) by the log's key, or empty after a revoke
    """
    terms: IFaultCourt.Terms = self._enter(facts, postedAt)
    assert facts.stake >= bonds.least_unit(), "fault: bond under 20 rewards"
    self._require_signed(facts, trace, signature, facts.openedBy)

    given: IFaultCourt.Answer = self._answer_now(trace)
    closes_at: uint64 = cases.assert_answered(facts, given, terms)
    log IFaultCourt.Asserted(
        receipt=facts.receipt, signer=facts.signer, facts=facts, sets=sets
    )
    self._log_answer(facts, given, closes_at)


@external
@payable
def enter_demand(
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    demand: IFaultCourt.Demand,
):
    """
    @notice Keep a demand. The clerk alone: it has looked at the node, the court at the
            case.
    @param facts the case's
    @param answer the case's
    @param demand with the wei sent as its fee; the court sets the deadline
    """
    self._require_clerk()
    assert demand.fee >= self._least_demand_fee(
        places.is_row(demand.place)
    ), "fault: demand's fee too low"
    made: IFaultCourt.Demand = demand
    made.deadline = cases.demand(facts, answer)
    demands.make(made)
    log IFaultCourt.NodeDemanded(
        receipt=facts.receipt, signer=facts.signer, demand=made
    )


@external
def answer(facts: IFaultCourt.Facts, trace: bytes32, signature: Bytes[65]):
    """
    @notice Answer a summons: its fee is the caller's. Anybody may, with the key's
            signature, until the timeout has been executed; after a revoke the operator
            alone. The first answer counts.
    @param facts the case's
    @param trace the root of the run's trace
    @param signature of Trace(receipt, trace) by the log's key, or empty after a revoke
    """
    given: IFaultCourt.Answer = self._answer_now(trace)
    closes_at: uint64 = cases.answer(facts, given)
    self._require_signed(facts, trace, signature, msg.sender)
    bonds.settle(facts.signer)
    self._log_answer(facts, given, closes_at)
    bonds.pay(msg.sender, facts.stake)


@external
def time_out_summons(facts: IFaultCourt.Facts):
    """
    @notice End a case whose trace was not given in time: the summoner gets the fee back
            and what the proof earns. Anybody may.
    @param facts the case's
    """
    cases.require_unanswered(facts)
    bonds.settle(facts.signer)
    self._fall(
        facts,
        facts.openedBy,
        WITHHELD,
        IBonds.Offence.WITHHELD,
        facts.stake,
    )


@external
def reveal_nodes(reveals: DynArray[IFaultCourt.NodesReveal, 4]):
    """
    @notice Answer demands of nodes: their fees are the caller's. Anybody may, until the
            timeout of each has been executed. The events keep the hashes for everybody.
    @param reveals each demand with all the hashes that answer it, left to right
    """
    fees: uint256 = 0
    for each: IFaultCourt.NodesReveal in reveals:
        # where a preimage is demanded no number is right
        assert (
            len(each.hashes) != 0
            and len(each.hashes) == convert(each.demand.count, uint256) << 5
        ), "fault: wrong number of hashes"
        assert (
            layers.root_of(each.hashes) == each.demand.hash
        ), "fault: hashes of another node"
        self._give(each.demand)
        fees += each.demand.fee
        log IFaultCourt.NodesRevealed(
            receipt=each.demand.receipt,
            place=each.demand.place,
            hashes=each.hashes,
        )
    bonds.pay(msg.sender, fees)


@external
def reveal_rows(reveals: DynArray[IFaultCourt.RowReveal, 4]):
    """
    @notice As `reveal_nodes`, of rows. What a row shorter than 4,096 bytes does not need
            of the fee goes back to the demander.
    @param reveals each demand with the row's bytes
    """
    fees: uint256 = 0
    for each: IFaultCourt.RowReveal in reveals:
        assert places.is_row(each.demand.place), "fault: no row is demanded"
        assert (
            keccak256(concat(0x00, each.row)) == each.demand.hash
        ), "fault: another row"
        self._give(each.demand)
        fees += self._row_fee(each.demand.fee, len(each.row))
        log IFaultCourt.RowRevealed(
            receipt=each.demand.receipt,
            place=each.demand.place,
            row=each.row,
        )
    bonds.pay(msg.sender, fees)
    for each: IFaultCourt.RowReveal in reveals:
        bonds.pay(
            each.demand.demander,
            each.demand.fee - self._row_fee(each.demand.fee, len(each.row)),
        )


@external
def reveal_tensors(reveals: DynArray[IFaultCourt.TensorReveal, 4]):
    """
    @notice As `reveal_nodes`, of tensors.
    @param reveals each demand with the five words that the set's leaf hashes
    """
    fees: uint256 = 0
    for each: IFaultCourt.TensorReveal in reveals:
        assert places.is_tensor(
            each.demand.place
        ), "fault: no tensor is demanded"
        assert (
            self._tensor_leaf(each.tensor) == each.demand.hash
        ), "fault: another tensor"
        self._give(each.demand)
        fees += each.demand.fee
        log IFaultCourt.TensorRevealed(
            receipt=each.demand.receipt,
            place=each.demand.place,
            tensor=each.tensor,
        )
    bonds.pay(msg.sender, fees)


@external
def time_out_demand(
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    demand: IFaultCourt.Demand,
):
    """
    @notice End a case in which a demand was not answered in time: the demander gets the
            fee back and what the proof earns. Anybody may.
    @param facts the case's
    @param answer the case's
    @param demand the one that was not answered
    """
    cases.require_open(facts, answer)
    assert demand.receipt == facts.receipt, "fault: demand of another case"
    assert (
        block.timestamp > convert(demand.deadline, uint256)
    ), "fault: answer window open"
    demands.drop(demand)
    cases.drop(facts.receipt)
    self._fall(
        facts,
        demand.demander,
        WITHHELD,
        IBonds.Offence.WITHHELD,
        demand.fee,
    )


@external
def refund(demand: IFaultCourt.Demand):
    """
    @notice Give the fee of an unanswered demand back to the demander, when the case has
            fallen. Anybody may.
    @param demand the open demand
    """
    cases.require_fallen(demand.receipt)
    demands.drop(demand)
    cases.drop(demand.receipt)
    bonds.pay(demand.demander, demand.fee)


@external
def commit(commitment: bytes32):
    """
    @notice Commit to evidence, at least a block before it is shown.
    @param commitment `commitment(claimant, evidence, salt)`, computed off chain
    """
    commitments.commit(commitment)


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
    """
    @notice End a case with a proof. The two judges alone.
    @param facts the case's; the judge has looked at the proof with them
    @param answer the case's, likewise
    @param prover who showed the proof to the judge
    @param kind of the fault (docs/faults.md, section 5)
    @param place of the fault
    @param element of the fault
    @param salt of the prover's commitment to
           keccak(abi.encode(receipt, kind, place, element))
    """
    assert (
        msg.sender == _STEP_JUDGE or msg.sender == _ROW_JUDGE
    ), "fault: not a judge"
    cases.require_provable(facts, answer)
    commitments.open(
        prover,
        keccak256(abi_encode(facts.receipt, kind, place, element)),
        salt,
    )
    self._fall(facts, prover, kind, IBonds.Offence.FAULT, 0)


@external
def finish(facts: IFaultCourt.Facts, answer: IFaultCourt.Answer):
    """
    @notice Release what a final case holds: the log's bond, or the assertion's, to whoever
            sent it. Anybody may.
    @param facts the case's
    @param answer the case's
    """
    cases.finish(facts, answer)
    log IFaultCourt.CaseFinished(receipt=facts.receipt, signer=facts.signer)
    if facts.asserted:
        bonds.pay(facts.openedBy, facts.stake)
    else:
        bonds.release(facts.signer)


@external
@view
@reentrant
def bond(signer: address) -> IBonds.Bond:
    """
    @notice A log's bond; all zero where none was made.
    @param signer the log's key
    @return what is left, the unit, when a withdrawal was asked, open cases
    """
    return bonds.state(signer)


@external
@view
@reentrant
def withdrawable_after(signer: address) -> uint64:
    """
    @notice The last second at which a bond stays: of an asked withdrawal, if any.
    @param signer the log's key
    @return Unix seconds: the log's end + maxDelay + grace + its summon window; and at
            least the least answer window after asking, and what the log's summon window
            passes the least one by
    """
    return convert(self._withdrawable_after(signer), uint64)


@external
@view
@reentrant
def standing(signer: address) -> IBonds.Standing:
    """
    @notice What a log was caught at; all zero while it is clean.
    @param signer the log's key
    @return when and why the first time, and how often
    """
    return bonds.standing(signer)


@external
@view
@reentrant
def clean_at(signer: address, time: uint64) -> bool:
    """
    @notice Whether nothing was proved against a log up to and at a time. Of a past time
            the answer never changes.
    @param signer the log's key
    @param time Unix seconds; of a receipt, its `postedAt`
    @return true or false
    """
    return bonds.clean_at(signer, time)


@external
@view
@reentrant
def credit(beneficiary: address) -> uint256:
    """
    @notice What is kept for an account that did not take a payment.
    @param beneficiary the account
    @return wei
    """
    return bonds.credit(beneficiary)


@external
@view
@reentrant
def commitment(claimant: address, evidence: bytes32, salt: bytes32) -> bytes32:
    """
    @notice What a claimant commits. Compute it off chain: an RPC that is asked knows the
            evidence.
    @param claimant who will show the evidence
    @param evidence 32-byte hash
    @param salt 32 random bytes
    @return keccak(abi.encode(court, claimant, evidence, salt))
    """
    return commitments.of(claimant, evidence, salt)


@external
@view
@reentrant
def committed_at(commitment: bytes32) -> uint256:
    """
    @notice The block that holds a commitment; 0 where it was never made or is used up.
    @param commitment 32 bytes
    @return block number
    """
    return commitments.committed_at(commitment)


@external
@view
@reentrant
def case_of(receipt: bytes32) -> IFaultCourt.Case:
    """
    @notice Where a receipt's case stands; all zero where there is none.
    @param receipt its 32-byte digest
    @return the state as of now, executed or not
    """
    return cases.state(receipt)


@external
@view
@reentrant
def is_final(
    receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion
) -> bool:
    """
    @notice Whether a receipt is settled and nobody can prove a fault any more: its case is
            final, or there was no summons in time. Never false again once it is true. The
            second says nothing to whom the openings were not given: a contract asks for
            a case, by `case_of`.
    @param receipt the nine fields
    @param inclusion where it lies
    @return true or false
    """
    if not staticcall _LEDGER.verify(receipt, inclusion):
        return False
    digest: bytes32 = staticcall _LEDGER.receipt_digest(receipt)
    if cases.opened(digest):
        return cases.state(digest).state == IFaultCourt.State.FINAL
    terms: IFaultCourt.Terms = fault_terms.at(
        receipt.signer, inclusion.postedAt
    )
    return self._past(inclusion.postedAt, terms)


@external
@view
@reentrant
def demand_answered(receipt: bytes32, place: uint256) -> bool:
    """
    @notice Whether what lies under a node was given out, in an event of this court.
    @param receipt its 32-byte digest
    @param place the node's: tree 8 | position 32 | layer 8 | index 64 bits, the index
           lowest
    @return true or false
    """
    return demands.answered(receipt, place)


@external
@view
@reentrant
def terms(signer: address) -> IFaultCourt.Terms:
    """
    @notice The terms of a log's receipts that are posted now.
    @param signer the log's key
    @return seconds
    """
    return fault_terms.at(signer, convert(block.timestamp, uint64))


@external
@view
@reentrant
def least_summons_fee(signer: address) -> uint256:
    """
    @notice What a summons of a log pays at least, at this block's base fee.
    @param signer the log's key
    @return wei
    """
    return self._least_summons_fee(signer)


@external
@view
@reentrant
def least_demand_fee(row: bool) -> uint256:
    """
    @notice What a demand pays at least, at this block's base fee.
    @param row whether a row of the trace is demanded
    @return wei
    """
    return self._least_demand_fee(row)


@external
@view
@reentrant
def clerk() -> address:
    """
    @notice Who takes summonses, assertions and demands.
    @return its address
    """
    return _CLERK


@external
@view
@reentrant
def step_judge() -> address:
    """
    @notice Who looks at steps.
    @return its address
    """
    return _STEP_JUDGE


@external
@view
@reentrant
def row_judge() -> address:
    """
    @notice Who looks at links, tensors and rows.
    @return its address
    """
    return _ROW_JUDGE


@external
@view
@reentrant
def ledger() -> address:
    """
    @notice The ledger whose logs are bonded.
    @return its address
    """
    return _LEDGER.address


@external
@view
@reentrant
def reward_cap() -> uint256:
    """
    @notice The most that one proof earns of a log's bond, and of an assertion's.
    @return wei
    """
    return bonds.reward_cap()


@internal
@view
def _require_clerk():
    assert msg.sender == _CLERK, "fault: not the clerk"


@internal
@view
def _enter(facts: IFaultCourt.Facts, posted_at: uint64) -> IFaultCourt.Terms:
    self._require_clerk()
    terms: IFaultCourt.Terms = fault_terms.at(facts.signer, posted_at)
    assert not self._past(posted_at, terms), "fault: summon window over"
    return terms


@internal
@view
def _past(posted_at: uint64, terms: IFaultCourt.Terms) -> bool:
    # neither is near 2^64: the one is a posted batch's, the other under a year
    return block.timestamp > convert(
        unsafe_add(posted_at, terms.summonWindow), uint256
    )


@internal
@view
def _require_signed(
    facts: IFaultCourt.Facts,
    trace: bytes32,
    signature: Bytes[65],
    sender: address,
):
    record: IReceiptLedger.LogRecord = staticcall _LEDGER.log_record(
        facts.signer
    )
    if record.revokedAt != 0:
        assert sender == record.operator, "fault: log revoked"
        assert len(signature) == 0, "fault: signature after a revoke"
        return
    digest: bytes32 = keccak256(
        concat(
            0x1901,
            digests.domain_of(chain.id, self),
            keccak256(abi_encode(TRACE_TYPEHASH, facts.receipt, trace)),
        )
    )
    fault: String[40] = digests.signature_fault(digest, signature, facts.signer)
    assert len(fault) == 0, fault


@internal
def _log_answer(
    facts: IFaultCourt.Facts, given: IFaultCourt.Answer, closes_at: uint64
):
    log IFaultCourt.Answered(
        receipt=facts.receipt,
        signer=facts.signer,
        facts=facts,
        answer=given,
        closesAt=closes_at,
    )


@internal
@view
def _answer_now(trace: bytes32) -> IFaultCourt.Answer:
    return IFaultCourt.Answer(
        trace=trace, answeredAt=convert(block.timestamp, uint64)
    )


@internal
@pure
def _tensor_leaf(tensor: IFaultCourt.TensorShown) -> bytes32:
    return merkle_path.leaf(
        keccak256(abi_encode(tensor_opening.TENSOR_TYPEHASH, tensor))
    )


@internal
def _give(demand: IFaultCourt.Demand):
    demands.give(demand)
    cases.give(demand.receipt)


@internal
def _fall(
    facts: IFaultCourt.Facts,
    prover: address,
    kind: uint8,
    reason: IBonds.Offence,
    fee: uint256,
):
    cases.fall(facts.receipt)
    log IFaultCourt.CaseFell(
        receipt=facts.receipt, signer=facts.signer, prover=prover, kind=kind
    )
    if not facts.asserted:
        bonds.release(facts.signer)
    amount: uint256 = fee + bonds.take(
        facts.signer, facts.sequence, reason, prover
    )
    if facts.asserted:
        reward: uint256 = bonds.divide(facts.stake)
        log IFaultCourt.StakeTaken(
            receipt=facts.receipt,
            prover=prover,
            reward=reward,
            burnt=facts.stake - reward,
        )
        amount += reward
    bonds.pay(prover, amount)


@internal
@view
def _withdrawable_after(signer: address) -> uint256:
    return bonds.withdrawable_after(signer) + fault_terms.longer(signer)


@internal
@view
def _least_summons_fee(signer: address) -> uint256:
    return min(MOST_TIMES, 1 + bonds.waiting(signer)) * max(
        _LEAST_FEE, FEE_FACTOR * ANSWER_GAS * block.basefee
    )


@internal
@view
def _least_demand_fee(row: bool) -> uint256:
    gas: uint256 = REVEAL_GAS
    if row:
        gas = self._row_gas(MAX_ROW)
    return max(_LEAST_FEE, FEE_FACTOR * gas * block.basefee)


@internal
@view
def _row_fee(fee: uint256, length: uint256) -> uint256:
    return max(
        _LEAST_FEE, fee * self._row_gas(length) // self._row_gas(MAX_ROW)
    )


@internal
@pure
def _row_gas(length: uint256) -> uint256:
    return unsafe_add(ROW_GAS, unsafe_mul(ROW_BYTE_GAS, length))
