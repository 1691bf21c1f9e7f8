# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Promise court: a bond for each log, and four proofs that take it
@license Apache-2.0
@notice An operator bonds a log of the ledger. Anybody who shows that the log settled a
        receipt late, holds another at its number, signed two under one number, or does
        not give out a path, takes a unit of the bond and marks the log for ever. Nobody
        owns the court, nothing in it can be stopped or changed.
@dev An offence is a (signer, number), whatever proves it, and counts once. The number is
     the receipt's; of a late settlement it is the first that was missing, so that all
     the late receipts of one gap are one offence, before and after the gap is settled.
     The ledger and the burn address never call back; payees may, and find the state
     changed and the functions locked.
"""

from .interfaces import IBonds

implements: IBonds

from .interfaces import ICommitments

implements: ICommitments

from .interfaces import IPromiseCourt

implements: IPromiseCourt

from .interfaces import IReceiptLedger

from .modules import bonds

initializes: bonds

from .modules import commitments

initializes: commitments

from .modules import court_times

from .modules import digests

initializes: digests

from .modules import merkle_path
from .modules import offences

initializes: offences[bonds := bonds]

ANSWER_GAS: constant(uint256) = 110_000
# gas of an answer, at most: the gas tests hold a whole one to it

FEE_FACTOR: constant(uint256) = 4
# times the answer's gas at the base fee: answering stays worth while when that quadruples

MAX_FEE: constant(uint256) = 2**96
# wei, exclusive: the fee shares a word with the demander

ANSWERED: constant(uint256) = 2**64 - 1
# in place of a deadline


_LEDGER: immutable(IReceiptLedger)
_GRACE: immutable(uint256)
_CLAIM_WINDOW: immutable(uint64)
_ANSWER_WINDOW: immutable(uint64)

# signer 160 | number 64 => demander 160 | fee 96
_demanders: HashMap[uint256, uint256]

# signer 160 | number 64 => Unix seconds, 0 or ANSWERED
_deadlines: HashMap[uint256, uint256]


@deploy
def __init__(
    ledger: address,
    claimWindow: uint64,
    answerWindow: uint64,
    rewardCap: uint256,
):
    """
    @param ledger whose logs are bonded; its grace is the court's
    @param claimWindow seconds for which a late settlement can be proved and a path
           demanded: at least a day, on a developer's chain a second
    @param answerWindow seconds in which a demanded path is due: the same floors
    @param rewardCap wei, the most that one proof earns
    """
    _LEDGER = IReceiptLedger(ledger)
    grace: uint64 = staticcall IReceiptLedger(ledger).grace()
    court_times.require_sound(chain.id, grace, claimWindow, answerWindow)
    _GRACE = convert(grace, uint256)
    _CLAIM_WINDOW = claimWindow
    _ANSWER_WINDOW = answerWindow
    digests.__init__(ledger)
    bonds.__init__(
        ledger,
        rewardCap,
        convert(answerWindow, uint256),
        convert(grace, uint256)
        + convert(claimWindow, uint256)
        + convert(answerWindow, uint256),
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
            `withdrawable_after`, and while no demand is open.
    @param signer the log's key
    """
    bonds.withdraw(signer)


@external
def collect(to: address):
    """
    @notice Send on what was kept for the caller when it did not take a payment.
    @param to any address
    """
    bonds.collect(to)


@external
def commit(commitment: bytes32):
    """
    @notice Commit to evidence, at least a block before it is shown.
    @param commitment `commitment(claimant, evidence, salt)`, computed off chain
    """
    commitments.commit(commitment)


@external
def prove_late_unsettled(
    receipt: IReceiptLedger.Receipt, signature: Bytes[65], salt: bytes32
):
    """
    @notice Prove that a promised receipt is due and no batch covers its number. Once for
            each gap: the offence's number is the log's next sequence.
    @param receipt the nine fields
    @param signature of the receipt by its signer
    @param salt of the caller's commitment to `evidence(receipt, signature)`
    """
    self._open_evidence(receipt, signature, salt)
    record: IReceiptLedger.LogRecord = staticcall _LEDGER.log_record(
        receipt.signer
    )
    due: uint256 = self._require_claimable(receipt, record)
    assert receipt.sequence >= record.nextSequence, "court: number settled"
    assert block.timestamp > due, "court: not due yet"
    self._take(receipt.signer, record.nextSequence, IBonds.Offence.LATE)


