# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Fault clerk: takes summonses, assertions and demands for a fault court
@license Apache-2.0
@notice Holds what a case is opened with against the settled receipt, and a demanded node
        against the tree that it is said to be in; enters with the court what fits. Keeps
        no state and no ether, and serves any court that was deployed to believe it.
        Rules: docs/faults.md, sections 3, 4 and 6.
@dev The caller names the court. Of another one than it meant nothing is believed but what
     that court says itself, and only the caller's own wei go there.
"""

from .interfaces import IFaultClerk

implements: IFaultClerk

from .interfaces import IFaultCourt
from .interfaces import IReceiptLedger
from .modules import layers
from .modules import merkle_path
from .modules import places
from .modules import tensor_opening

PROGRAM_TYPEHASH: constant(bytes32) = keccak256(
    "Program(bytes32 root,uint64 rows,uint64 traceRows,uint32 version)"
)
VERSION: constant(uint32) = 1
MAX_ROWS: constant(uint64) = 2**22
# docs/programs.md, sections 1 and 7

TRACE: constant(uint8) = 0
TENSORS: constant(uint8) = 1
CHUNKS: constant(uint8) = 3
# trees that are demanded, of inputs; of outputs one more (docs/faults.md, section 6)


@external
@payable
def summon(
    court: address,
    receipt: IReceiptLedger.Receipt,
    inclusion: IReceiptLedger.Inclusion,
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    inputs: IReceiptLedger.ChunkOpening,
    outputs: IReceiptLedger.ChunkOpening,
):
    """
    @notice Summon a log to sign the root of a receipt's trace, for a fee of at least
            `least_summons_fee`, which whoever answers gets. Once a receipt.
    @param court the fault court
    @param receipt the nine fields of a settled receipt
    @param inclusion where it lies, posted no longer ago than the summon window
    @param program what the receipt's runtime commits to
    @param sets the two tensor sets and the masters of their salts, which this makes public
    @param inputs opens the first chunk of the first input
    @param outputs opens the first chunk of the first output
    """
    facts: IFaultCourt.Facts = self._facts(
        court, receipt, inclusion, program, sets, inputs, outputs, False
    )
    extcall IFaultCourt(court).enter_summons(
        facts, sets, inclusion.postedAt, value=msg.value
    )


@external
@payable
def assert_receipt(
    court: address,
    receipt: IReceiptLedger.Receipt,
    inclusion: IReceiptLedger.Inclusion,
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    inputs: IReceiptLedger.ChunkOpening,
    outputs: IReceiptLedger.ChunkOpening,
    trace: bytes32,
    signature: Bytes[65],
):
    """
    @notice Give a receipt's trace unasked, with the wei sent as a bond of its own, of at
            least 20 reward caps, which the caller gets back when the case is final.
    @param court the fault court
    @param receipt the nine fields of a settled receipt
    @param inclusion where it lies, posted no longer ago than the summon window
    @param program what the receipt's runtime commits to
    @param sets the two tensor sets and the masters of their salts, which this makes public
    @param inputs opens the first chunk of the first input
    @param outputs opens the first chunk of the first output
    @param trace the root of the run's trace
    @param signature of Trace(receipt, trace) by the log's key, or empty after a revoke
    """
    facts: IFaultCourt.Facts = self._facts(
        court, receipt, inclusion, program, sets, inputs, outputs, True
    )
    extcall IFaultCourt(court).enter_assertion(
        facts, sets, inclusion.postedAt, trace, signature, value=msg.value
    )


@external
@payable
def demand_rows(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    node: IFaultCourt.Node,
):
    """
    @notice Demand a row of the trace, or what lies under a node of its tree, for a fee of
            at least `least_demand_fee`, which whoever answers gets. One demand serves
            everybody.
    @param court the fault court
    @param facts the case's
    @param answer the case's
    @param node the node, 0 or a multiple of five layers below the root
    """
    self._demand(
        court,
        facts,
        answer,
        TRACE,
        0,
        node,
        answer.trace,
        2**layers.height(convert(facts.program.traceRows, uint256)),
    )


@external
@payable
def demand_tensors(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    sets: IFaultCourt.Sets,
    side: uint8,
    node: IFaultCourt.Node,
):
    """
    @notice As `demand_rows`, of a receipt's tensors.
    @param court the fault court
    @param facts the case's
    @param answer the case's
    @param sets the case's
    @param side 0 of the inputs, 1 of the outputs
    @param node the node in the set's tree
    """
    count: uint32 = 0
    root: bytes32 = empty(bytes32)
    count, root = self._side(facts, sets, side)
    self._demand(
        court,
        facts,
        answer,
        TENSORS + side,
        0,
        node,
        root,
        convert(count, uint256),
    )


@external
@payable
def demand_chunks(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    sets: IFaultCourt.Sets,
    side: uint8,
    position: uint32,
    tensor: IFaultCourt.TensorShown,
    setPath: DynArray[bytes32, 32],
    node: IFaultCourt.Node,
):
    """
    @notice As `demand_rows`, of the leaves over one tensor's chunks; the leaves themselves
            have no preimage that a proof needs.
    @param court the fault court
    @param facts the case's
    @param answer the case's
    @param sets the case's
    @param side 0 of the inputs, 1 of the outputs
    @param position the tensor's in its set
    @param tensor what the set's leaf at the position hashes
    @param setPath from there to the set's root
    @param node the node in the tensor's tree, above its leaves
    """
    assert node.layer != 0, "clerk: chunks are not demanded"
    count: uint32 = 0
    root: bytes32 = empty(bytes32)
    count, root = self._side(facts, sets, side)
    assert (
        merkle_path.root(
            self._tensor_leaf(tensor),
            convert(position, uint256),
            convert(count, uint64),
            setPath,
        )
        == root
    ), "clerk: tensor not in the set"
    self._demand(
        court,
        facts,
        answer,
        CHUNKS + side,
        position,
        node,
        tensor.chunks,
        max(
            1,
            (
                convert(tensor.byteLength, uint256)
                + tensor_opening.CHUNK_SIZE
                - 1
            ) // tensor_opening.CHUNK_SIZE,
        ),
    )


@internal
@payable
def _facts(
    court: address,
    receipt: IReceiptLedger.Receipt,
    inclusion: IReceiptLedger.Inclusion,
    program: IFaultCourt.Program,
    sets: IFaultCourt.Sets,
    inputs: IReceiptLedger.ChunkOpening,
    outputs: IReceiptLedger.ChunkOpening,
    asserted: bool,
) -> IFaultCourt.Facts:
    ledger: IReceiptLedger = IReceiptLedger(
        staticcall IFaultCourt(court).ledger()
    )
    digest: bytes32 = staticcall ledger.require_settled(receipt, inclusion)
    assert program.rows >= 1 and program.rows <= MAX_ROWS, "clerk: program rows"
    assert (
        program.traceRows >= 1 and program.traceRows <= MAX_ROWS
    ), "clerk: trace rows"
    assert receipt.runtime == keccak256(
        abi_encode(
            PROGRAM_TYPEHASH,
            program.root,
            program.rows,
            program.traceRows,
            VERSION,
        )
    ), "clerk: another program"
    self._require_opened(
        receipt.inputs,
        sets.inputsCount,
        sets.inputsRoot,
        sets.inputsMaster,
        inputs,
    )
    self._require_opened(
        receipt.outputs,
        sets.outputsCount,
        sets.outputsRoot,
        sets.outputsMaster,
        outputs,
    )
    return IFaultCourt.Facts(
        receipt=digest,
        signer=receipt.signer,
        sequence=receipt.sequence,
        program=program,
        sets=keccak256(abi_encode(sets)),
        openedBy=msg.sender,
        openedAt=convert(block.timestamp, uint64),
        stake=msg.value,
        asserted=asserted,
    )


@internal
@pure
def _require_opened(
    tensors: bytes32,
    count: uint32,
    root: bytes32,
    master: bytes32,
    opening: IReceiptLedger.ChunkOpening,
):
    assert tensors == keccak256(
        abi_encode(tensor_opening.TENSOR_SET_TYPEHASH, count, root)
    ), "clerk: another tensor set"
    if count == 0:
        assert (
            root == empty(bytes32) and master == empty(bytes32)
        ), "clerk: empty set with a root or a master"
        return
    assert (
        opening.position == 0 and opening.index == 0
    ), "clerk: not the first chunk"
    assert opening.salt == keccak256(
        concat(master, convert(0, bytes16))
    ), "clerk: another master"
    tensor_opening.require_chunk(tensors, opening)


@internal
@payable
def _demand(
    court: address,
    facts: IFaultCourt.Facts,
    answer: IFaultCourt.Answer,
    tree: uint8,
    position: uint32,
    node: IFaultCourt.Node,
    root: bytes32,
    size: uint256,
):
    count: uint256 = layers.require_node(
        root,
        size,
        convert(node.layer, uint256),
        convert(node.index, uint256),
        node.hash,
        node.path,
    )
    demand: IFaultCourt.Demand = IFaultCourt.Demand(
        receipt=facts.receipt,
        place=places.of(tree, position, node.layer, node.index),
        hash=node.hash,
        count=convert(count, uint8),
        demander=msg.sender,
        fee=msg.value,
        deadline=0,
    )
    extcall IFaultCourt(court).enter_demand(
        facts, answer, demand, value=msg.value
    )


@internal
@pure
def _side(
    facts: IFaultCourt.Facts, sets: IFaultCourt.Sets, side: uint8
) -> (uint32, bytes32):
    assert (
        keccak256(abi_encode(sets)) == facts.sets
    ), "clerk: other tensor sets"
    assert side <= 1, "clerk: no such side"
    if side == 0:
        return sets.inputsCount, sets.inputsRoot
    return sets.outputsCount, sets.outputsRoot


@internal
@pure
def _tensor_leaf(tensor: IFaultCourt.TensorShown) -> bytes32:
    return merkle_path.leaf(
        keccak256(abi_encode(tensor_opening.TENSOR_TYPEHASH, tensor))
    )
