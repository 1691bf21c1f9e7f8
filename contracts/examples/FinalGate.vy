# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title FinalGate, an example to copy: acts on an exact answer that nobody can refute any more
@license Apache-2.0
@notice As ContentGate, but the model is an exact program, and the gate trusts nobody's
        arithmetic: it waits until a fault court's case about the receipt is final. The
        operator asserts its receipt there, with a bond of its own.
@dev A case, not silence: of a receipt whose openings nobody holds nobody can open a case,
     so `is_final` would take the operator's word for it. Here the answer is one int64, as
     a program's last ARGMAX writes it.
"""

from ..interfaces import IFaultCourt
from ..interfaces import IReceiptLedger
from ..modules import gate_orders

initializes: gate_orders


event AnswerUsed:
    nonce: indexed(uint256)
    inputs: indexed(bytes32)
    label: uint256
    approved: bool


INT64: constant(uint8) = 7
# ONNX TensorProto.DataType.INT64: eight bytes, little-endian

MAX_AGE: constant(uint256) = 30 * 86_400
# seconds from posting to use: a case takes eight answer windows of a day, and a summons'
# windows before that


LEDGER: immutable(IReceiptLedger)
COURT: immutable(IFaultCourt)
STAKE: immutable(uint256)
OPERATOR: immutable(address)
RUNTIME: immutable(bytes32)
OUTPUT: immutable(bytes32)
LABEL: immutable(uint256)

_approved: HashMap[bytes32, bool]


@deploy
def __init__(
    court: address,
    stake: uint256,
    operator: address,
    runtime: bytes32,
    output: String[64],
    label: uint256,
):
    """
    @param court the fault court; its ledger is where receipts are settled
    @param stake wei that an assertion's bond must hold
    @param operator who answers for the receipts
    @param runtime 32-byte digest of the program, which alone decides the numbers
    @param output name of the program's first output, one int64
    @param label the answer that approves
    """
    COURT = IFaultCourt(court)
    LEDGER = IReceiptLedger(staticcall IFaultCourt(court).ledger())
    STAKE = stake
    OPERATOR = operator
    RUNTIME = runtime
    OUTPUT = keccak256(output)
    LABEL = label


@external
def place(inputs: bytes32) -> uint256:
    """
    @notice Order an answer.
    @param inputs 32-byte digest of the input tensors, with 32 zero bytes as their master
    @return the order's nonce; the request to be answered is `request(nonce)`
    """
    return gate_orders.place(inputs)


@external
def fulfil(
    nonce: uint256,
    receipt: IReceiptLedger.Receipt,
    inclusion: IReceiptLedger.Inclusion,
    opening: IReceiptLedger.ChunkOpening,
):
    """
    @notice Bring the settled answer to an order when its case is final. Another label
            uses the order up too.
    @param nonce the order's
    @param receipt the operator's receipt
    @param inclusion where it is settled
    @param opening the output's one chunk
    """
    order: gate_orders.Order = gate_orders.use_up(nonce)
    assert receipt.request == gate_orders.request(
        nonce
    ), "final: another request"
    assert receipt.inputs == order.inputs, "final: other inputs"
    assert receipt.runtime == RUNTIME, "final: another program"
    operator: address = (staticcall LEDGER.log_record(receipt.signer)).operator
    assert operator == OPERATOR, "final: another operator"
    assert (
        inclusion.postedAt >= order.placedAt
    ), "final: posted before the order"
    assert (
        block.timestamp <= convert(inclusion.postedAt, uint256) + MAX_AGE
    ), "final: posted too long ago"

    # The case: over, and while it was open there was enough to win for who refutes it.
    found: IFaultCourt.Case = staticcall COURT.case_of(
        staticcall LEDGER.receipt_digest(receipt)
    )
    assert found.state == IFaultCourt.State.FINAL, "final: case not final"
    assert found.stake >= STAKE, "final: too little at stake"

    # The value: the program's only int64 of this name, whole in the first chunk. That the
    # tensor is the program's output the case has shown.
    assert opening.position == 0, "final: another tensor"
    assert (
        opening.nameHash == OUTPUT
        and opening.dtype == INT64
        and opening.byteLength == 8
    ), "final: another output"
    chunk: Bytes[256] = staticcall LEDGER.open_output(
        receipt, inclusion, opening
    )
    label: uint256 = 0
    for i: uint256 in range(8):
        label |= convert(slice(chunk, i, 1), uint256) << (8 * i)
    approved: bool = label == LABEL
    if approved:
        self._approved[order.inputs] = True
    log AnswerUsed(
        nonce=nonce, inputs=order.inputs, label=label, approved=approved
    )


@external
@view
def order(nonce: uint256) -> gate_orders.Order:
    """
    @notice An order; all zero if there is none.
    @param nonce the order's
    @return the order
    """
    return gate_orders.order(nonce)


@external
@view
def approved(inputs: bytes32) -> bool:
    """
    @notice Whether the answer about these inputs was the one that approves.
    @param inputs 32-byte digest of the input tensors
    @return true or false
    """
    return self._approved[inputs]


@external
@view
def request(nonce: uint256) -> bytes32:
    """
    @notice What the receipt for an order must carry as its `request`.
    @param nonce the order's
    @return keccak(abi.encode(chain id, this contract, nonce))
    """
    return gate_orders.request(nonce)
