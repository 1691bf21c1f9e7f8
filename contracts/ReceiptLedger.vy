# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Receipt ledger: logs of inference receipts and the roots of their batches
@license Apache-2.0
@notice An operator opens a log for a signing key. Anybody posts the batches that
        the key has signed. A batch leaves one word, for ever, against which every
        receipt of it verifies. Nobody owns the ledger, nothing in it can be
        stopped or changed. Bytes: docs/format.md, sections 1 and 6 to 8.
@dev Cancun, not the compiler's default Prague: the code needs MCOPY and transient
     storage and nothing newer, so it runs wherever Cancun does and costs the same.
     No function calls another contract, so nothing can come back in: the lock that
     the pragma puts on every function is lifted where gas counts.
"""

from .interfaces import IReceiptLedger

implements: IReceiptLedger

from .modules import digests

initializes: digests

from .modules import merkle_path
from .modules import merkle_several
from .modules import tensor_opening

MAX_GRACE: constant(uint64) = 30 * 86_400
# 30 days, as the longest maxDelay: keeps every log's end below 2^64

MIN_DELAY: constant(uint32) = 60
MAX_DELAY: constant(uint32) = 30 * 86_400
MAX_CLOSES_AT: constant(uint64) = 2**63
# docs/format.md, section 8: maxDelay in seconds, closesAt exclusive

MAX_SIZE: constant(uint256) = 2**32
MAX_SEQUENCE: constant(uint256) = 2**64
# docs/format.md, section 7

CLOCK_SKEW: constant(uint256) = 60
# docs/format.md, section 11, step 5: seconds that `issuedAt` may pass `postedAt`

GROUP: constant(uint256) = 32
# batches a group holds: at some 36,000 gas each they fit any block


U32: constant(uint256) = 2**32 - 1
U64: constant(uint256) = 2**64 - 1
STANDING: constant(uint256) = 2**160 - 1
# masks of a head's fields; STANDING: all but the next sequence


SEVERAL: constant(uint256) = 16
# receipts that one proof holds: as `merkle_several`


_GRACE: immutable(uint64)

# What posting needs of a log, in one word:
# nextSequence 64 | closesAt 64 | revokedAt 64 | maxDelay 32. Zero: never opened.
_heads: HashMap[address, uint256]

# openedAt 64 | operator 160
_owners: HashMap[address, uint256]

# signer 160 | first 64 => keccak(abi.encode(root, size, postedAt))
_words: HashMap[uint256, bytes32]


@deploy
def __init__(grace: uint64):
    """
    @param grace seconds for which batches are taken after a log's last promise
    """
    assert grace <= MAX_GRACE, "ledger: grace over 30 days"
    _GRACE = grace
    digests.__init__(self)


@external
def open_log(
    signer: address, closesAt: uint64, maxDelay: uint32, signature: Bytes[65]
):
    """
    @notice Open the log of `signer`, with the caller as its operator. A signer's
            log is opened once and never again.
    @param signer the log's key: neither zero nor the caller
    @param closesAt Unix seconds, later than now, below 2^63
    @param maxDelay seconds, the longest promise: 60 to 2,592,000
    @param signature of LogOpening(caller, signer, closesAt, maxDelay) by `signer`
    """
    assert signer != empty(address), "ledger: signer is zero"
    assert signer != msg.sender, "ledger: signer is the operator"
    assert (
        convert(closesAt, uint256) > block.timestamp
    ), "ledger: closes in the past"
    assert closesAt < MAX_CLOSES_AT, "ledger: closes too late"
    assert maxDelay >= MIN_DELAY, "ledger: delay under 60 seconds"
    assert maxDelay <= MAX_DELAY, "ledger: delay over 30 days"
    assert self._heads[signer] == 0, "ledger: log already opened"
    fault: String[40] = digests.signature_fault(
        digests.log_opening(msg.sender, signer, closesAt, maxDelay),
        signature,
        signer,
    )
    assert len(fault) == 0, fault

    self._heads[signer] = self._head(0, closesAt, 0, maxDelay)
    self._owners[signer] = (block.timestamp << 160) | convert(
        msg.sender, uint256
    )
    log IReceiptLedger.LogOpened(
        signer=signer,
        operator=msg.sender,
        openedAt=convert(block.timestamp, uint64),
        closesAt=closesAt,
        maxDelay=maxDelay,
    )


@external
def close_log(signer: address):
    """
    @notice Close the log early, after `maxDelay`'s notice, so that no promise
            already relied on is voided. The operator alone.
    @param signer the log's key
    """
    self._require_operator(signer)
    head: uint256 = self._heads[signer]
    assert self._revoked_at(head) == 0, "ledger: log revoked"
    closesAt: uint256 = block.timestamp + self._max_delay(head)
    assert closesAt < self._closes_at(head), "ledger: log closes earlier"

    self._heads[signer] = self._head(
        self._next(head),
        convert(closesAt, uint64),
        0,
        convert(self._max_delay(head), uint32),
    )
    log IReceiptLedger.LogClosed(
        signer=signer,
        operator=msg.sender,
        closesAt=convert(closesAt, uint64),
    )


@external
def revoke_log(signer: address):
    """
    @notice Revoke a key, once and at once: from now on its signature posts nothing;
            the operator alone can still post what was promised. The operator alone.
    @param signer the log's key
    """
    self._require_operator(signer)
    head: uint256 = self._heads[signer]
    assert self._revoked_at(head) == 0, "ledger: log revoked"

    self._heads[signer] = head | (block.timestamp << 32)
    log IReceiptLedger.LogRevoked(
        signer=signer,
        operator=msg.sender,
        revokedAt=convert(block.timestamp, uint64),
    )


@external
@reentrant
def post_batch(batch: IReceiptLedger.Batch, signature: Bytes[65]):
    """
    @notice Post a log's next batch. Anybody may, with the key's signature; after a
            revoke the operator alone, with an empty one.
    @param batch the run of receipts, starting at the log's next sequence
    @param signature of the batch by its signer, or empty after a revoke
    """
    fault: String[40] = self._post(batch, signature)
    assert len(fault) == 0, fault


@external
@reentrant
def post_group(batches: DynArray[IReceiptLedger.SignedBatch, GROUP]) -> uint256:
    """
    @notice Post several batches, of any logs, in their order. One that `post_batch`
            would refuse is skipped and reported by `BatchSkipped`; it stops none of
            the others.
    @param batches up to 32, each with its signature
    @return how many were posted
    """
    posted: uint256 = 0
    for entry: IReceiptLedger.SignedBatch in batches:
        fault: String[40] = self._post(entry.batch, entry.signature)
        if len(fault) == 0:
            posted += 1
        else:
            log IReceiptLedger.BatchSkipped(
                signer=entry.batch.signer,
                first=entry.batch.first,
                root=entry.batch.root,
                reason=fault,
            )
    return posted


@external
@view
@reentrant
def verify(
    receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion
) -> bool:
    """
    @notice Whether the receipt is in its signer's log, at its number, posted by its
            own clock's time. The batch's signature covers the receipt.
    @param receipt the nine fields
    @param inclusion where it lies
    @return true or false; no false receipt reverts, but calldata that is no such structs does
    """
    if convert(receipt.issuedAt, uint256) > unsafe_add(
        convert(inclusion.postedAt, uint256), CLOCK_SKEW
    ):
        return False
    fits: bool = False
    root: bytes32 = empty(bytes32)
    leaf: bytes32 = merkle_path.leaf(digests.receipt(receipt))
    index: uint256 = unsafe_sub(
        convert(receipt.sequence, uint256), convert(inclusion.first, uint256)
    )
    fits, root = merkle_path.try_root(
        leaf, index, inclusion.size, inclusion.path
    )
    if not fits:
        return False
    return self._words[
        (convert(receipt.signer, uint256) << 64)
        | convert(inclusion.first, uint256)
    ] == keccak256(abi_encode(root, inclusion.size, inclusion.postedAt))


@external
@view
@reentrant
def verify_several(
    receipts: DynArray[IReceiptLedger.Receipt, SEVERAL],
    inclusion: IReceiptLedger.SeveralInclusion,
) -> bool:
    """
    @notice Whether `verify` is true of several receipts of one log and one batch,
            by one proof that names no sibling twice.
    @param receipts 1 to 16, strictly ascending by sequence
    @param inclusion where they lie
    @return true or false; false receipts never revert
    """
    if len(receipts) == 0:
        return False
    signer: address = receipts[0].signer
    leaves: DynArray[bytes32, SEVERAL] = []
    indices: DynArray[uint64, SEVERAL] = []
    for receipt: IReceiptLedger.Receipt in receipts:
        if receipt.signer != signer or receipt.sequence < inclusion.first:
            return False
        if convert(receipt.issuedAt, uint256) > unsafe_add(
            convert(inclusion.postedAt, uint256), CLOCK_SKEW
        ):
            return False
        leaves.append(merkle_path.leaf(digests.receipt(receipt)))
        indices.append(receipt.sequence - inclusion.first)
    fits: bool = False
    root: bytes32 = empty(bytes32)
    fits, root = merkle_several.try_root(
        leaves, indices, inclusion.size, inclusion.siblings
    )
    if not fits:
        return False
    return self._words[
        (convert(signer, uint256) << 64) | convert(inclusion.first, uint256)
    ] == keccak256(abi_encode(root, inclusion.size, inclusion.postedAt))


@external
@view
@reentrant
def require_settled(
    receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion
) -> bytes32:
    """
    @notice Revert with the reason unless `verify` is true.
    @param receipt the nine fields
    @param inclusion where it lies
    @return the receipt's digest, its identity
    """
    return self._require_settled(receipt, inclusion)


@external
@view
@reentrant
def verify_leaf(
    signer: address,
    sequence: uint64,
    leaf: bytes32,
    inclusion: IReceiptLedger.Inclusion,
) -> bool:
    """
    @notice Whether a log holds `leaf` at a number, whatever the leaf is of.
    @param signer the log's key
    @param sequence the number
    @param leaf keccak(0x00 ‖ digest)
    @param inclusion where it lies
    @return true or false
    """
    fits: bool = False
    root: bytes32 = empty(bytes32)
    index: uint256 = unsafe_sub(
        convert(sequence, uint256), convert(inclusion.first, uint256)
    )
    fits, root = merkle_path.try_root(
        leaf, index, inclusion.size, inclusion.path
    )
    if not fits:
        return False
    return self._words[
        (convert(signer, uint256) << 64) | convert(inclusion.first, uint256)
    ] == keccak256(abi_encode(root, inclusion.size, inclusion.postedAt))


@external
@view
@reentrant
def open_output(
    receipt: IReceiptLedger.Receipt,
    inclusion: IReceiptLedger.Inclusion,
    opening: IReceiptLedger.ChunkOpening,
) -> Bytes[256]:
    """
    @notice One chunk of an output tensor of a settled receipt; reverts with the
            reason where it is not.
    @param receipt the nine fields
    @param inclusion where it lies
    @param opening the chunk, with its paths and its tensor's description
    @return the chunk's bytes
    """
    self._require_settled(receipt, inclusion)
    tensor_opening.require_chunk(receipt.outputs, opening)
    return opening.data


@external
@view
@reentrant
def open_input(
    receipt: IReceiptLedger.Receipt,
    inclusion: IReceiptLedger.Inclusion,
    opening: IReceiptLedger.ChunkOpening,
) -> Bytes[256]:
    """
    @notice As `open_output`, of an input tensor.
    @param receipt the nine fields
    @param inclusion where it lies
    @param opening the chunk, with its paths and its tensor's description
    @return the chunk's bytes
    """
    self._require_settled(receipt, inclusion)
    tensor_opening.require_chunk(receipt.inputs, opening)
    return opening.data


@external
@view
@reentrant
def receipt_digest(receipt: IReceiptLedger.Receipt) -> bytes32:
    """
    @notice The receipt's EIP-712 digest on this chain and ledger: its identity.
    @param receipt the nine fields
    @return 32-byte digest
    """
    return digests.receipt(receipt)


@external
@view
@reentrant
def domain_separator() -> bytes32:
    """
    @notice The EIP-712 domain separator, on the chain as it is numbered now.
    @return 32-byte separator
    """
    return digests.domain()


@external
@view
@reentrant
def log_record(signer: address) -> IReceiptLedger.LogRecord:
    """
    @notice A log's whole record; all zero where the log was never opened.
    @param signer the log's key
    @return operator, the three times, the longest promise, the next sequence
    """
    head: uint256 = self._heads[signer]
    owner: uint256 = self._owners[signer]
    return IReceiptLedger.LogRecord(
        operator=self._operator(owner),
        openedAt=convert(owner >> 160, uint64),
        closesAt=convert(self._closes_at(head), uint64),
        revokedAt=convert(self._revoked_at(head), uint64),
        maxDelay=convert(self._max_delay(head), uint32),
        nextSequence=convert(self._next(head), uint64),
    )


@external
@view
@reentrant
def next_sequence(signer: address) -> uint64:
    """
    @notice The first number of a log that no batch covers.
    @param signer the log's key
    @return the number
    """
    return convert(self._next(self._heads[signer]), uint64)


@external
@view
@reentrant
def log_end(signer: address) -> uint64:
    """
    @notice The last second at which the log takes a batch; 0 where it was never
            opened.
    @param signer the log's key
    @return Unix seconds
    """
    head: uint256 = self._heads[signer]
    if head == 0:
        return 0
    return convert(self._end(head), uint64)


@external
@view
@reentrant
def batch_word(signer: address, first: uint64) -> bytes32:
    """
    @notice What the ledger keeps of a batch; zero where none starts at `first`.
    @param signer the log's key
    @param first the batch's first number
    @return keccak(abi.encode(root, size, postedAt))
    """
    return self._words[self._word_key(signer, first)]


@external
@view
@reentrant
def grace() -> uint64:
    """
    @notice How long batches are taken after a log's last promise is due.
    @return seconds, fixed at deployment
    """
    return _GRACE


@internal
def _post(batch: IReceiptLedger.Batch, signature: Bytes[65]) -> String[40]:
    # The reason for which the batch is refused, with nothing changed; or empty.
    head: uint256 = self._heads[batch.signer]
    if head == 0:
        return "ledger: log not open"
    first: uint256 = convert(batch.first, uint256)
    size: uint256 = convert(batch.size, uint256)
    if size == 0:
        return "ledger: batch is empty"
    if size > MAX_SIZE:
        return "ledger: batch too large"
    after: uint256 = unsafe_add(first, size)
    if after >= MAX_SEQUENCE:
        return "ledger: sequence past 2^64"
    if first < head >> 160:
        return "ledger: first already posted"
    if first > head >> 160:
        return "ledger: gap before first"
    revoked: bool = (head >> 32) & U64 != 0
    # most often it is before closesAt, and there is no end to work out
    if revoked or block.timestamp > (head >> 96) & U64:
        if block.timestamp > self._end(head):
            return "ledger: log closed"
    if not revoked:
        digest: bytes32 = digests.batch(
            batch.signer,
            batch.first,
            batch.size,
            batch.root,
            keccak256(batch.uri),
        )
        # no log is open for zero, so zero recovered is never the signer
        if digests.recover(digest, signature) != batch.signer:
            return digests.signature_fault(digest, signature, batch.signer)
    else:
        if msg.sender != self._operator(self._owners[batch.signer]):
            return "ledger: log revoked"
        if len(signature) != 0:
            return "ledger: signature after a revoke"
    self._heads[batch.signer] = (after << 160) | (head & STANDING)
    self._words[(convert(batch.signer, uint256) << 64) | first] = keccak256(
        abi_encode(batch.root, size, block.timestamp)
    )
    log IReceiptLedger.BatchPosted(
        signer=batch.signer,
        first=batch.first,
        size=batch.size,
        root=batch.root,
        postedAt=convert(block.timestamp, uint64),
        uri=batch.uri,
    )
    return ""


@internal
@view
def _require_settled(
    receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion
) -> bytes32:
    index: uint256 = unsafe_sub(
        convert(receipt.sequence, uint256), convert(inclusion.first, uint256)
    )
    assert index < convert(
        inclusion.size, uint256
    ), "ledger: sequence outside the batch"
    word: bytes32 = self._words[self._word_key(receipt.signer, inclusion.first)]
    assert word != empty(bytes32), "ledger: batch never posted"
    digest: bytes32 = digests.receipt(receipt)
    leaf: bytes32 = merkle_path.leaf(digest)
    root: bytes32 = merkle_path.root(
        leaf, index, inclusion.size, inclusion.path
    )
    assert word == self._word(
        root, inclusion.size, inclusion.postedAt
    ), "ledger: not in the batch"
    assert convert(receipt.issuedAt, uint256) <= unsafe_add(
        convert(inclusion.postedAt, uint256), CLOCK_SKEW
    ), "ledger: issued after posting"
    return digest


@internal
@view
def _require_operator(signer: address):
    owner: uint256 = self._owners[signer]
    assert owner != 0, "ledger: log not open"
    assert msg.sender == self._operator(owner), "ledger: not the operator"


@internal
@pure
def _word_key(signer: address, first: uint64) -> uint256:
    return (convert(signer, uint256) << 64) | convert(first, uint256)


@internal
@pure
def _word(root: bytes32, size: uint64, posted_at: uint64) -> bytes32:
    return keccak256(abi_encode(root, size, posted_at))


@internal
@pure
def _head(
    next_sequence: uint256,
    closes_at: uint64,
    revoked_at: uint256,
    max_delay: uint32,
) -> uint256:
    return (
        (next_sequence << 160)
        | (convert(closes_at, uint256) << 96)
        | (revoked_at << 32)
        | convert(max_delay, uint256)
    )


@internal
@pure
def _next(head: uint256) -> uint256:
    return head >> 160


@internal
@pure
def _closes_at(head: uint256) -> uint256:
    return (head >> 96) & U64


@internal
@pure
def _revoked_at(head: uint256) -> uint256:
    return (head >> 32) & U64


@internal
@pure
def _max_delay(head: uint256) -> uint256:
    return head & U32


@internal
@view
def _end(head: uint256) -> uint256:
    # the last second at which batches are taken
    ends: uint256 = (head >> 96) & U64
    revoked_at: uint256 = (head >> 32) & U64
    if revoked_at != 0 and revoked_at < ends:
        ends = revoked_at
    # each below 2^63, as the rules of opening and deploying have it
    return unsafe_add(unsafe_add(ends, head & U32), convert(_GRACE, uint256))


@internal
@pure
def _operator(owner: uint256) -> address:
    return convert(owner & convert(max_value(uint160), uint256), address)
