# pragma version ==0.4.3
"""
@title One proof for several leaves of an RFC 9162 tree over keccak-256
@license Apache-2.0
@notice The siblings that the leaves do not give themselves, layer by layer from the
        leaves upwards, in a layer from the left. Which siblings these are follows
        from the indices and the tree's size alone: nothing but hashes comes from
        the bearer.
"""

MAX_LEAVES: constant(uint256) = 16
MAX_SIBLINGS: constant(uint256) = 256
# leaves and siblings of one proof: bounds of memory, thus of gas

MAX_SIZE: constant(uint64) = 2**32
LAYERS: constant(uint256) = 32
# leaves in a tree, and the layers above them


@internal
@pure
def try_root(
    starts: DynArray[bytes32, MAX_LEAVES],
    indices: DynArray[uint64, MAX_LEAVES],
    size: uint64,
    siblings: DynArray[bytes32, MAX_SIBLINGS],
) -> (bool, bytes32):
    """
    @notice The root above `starts`, the hashes of the leaves at `indices` of `size`.
    @dev False, and zero for a root, where there are no leaves or not as many as
         indices, where the indices are not strictly ascending or not below `size`,
         where `siblings` are too many or too few, or size > 2^32.
    """
    count: uint256 = len(starts)
    if count == 0 or count != len(indices) or size > MAX_SIZE:
        return False, empty(bytes32)
    hashes: bytes32[MAX_LEAVES] = empty(bytes32[MAX_LEAVES])
    places: uint256[MAX_LEAVES] = empty(uint256[MAX_LEAVES])
    least: uint256 = 0
    for i: uint256 in range(count, bound=MAX_LEAVES):
        place: uint256 = convert(indices[i], uint256)
        if place < least:
            return False, empty(bytes32)
        least = unsafe_add(place, 1)
        places[i] = place
        hashes[i] = starts[i]
    if least > convert(size, uint256):
        return False, empty(bytes32)

    given: uint256 = len(siblings)
    used: uint256 = 0
    width: uint256 = convert(size, uint256)
    for layer: uint256 in range(LAYERS):
        if width == 1:
            break
        read: uint256 = 0
        kept: uint256 = 0
        for _: uint256 in range(count, bound=MAX_LEAVES):
            if read == count:
                break
            place: uint256 = places[read]
            top: bytes32 = hashes[read]
            read = unsafe_add(read, 1)
            if place & 1 == 1:
                # the left sibling is no known node: it would have taken this one
                if used == given:
                    return False, empty(bytes32)
                top = keccak256(concat(0x01, siblings[used], top))
                used = unsafe_add(used, 1)
            elif unsafe_add(place, 1) < width:
                # the last of an odd layer is not here: it moves up as it is
                if read < count and places[read] == unsafe_add(place, 1):
                    top = keccak256(concat(0x01, top, hashes[read]))
                    read = unsafe_add(read, 1)
                else:
                    if used == given:
                        return False, empty(bytes32)
                    top = keccak256(concat(0x01, top, siblings[used]))
                    used = unsafe_add(used, 1)
            hashes[kept] = top
            places[kept] = place >> 1
            kept = unsafe_add(kept, 1)
        count = kept
        width = unsafe_add(width, 1) >> 1
    if used != given:
        return False, empty(bytes32)
    return True, hashes[0]