@external
def prove_late_settled(
    receipt: IReceiptLedger.Receipt,
    signature: Bytes[65],
    salt: bytes32,
    batch: IPromiseCourt.PostedBatch,
):
    """
    @notice Prove that the batch that covers a promised receipt's number was posted after
            the receipt was due. Needs no path: the number alone is late. Once for each
            batch, and not where the gap before it was proved: the offence's number is
            the batch's first.
    @param receipt the nine fields
    @param signature of the receipt by its signer
    @param salt of the caller's commitment to `evidence(receipt, signature)`
    @param batch the batch that covers the receipt's number
    """
    self._open_evidence(receipt, signature, salt)
    record: IReceiptLedger.LogRecord = staticcall _LEDGER.log_record(
        receipt.signer
    )
    due: uint256 = self._require_claimable(receipt, record)
    self._require_posted(receipt.signer, receipt.sequence, batch)
    assert convert(batch.postedAt, uint256) > due, "court: settled in time"
    self._take(receipt.signer, batch.first, IBonds.Offence.LATE)


@external
def prove_conflict(
    receipt: IReceiptLedger.Receipt,
    signature: Bytes[65],
    salt: bytes32,
    leaf: bytes32,
    inclusion: IReceiptLedger.Inclusion,
):
    """
    @notice Prove that a log holds another leaf at a signed receipt's number.
    @param receipt the nine fields
    @param signature of the receipt by its signer
    @param salt of the caller's commitment to `evidence(receipt, signature)`
    @param leaf the other leaf, 32 bytes
    @param inclusion where the other leaf lies
    """
    digest: bytes32 = self._open_evidence(receipt, signature, salt)
    assert leaf != merkle_path.leaf(digest), "court: the receipt's own leaf"
    self._require_leaf(receipt.signer, receipt.sequence, leaf, inclusion)
    self._take(receipt.signer, receipt.sequence, IBonds.Offence.CONFLICT)


@external
def prove_double_sign(
    receipt: IReceiptLedger.Receipt,
    signature: Bytes[65],
    other: IReceiptLedger.Receipt,
    otherSignature: Bytes[65],
    salt: bytes32,
):
    """
    @notice Prove that a key signed two receipts under one number.
    @param receipt the nine fields
    @param signature of the receipt by its signer
    @param other another receipt of the signer under the same number
    @param otherSignature of the other receipt by its signer
    @param salt of the caller's commitment to `evidence_of_two` of the four, in their order
    """
    assert receipt.signer == other.signer, "court: two signers"
    assert receipt.sequence == other.sequence, "court: two numbers"
    digest: bytes32 = digests.receipt(receipt)
    otherDigest: bytes32 = digests.receipt(other)
    assert digest != otherDigest, "court: the same receipt"
    self._require_signed(digest, signature, receipt.signer)
    self._require_signed(otherDigest, otherSignature, receipt.signer)
    commitments.open(
        msg.sender,
        self._both(
            self._evidence(digest, signature),
            self._evidence(otherDigest, otherSignature),
        ),
        salt,
    )
    self._take(receipt.signer, receipt.sequence, IBonds.Offence.DOUBLE_SIGN)


@external
@payable
def demand(signer: address, sequence: uint64, batch: IPromiseCourt.PostedBatch):
    """
    @notice Demand the path of a number that a batch covers, for a fee of at least
            `least_fee`, which whoever answers gets. One demand serves everybody.
    @param signer the log's key
    @param sequence the number
    @param batch the batch that covers it, posted no longer ago than the claim window
    """
    self._require_posted(signer, sequence, batch)
    assert block.timestamp <= convert(batch.postedAt, uint256) + convert(
        _CLAIM_WINDOW, uint256
    ), "court: demand too late"
    assert msg.value >= self._least_fee(), "court: fee too low"
    assert msg.value < MAX_FEE, "court: fee too large"
    offences.require_unproved(signer, sequence)
    key: uint256 = self._key(signer, sequence)
    deadline: uint256 = self._deadlines[key]
    assert deadline != ANSWERED, "court: already answered"
    assert deadline == 0, "court: demand already open"

    deadline = block.timestamp + convert(_ANSWER_WINDOW, uint256)
    self._deadlines[key] = deadline
    self._demanders[key] = (convert(msg.sender, uint256) << 96) | msg.value
    bonds.hold(signer)
    log IPromiseCourt.PathDemanded(
        signer=signer,
        sequence=sequence,
        demander=msg.sender,
        fee=msg.value,
        deadline=convert(deadline, uint64),
    )


