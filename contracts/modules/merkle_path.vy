# pragma version ==0.4.3
"""
@title Paths in RFC 9162 trees over keccak-256
@license Apache-2.0
@notice The root that a leaf, its index, the tree's size and a path lead to
        (docs/format.md, section 1). The size must come from committed data:
        with a size of the bearer's choice one path fits several positions.
@dev The rule is RFC 9162, section 2.1.3.2, restated without its nested loops.
     Let x = index ^ (size - 1) and `inner` its bit length. Below `inner` the
     sibling's side is the index's bit; above it only the set bits of the index
     have a sibling, always on the left. With `below` = 2^inner - 1:
         path length = popcount(index | below)
         sides, lowest first = index | ~below
     Both are had without a loop, so the gas depends on the path's length alone.
"""

PAIRS: constant(uint256) = (2**64 - 1) // 3
FOURS: constant(uint256) = (2**64 - 1) // 5
NIBBLES: constant(uint256) = (2**64 - 1) // 17
BYTES: constant(uint256) = (2**64 - 1) // 255
# masks 0x55…, 0x33…, 0x0f…, 0x01… over 64 bits, for counting set bits


@internal
@pure
def leaf(data: bytes32) -> bytes32:
    """
    @notice The hash of a leaf that holds 32 bytes.
    """
    return keccak256(concat(0x00, data))


@internal
@pure
def node(left: bytes32, right: bytes32) -> bytes32:
    """
    @notice The hash of an inner node.
    """
    return keccak256(concat(0x01, left, right))


@internal
@pure
def shape(index: uint256, size: uint256) -> (uint256, uint256):
    """
    @notice The length of the path at `index` of `size` leaves, and the side of
            each sibling from the leaf upwards: bit set, it is on the left.
    @dev Requires index < size <= 2^64; the caller checks.
    """
    below: uint256 = index ^ unsafe_sub(size, 1)
    below |= below >> 1
    below |= below >> 2
    below |= below >> 4
    below |= below >> 8
    below |= below >> 16
    below |= below >> 32
    # the set bits, added up in pairs, fours, bytes, then over all bytes
    count: uint256 = index | below
    count = unsafe_sub(count, (count >> 1) & PAIRS)
    count = unsafe_add(
        count & FOURS, (count >> 2) & FOURS
    )
    count = unsafe_add(count, count >> 4) & NIBBLES
    count = (unsafe_mul(count, BYTES) >> 56) & 255
    return count, index | ~below


@internal
@pure
def climb(
    start: bytes32, sides: uint256, path: DynArray[bytes32, 32]
) -> bytes32:
    """
    @notice The root above `start`, which is a leaf's hash.
    @dev Checks no length: `shape` says which one the path must have.
    """
    top: bytes32 = start
    left: uint256 = sides
    for sibling: bytes32 in path:
        if left & 1 == 0:
            top = keccak256(concat(0x01, top, sibling))
        else:
            top = keccak256(concat(0x01, sibling, top))
        left >>= 1
    return top


@internal
@pure
def root(
    start: bytes32, index: uint256, size: uint256, path: DynArray[bytes32, 32]
) -> bytes32:
    """
    @notice The root above `start`, the hash of leaf `index` of `size`.
    @dev Reverts for a path of another length than (index, size) has, and for an
         index or a size out of bounds.
    """
    assert index < size, "path: index outside the tree"
    assert size <= 2**64, "path: tree too large"
    length: uint256 = 0
    sides: uint256 = 0
    length, sides = self.shape(index, size)
    assert len(path) == length, "path: wrong length"
    return self.climb(start, sides, path)
