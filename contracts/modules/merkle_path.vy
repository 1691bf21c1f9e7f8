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

MAX_SIZE: constant(uint64) = 2**32
# leaves that a path of 32 siblings reaches at every index

SPREAD: constant(uint256) = (2**210 - 1) // (2**35 - 1)
EVERY_SIXTH: constant(uint256) = (2**210 - 1) // 63
# set bits counted in three steps: six copies of a number, 35 bits apart, bring
# each of its bits once to a multiple of six; and 2^6 is 1 modulo 63


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
def try_root(
    start: bytes32, index: uint256, size: uint64, path: DynArray[bytes32, 32]
) -> (bool, bytes32):
    """
    @notice The root above `start`, the hash of leaf `index` of `size`.
    @dev False, and zero for a root, where the path is longer or shorter than
         (index, size) has it, index >= size, or size > 2^32.
    """
    if index >= convert(size, uint256) or size > MAX_SIZE:
        return False, empty(bytes32)
    below: uint256 = index ^ unsafe_sub(convert(size, uint256), 1)
    below |= below >> 1
    below |= below >> 2
    below |= below >> 4
    below |= below >> 8
    below |= below >> 16
    if len(path) != (unsafe_mul(index | below, SPREAD) & EVERY_SIXTH) % 63:
        return False, empty(bytes32)

    sides: uint256 = index | ~below
    top: bytes32 = start
    for sibling: bytes32 in path:
        if sides & 1 == 0:
            top = keccak256(concat(0x01, top, sibling))
        else:
            top = keccak256(concat(0x01, sibling, top))
        sides >>= 1
    return True, top


@internal
@pure
def root(
    start: bytes32, index: uint256, size: uint64, path: DynArray[bytes32, 32]
) -> bytes32:
    """
    @notice As `try_root`, but reverts where the path does not fit.
    """
    assert size <= MAX_SIZE, "path: tree too large"
    assert index < convert(size, uint256), "path: index outside the tree"
    fits: bool = False
    top: bytes32 = empty(bytes32)
    fits, top = self.try_root(start, index, size, path)
    assert fits, "path: wrong length"
    return top