@external
def answer(
    signer: address,
    sequence: uint64,
    leaf: bytes32,
    inclusion: IReceiptLedger.Inclusion,
):
    """
    @notice Answer a demand: its fee is the caller's. Anybody may, until the timeout has
            been executed. The event keeps the path for everybody.
    @param signer the log's key
    @param sequence the number
    @param leaf the leaf at the number, 32 bytes
    @param inclusion where it lies
    """
    key: uint256 = self._key(signer, sequence)
    self._require_open(self._deadlines[key])
    self._require_leaf(signer, sequence, leaf, inclusion)

    fee: uint256 = self._demanders[key] & (MAX_FEE - 1)
    self._deadlines[key] = ANSWERED
    self._demanders[key] = 0
    bonds.release(signer)
    log IPromiseCourt.PathGiven(
        signer=signer,
        sequence=sequence,
        giver=msg.sender,
        leaf=leaf,
        inclusion=inclusion,
    )
    bonds.pay(msg.sender, fee)


@external
def time_out(signer: address, sequence: uint64):
    """
    @notice Close a demand that nobody answered in time: the demander gets the fee back
            and what the proof earns. Anybody may.
    @param signer the log's key
    @param sequence the number
    """
    key: uint256 = self._key(signer, sequence)
    deadline: uint256 = self._deadlines[key]
    self._require_open(deadline)
    assert block.timestamp > deadline, "court: answer window open"

    demander: address = convert(self._demanders[key] >> 96, address)
    amount: uint256 = self._demanders[key] & (MAX_FEE - 1)
    self._deadlines[key] = 0
    self._demanders[key] = 0
    bonds.release(signer)
    log IPromiseCourt.DemandTimedOut(
        signer=signer, sequence=sequence, demander=demander
    )
    if not offences.proved(signer, sequence):
        amount += offences.take(
            signer, sequence, IBonds.Offence.WITHHELD, demander
        )
    bonds.pay(demander, amount)


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
    @return Unix seconds: the log's end + maxDelay + grace + both windows, and at least
            an answer window after asking
    """
    return convert(bonds.withdrawable_after(signer), uint64)


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
def proved(signer: address, number: uint64) -> bool:
    """
    @notice Whether the offence under a number was counted.
    @param signer the log's key
    @param number a receipt's, or the first of a gap
    @return true or false
    """
    return offences.proved(signer, number)


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
def demand_of(signer: address, sequence: uint64) -> IPromiseCourt.Demand:
    """
    @notice What is demanded of a log at a number.
    @param signer the log's key
    @param sequence the number
    @return the open demand, or whether one was answered
    """
    key: uint256 = self._key(signer, sequence)
    deadline: uint256 = self._deadlines[key]
    answered: bool = deadline == ANSWERED
    if answered:
        deadline = 0
    return IPromiseCourt.Demand(
        demander=convert(self._demanders[key] >> 96, address),
        fee=self._demanders[key] & (MAX_FEE - 1),
        deadline=convert(deadline, uint64),
        answered=answered,
    )


@external
@view
@reentrant
def least_fee() -> uint256:
    """
    @notice What a demand pays at least, at this block's base fee.
    @return wei
    """
    return self._least_fee()


@external
@view
@reentrant
def due(receipt: IReceiptLedger.Receipt) -> uint64:
    """
    @notice The last second at which a promised receipt is settled in time; reverts with
            the reason where the receipt promises nothing.
    @param receipt the nine fields
    @return Unix seconds: min(settleBy, issuedAt + maxDelay) + grace
    """
    return convert(
        self._due(receipt, staticcall _LEDGER.log_record(receipt.signer)),
        uint64,
    )


@external
@view
@reentrant
def evidence(receipt: IReceiptLedger.Receipt, signature: Bytes[65]) -> bytes32:
    """
    @notice The evidence hash of a signed receipt, for a late settlement and a conflict.
    @param receipt the nine fields
    @param signature of the receipt by its signer
    @return keccak(abi.encode(digest, keccak(signature)))
    """
    return self._evidence(digests.receipt(receipt), signature)


@external
@view
@reentrant
def evidence_of_two(
    receipt: IReceiptLedger.Receipt,
    signature: Bytes[65],
    other: IReceiptLedger.Receipt,
    otherSignature: Bytes[65],
) -> bytes32:
    """
    @notice The evidence hash of two signed receipts, for a double signature.
    @param receipt the nine fields
    @param signature of the receipt by its signer
    @param other another receipt
    @param otherSignature of the other receipt by its signer
    @return keccak(abi.encode(evidence of the one, evidence of the other))
    """
    return self._both(
        self._evidence(digests.receipt(receipt), signature),
        self._evidence(digests.receipt(other), otherSignature),
    )


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
def claim_window() -> uint64:
    """
    @notice How long a late settlement can be proved after it is due, and a path demanded
            after its batch was posted.
    @return seconds
    """
    return _CLAIM_WINDOW


@external
@view
@reentrant
def answer_window() -> uint64:
    """
    @notice How long a demanded path may take.
    @return seconds
    """
    return _ANSWER_WINDOW


@external
@view
@reentrant
def reward_cap() -> uint256:
    """
    @notice The most that one proof earns.
    @return wei
    """
    return bonds.reward_cap()


@internal
def _open_evidence(
    receipt: IReceiptLedger.Receipt, signature: Bytes[65], salt: bytes32
) -> bytes32:
    digest: bytes32 = digests.receipt(receipt)
    self._require_signed(digest, signature, receipt.signer)
    commitments.open(msg.sender, self._evidence(digest, signature), salt)
    return digest


@internal
def _take(signer: address, number: uint64, reason: IBonds.Offence):
    bonds.pay(msg.sender, offences.take(signer, number, reason, msg.sender))


@internal
@pure
def _require_signed(digest: bytes32, signature: Bytes[65], signer: address):
    fault: String[40] = digests.signature_fault(digest, signature, signer)
    assert len(fault) == 0, fault


@internal
@view
def _require_claimable(
    receipt: IReceiptLedger.Receipt, record: IReceiptLedger.LogRecord
) -> uint256:
    due: uint256 = self._due(receipt, record)
    assert block.timestamp <= due + convert(
        _CLAIM_WINDOW, uint256
    ), "court: claim too late"
    return due


@internal
@view
def _due(
    receipt: IReceiptLedger.Receipt, record: IReceiptLedger.LogRecord
) -> uint256:
    assert record.openedAt != 0, "court: log never opened"
    assert receipt.settleBy != 0, "court: no promise"
    assert receipt.issuedAt >= record.openedAt, "court: issued before the log"
    assert receipt.issuedAt <= record.closesAt and (
        record.revokedAt == 0 or receipt.issuedAt <= record.revokedAt
    ), "court: issued after the log's end"
    return (
        min(
            convert(receipt.settleBy, uint256),
            convert(receipt.issuedAt, uint256)
            + convert(record.maxDelay, uint256),
        )
        + _GRACE
    )


@internal
@view
def _require_posted(
    signer: address, sequence: uint64, batch: IPromiseCourt.PostedBatch
):
    # below `first` the difference wraps, and no size is that large
    assert unsafe_sub(
        convert(sequence, uint256), convert(batch.first, uint256)
    ) < convert(batch.size, uint256), "court: number outside the batch"
    assert staticcall _LEDGER.batch_word(signer, batch.first) == keccak256(
        abi_encode(batch.root, batch.size, batch.postedAt)
    ), "court: not the batch's word"


@internal
@view
def _require_leaf(
    signer: address,
    sequence: uint64,
    leaf: bytes32,
    inclusion: IReceiptLedger.Inclusion,
):
    assert staticcall _LEDGER.verify_leaf(
        signer, sequence, leaf, inclusion
    ), "court: leaf not at the number"


@internal
@pure
def _require_open(deadline: uint256):
    assert deadline != 0 and deadline != ANSWERED, "court: no demand open"


@internal
@view
def _least_fee() -> uint256:
    return FEE_FACTOR * ANSWER_GAS * block.basefee


@internal
@pure
def _evidence(digest: bytes32, signature: Bytes[65]) -> bytes32:
    return keccak256(abi_encode(digest, keccak256(signature)))


@internal
@pure
def _both(evidence: bytes32, other: bytes32) -> bytes32:
    return keccak256(abi_encode(evidence, other))


@internal
@pure
def _key(signer: address, sequence: uint64) -> uint256:
    return (convert(signer, uint256) << 64) | convert(sequence, uint256)
