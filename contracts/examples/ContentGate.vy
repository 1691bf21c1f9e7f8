# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title ContentGate, an example to copy: acts on one number of a model's answer
@license Apache-2.0
@notice Somebody orders a check of public bytes. An operator whom this gate trusts runs one
        model on them, off chain, and settles the receipt with many others. Anybody brings
        that receipt; the gate approves the content if one probability is high enough.
@dev Who brings the receipt is not trusted: it is held against the order, so that no other
     genuine answer of the same operator passes for it. Here the model is magika's, which
     tells a file's type from int32[1,2048], and the number is one label's probability.
     An example is for copying, so its event is here, not in interfaces/.
"""

from ..interfaces import IBonds
from ..interfaces import IModelRegistry
from ..interfaces import IReceiptLedger
from ..modules import gate_orders

initializes: gate_orders


event OrderFulfilled:
    nonce: indexed(uint256)
    inputs: indexed(bytes32)
    probability: uint256
    approved: bool


OUTPUT: constant(bytes32) = keccak256("target_label")
# the name of the model's output

FLOAT: constant(uint8) = 1
# ONNX TensorProto.DataType.FLOAT: four bytes a value, little-endian

LABELS: constant(uint256) = 214
# the model's output is float32[1,214]

CHUNK: constant(uint256) = 256
# bytes; docs/format.md, section 2

INFINITY: constant(uint256) = 255 << 23
# IEEE 754 binary32: the exponent's bits all set, no others

MAX_AGE: constant(uint256) = 86_400
# seconds from posting to use: what this gate takes for recent


LEDGER: immutable(IReceiptLedger)
COURT: immutable(IBonds)
STAKE: immutable(uint256)
REGISTRY: immutable(IModelRegistry)
OPERATOR: immutable(address)
PUBLISHER: immutable(address)
MODEL: immutable(bytes32)
RUNTIME: immutable(bytes32)
LABEL: immutable(uint256)
THRESHOLD: immutable(uint256)

_approved: HashMap[bytes32, bool]


@deploy
def __init__(
    ledger: address,
    registry: address,
    operator: address,
    publisher: address,
    model: bytes32,
    runtime: bytes32,
    label: uint256,
    threshold: uint256,
    court: address,
    stake: uint256,
):
    """
    @param ledger where receipts are settled
    @param registry where the model is published
    @param operator who answers for the receipts
    @param publisher whose word on the model counts
    @param model 32-byte digest of the model
    @param runtime 32-byte digest of the runtime
    @param label place of the label in the model's output, 0 to 213
    @param threshold the least probability that approves, as binary32's bits
    @param court where the operator's logs are bonded, or zero to ask none
    @param stake wei that the log's bond must still hold when the answer is used
    """
    assert label < LABELS, "gate: no such label"
    assert threshold < INFINITY, "gate: threshold not a finite positive number"
    if court != empty(address):
        assert (
            staticcall IBonds(court).ledger() == ledger
        ), "gate: court of another ledger"
    LEDGER = IReceiptLedger(ledger)
    COURT = IBonds(court)
    STAKE = stake
    REGISTRY = IModelRegistry(registry)
    OPERATOR = operator
    PUBLISHER = publisher
    MODEL = model
    RUNTIME = runtime
    LABEL = label
    THRESHOLD = threshold


@external
def place(inputs: bytes32) -> uint256:
    """
    @notice Order a check.
    @param inputs 32-byte digest of the input tensors, with 32 zero bytes as their master:
           the bytes are public, so anybody can compute it
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
    @notice Bring the settled answer to an order. A low probability uses the order up too:
            nobody can try again until the answer is liked.
    @param nonce the order's
    @param receipt the operator's receipt
    @param inclusion where it is settled
    @param opening the chunk of the output that holds the label's probability
    """
    # The order: this one, open, once.
    order: gate_orders.Order = gate_orders.use_up(nonce)

    # The answer: to this question, by this model, from whom we trust.
    assert receipt.request == gate_orders.request(
        nonce
    ), "gate: another request"
    assert receipt.inputs == order.inputs, "gate: other inputs"
    assert receipt.model == MODEL, "gate: another model"
    assert receipt.runtime == RUNTIME, "gate: another runtime"
    operator: address = (staticcall LEDGER.log_record(receipt.signer)).operator
    assert operator == OPERATOR, "gate: another operator"

    # The time: `postedAt` is the chain's (open_output holds it against the batch's word),
    # `issuedAt` only the issuer's.
    assert inclusion.postedAt >= order.placedAt, "gate: posted before the order"
    assert (
        block.timestamp <= convert(inclusion.postedAt, uint256) + MAX_AGE
    ), "gate: posted too long ago"
    assert staticcall REGISTRY.active_at(
        PUBLISHER, MODEL, inclusion.postedAt
    ), "gate: model not active"
    if COURT.address != empty(address):
        assert staticcall COURT.clean_at(
            receipt.signer, inclusion.postedAt
        ), "gate: log caught before posting"
        # Without a bond there is nothing to take, and nobody bothers to catch it.
        bonded: uint256 = (staticcall COURT.bond(receipt.signer)).amount
        assert bonded >= STAKE, "gate: too little at stake"
    # The value: which tensor and which place in it is ours to say, never the bearer's.
    at: uint256 = LABEL * 4
    assert opening.nameHash == OUTPUT, "gate: another tensor"
    assert opening.dtype == FLOAT, "gate: another dtype"
    assert opening.shapeHash == keccak256(
        abi_encode(convert(1, uint256), LABELS)
    ), "gate: another shape"
    assert (
        convert(opening.byteLength, uint256) == LABELS * 4
    ), "gate: another length"
    assert convert(opening.index, uint256) == at // CHUNK, "gate: another chunk"
    chunk: Bytes[CHUNK] = staticcall LEDGER.open_output(
        receipt, inclusion, opening
    )

    # Bits of finite floats from +0 on are ordered as the floats are. Infinity, NaN and all
    # that have the sign bit (−0 too) lie at or above INFINITY: none of them approves.
    bits: uint256 = self._little_endian(slice(chunk, at % CHUNK, 4))
    approved: bool = THRESHOLD <= bits and bits < INFINITY
    if approved:
        self._approved[order.inputs] = True
    log OrderFulfilled(
        nonce=nonce, inputs=order.inputs, probability=bits, approved=approved
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
    @notice Whether the content was approved.
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


@internal
@pure
def _little_endian(data: Bytes[4]) -> uint256:
    value: uint256 = 0
    for i: uint256 in range(4):
        value |= convert(slice(data, i, 1), uint256) << (8 * i)
    return value
