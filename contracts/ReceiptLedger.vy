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
     No function calls another contract.
"""

from .interfaces import IReceiptLedger
implements: IReceiptLedger

from .modules import digests
initializes: digests

from .modules import merkle_path
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
# batches a group holds: at some 34,000 gas each it fits any block


STANDING: constant(uint256) = 2**160 - 1
# closesAt, revokedAt and maxDelay of a head: all but the next sequence


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
    assert convert(closesAt, uint256) > block.timestamp, "ledger: closes in the past"
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
def post_group(
    batches: DynArray[IReceiptLedger.SignedBatch, GROUP]
) -> uint256:
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
def verify(
    receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion
) -> bool:
    """
    @notice Whether the receipt is in its signer's log, at its number, posted by its
            own clock's time. The batch's signature covers the receipt.
    @param receipt the nine fields
    @param inclusion where it lies
    @return true or false; a false receipt never reverts
    """
    if self._issued_after(receipt, inclusion):
        return False
    return (
        len(
            self._leaf_fault(
                receipt.signer,
                receipt.sequence,
                merkle_path.leaf(digests.receipt(receipt)),
                inclusion,
            )
        )
        == 0
    )


@external
@view
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
    return len(self._leaf_fault(signer, sequence, leaf, inclusion)) == 0


@external
@view
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
def receipt_digest(receipt: IReceiptLedger.Receipt) -> bytes32:
    """
    @notice The receipt's EIP-712 digest on this chain and ledger: its identity.
    @param receipt the nine fields
    @return 32-byte digest
    """
    return digests.receipt(receipt)


@external
@view
def domain_separator() -> bytes32:
    """
    @notice The EIP-712 domain separator, on the chain as it is numbered now.
    @return 32-byte separator
    """
    return digests.domain()


@external
@view
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
def next_sequence(signer: address) -> uint64:
    """
    @notice The first number of a log that no batch covers.
    @param signer the log's key
    @return the number
    """
    return convert(self._next(self._heads[signer]), uint64)


@external
@view
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
    expected: uint256 = self._next(head)
    if first < expected:
        return "ledger: first already posted"
    if first > expected:
        return "ledger: gap before first"
    if block.timestamp > self._end(head):
        return "ledger: log closed"
    if self._revoked_at(head) == 0:
        fault: String[40] = digests.signature_fault(
            digests.batch(batch), signature, batch.signer
        )
        if len(fault) != 0:
            return fault
    else:
        if msg.sender != self._operator(self._owners[batch.signer]):
            return "ledger: log revoked"
        if len(signature) != 0:
            return "ledger: signature after a revoke"

    self._heads[batch.signer] = (after << 160) | (head & STANDING)
    self._words[self._word_key(batch.signer, batch.first)] = self._word(
        batch.root, size, block.timestamp
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
    digest: bytes32 = digests.receipt(receipt)
    fault: String[40] = self._leaf_fault(
        receipt.signer, receipt.sequence, merkle_path.leaf(digest), inclusion
    )
    assert len(fault) == 0, fault
    assert not self._issued_after(receipt, inclusion), "ledger: issued after posting"
    return digest


@internal
@pure
def _issued_after(
    receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion
) -> bool:
    return (
        convert(receipt.issuedAt, uint256)
        > convert(inclusion.postedAt, uint256) + CLOCK_SKEW
    )


@internal
@view
def _leaf_fault(
    signer: address,
    sequence: uint64,
    leaf: bytes32,
    inclusion: IReceiptLedger.Inclusion,
) -> String[40]:
    # Why the log does not hold the leaf at the number; or empty.
    first: uint256 = convert(inclusion.first, uint256)
    size: uint256 = convert(inclusion.size, uint256)
    index: uint256 = unsafe_sub(convert(sequence, uint256), first)
    # below `first` the difference wraps, and no size is that large
    if index >= size:
        return "ledger: sequence outside the batch"
    word: bytes32 = self._words[self._word_key(signer, inclusion.first)]
    if word == empty(bytes32):
        return "ledger: batch never posted"
    length: uint256 = 0
    sides: uint256 = 0
    length, sides = merkle_path.shape(index, size)
    if len(inclusion.path) != length:
        return "path: wrong length"
    root: bytes32 = merkle_path.climb(leaf, sides, inclusion.path)
    if word != self._word(root, size, convert(inclusion.postedAt, uint256)):
        return "ledger: not in the batch"
    return ""


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
def _word(root: bytes32, size: uint256, posted_at: uint256) -> bytes32:
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
    return (head >> 96) & convert(max_value(uint64), uint256)


@internal
@pure
def _revoked_at(head: uint256) -> uint256:
    return (head >> 32) & convert(max_value(uint64), uint256)


@internal
@pure
def _max_delay(head: uint256) -> uint256:
    return head & convert(max_value(uint32), uint256)


@internal
@view
def _end(head: uint256) -> uint256:
    # the last second at which batches are taken
    ends: uint256 = self._closes_at(head)
    revoked_at: uint256 = self._revoked_at(head)
    if revoked_at != 0:
        ends = min(ends, revoked_at)
    return ends + self._max_delay(head) + convert(_GRACE, uint256)


@internal
@pure
def _operator(owner: uint256) -> address:
    return convert(owner & convert(max_value(uint160), uint256), address)
