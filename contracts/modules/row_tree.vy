# pragma version ==0.4.3
"""
@title Several rows of a full tree, shown by one proof in calldata
@license Apache-2.0
@notice docs/programs.md, section 1, and docs/faults.md, section 5. A row is
        u16 length ‖ 00 ‖ bytes: what a leaf hashes stands there as it is. The siblings
        are those that the rows do not give each other, in the order in which the rows,
        from the left, need them on their way up.
@dev A row climbs until it meets what waits for it from the left, or until its own way
     right begins; then it waits itself. Ways that wait do so at falling heights: a stack
     is enough, and nothing is moved from layer to layer. Siblings are read four at a time:
     a read of calldata costs as much as the hash.
"""

MAX_ROWS: constant(uint256) = 66
# trace rows that one step opens: 64 taps, the row written, and one to spare

MAX_ROW: constant(uint256) = 4_620
# bytes of a row: 12 and 4,608 weights. Source: docs/programs.md, section 7

MAX_HEIGHT: constant(uint256) = 22
# of a tree of 2^22 rows

NUMBER: constant(uint256) = 64
# first bit of a row's number in the word that says where the row is

BITS_OF: constant(uint256) = 4_919_131_752_702_878_224
# of each number below 16 how many bits it has, four bits apart


@internal
@view
def leaf(at: uint256, size: uint256) -> bytes32:
    """
    @notice The hash of `size` <= 4,621 bytes at calldata offset `at`.
    @dev Slices of calldata have fixed lengths, so a longer one is cut. It begins earlier
         where calldata ends too soon: 416 bytes, the steps' width, and more are always
         before a row. A slice of a slice would be copied once more, so each has a name.
    """
    start: uint256 = 0
    if size <= 96:
        start = min(at, len(msg.data) - 96)
        of_96: Bytes[96] = slice(msg.data, start, 96)
        return keccak256(slice(of_96, unsafe_sub(at, start), size))
    if size <= 512:
        start = min(at, len(msg.data) - 512)
        of_512: Bytes[512] = slice(msg.data, start, 512)
        return keccak256(slice(of_512, unsafe_sub(at, start), size))
    if size <= 928:
        start = min(at, len(msg.data) - 928)
        of_928: Bytes[928] = slice(msg.data, start, 928)
        return keccak256(slice(of_928, unsafe_sub(at, start), size))
    if size <= 1344:
        start = min(at, len(msg.data) - 1344)
        of_1344: Bytes[1344] = slice(msg.data, start, 1344)
        return keccak256(slice(of_1344, unsafe_sub(at, start), size))
    if size <= 1760:
        start = min(at, len(msg.data) - 1760)
        of_1760: Bytes[1760] = slice(msg.data, start, 1760)
        return keccak256(slice(of_1760, unsafe_sub(at, start), size))
    if size <= 2176:
        start = min(at, len(msg.data) - 2176)
        of_2176: Bytes[2176] = slice(msg.data, start, 2176)
        return keccak256(slice(of_2176, unsafe_sub(at, start), size))
    if size <= 2592:
        start = min(at, len(msg.data) - 2592)
        of_2592: Bytes[2592] = slice(msg.data, start, 2592)
        return keccak256(slice(of_2592, unsafe_sub(at, start), size))
    if size <= 3008:
        start = min(at, len(msg.data) - 3008)
        of_3008: Bytes[3008] = slice(msg.data, start, 3008)
        return keccak256(slice(of_3008, unsafe_sub(at, start), size))
    if size <= 3424:
        start = min(at, len(msg.data) - 3424)
        of_3424: Bytes[3424] = slice(msg.data, start, 3424)
        return keccak256(slice(of_3424, unsafe_sub(at, start), size))
    if size <= 3840:
        start = min(at, len(msg.data) - 3840)
        of_3840: Bytes[3840] = slice(msg.data, start, 3840)
        return keccak256(slice(of_3840, unsafe_sub(at, start), size))
    if size <= 4256:
        start = min(at, len(msg.data) - 4256)
        of_4256: Bytes[4256] = slice(msg.data, start, 4256)
        return keccak256(slice(of_4256, unsafe_sub(at, start), size))
    start = min(at, len(msg.data) - 4621)
    of_4621: Bytes[4621] = slice(msg.data, start, 4621)
    return keccak256(slice(of_4621, unsafe_sub(at, start), size))


@internal
@view
def row(at: uint256, stop: uint256) -> (bytes32, uint256):
    """
    @notice The row that begins at a calldata offset and ends at `stop` at the latest: its
            leaf's hash, and its place, calldata offset << 16 | length.
    """
    first: uint256 = unsafe_add(at, 3)
    assert first <= stop, "row: cut short"
    length: uint256 = convert(
        slice(msg.data, unsafe_sub(first, 32), 32), uint256
    ) & (2**24 - 1)
    assert length & 255 == 0, "row: no leaf"
    length >>= 8
    assert length <= MAX_ROW, "row: too long"
    assert unsafe_add(first, length) <= stop, "row: cut short"
    return (
        self.leaf(unsafe_sub(first, 1), unsafe_add(length, 1)),
        first << 16 | length,
    )


@internal
@pure
def length_in_bits(number: uint256) -> uint256:
    """
    @notice Bits of a number below 2^32; of 0 none.
    """
    rest: uint256 = number
    bits: uint256 = 0
    if rest >> 16 != 0:
        rest >>= 16
        bits = 16
    if rest >> 8 != 0:
        rest >>= 8
        bits |= 8
    if rest >> 4 != 0:
        rest >>= 4
        bits |= 4
    return bits + ((BITS_OF >> (rest << 2)) & 15)


@internal
@pure
def height(count: uint256) -> uint256:
    """
    @notice Of the tree that holds `count` rows.
    """
    assert count != 0 and count <= 2**MAX_HEIGHT, "row: tree of another size"
    return self.length_in_bits(unsafe_sub(count, 1))


@internal
@view
def root(
    hashes: DynArray[bytes32, MAX_ROWS + 2],
    shown: DynArray[uint256, MAX_ROWS + 2],
    first: uint256,
    behind: uint256,
    height: uint256,
    siblings: uint256,
    stop: uint256,
) -> (bytes32, uint256):
    """
    @notice The root above rows that are shown together, and what is behind the siblings
            that it took.
    @param hashes of all leaves
    @param shown the number of each leaf's row, ascending, from bit NUMBER on
    @param first, behind the leaves of this tree, at least one
    @param siblings calldata offset of the first; `stop` of what is behind the last
    """
    waiting: bytes32[MAX_HEIGHT] = empty(bytes32[MAX_HEIGHT])
    heights: uint256[MAX_HEIGHT] = empty(uint256[MAX_HEIGHT])
    waits: uint256 = 0
    meets: uint256 = height  # where the last that waits does; nobody: the root
    at: uint256 = siblings
    last: uint256 = behind - 1
    number: uint256 = 0
    following: uint256 = shown[first] >> NUMBER
    assert (shown[last] >> NUMBER >> height == 0), "row: outside the tree"
    top: bytes32 = empty(bytes32)
    for i: uint256 in range(first, behind, bound=MAX_ROWS + 2):
        number = following
        top = hashes[i]
        goal: uint256 = height
        if i != last:
            following = shown[unsafe_add(i, 1)] >> NUMBER
            assert number < following, "row: numbers not ascending"
            goal = unsafe_sub(self.length_in_bits(number ^ following), 1)
        level: uint256 = 0
        for _: uint256 in range(MAX_HEIGHT + 1):
            halt: uint256 = min(goal, meets)
            next: uint256 = at
            at += unsafe_sub(halt, level) << 5
            assert at <= stop, "row: siblings missing"
            sides: uint256 = number >> level
            for _i: uint256 in range(MAX_HEIGHT // 4):
                if unsafe_add(next, 128) > at:
                    break
                four: bytes32[4] = abi_decode(
                    slice(msg.data, next, 128), bytes32[4], unwrap_tuple=False
                )
                if sides & 1 == 0:
                    top = keccak256(concat(0x01, top, four[0]))
                else:
                    top = keccak256(concat(0x01, four[0], top))
                if sides & 2 == 0:
                    top = keccak256(concat(0x01, top, four[1]))
                else:
                    top = keccak256(concat(0x01, four[1], top))
                if sides & 4 == 0:
                    top = keccak256(concat(0x01, top, four[2]))
                else:
                    top = keccak256(concat(0x01, four[2], top))
                if sides & 8 == 0:
                    top = keccak256(concat(0x01, top, four[3]))
                else:
                    top = keccak256(concat(0x01, four[3], top))
                sides >>= 4
                next = unsafe_add(next, 128)
            if next != at:
                # up to three more: the last of the four words that end here
                four: bytes32[4] = abi_decode(
                    slice(msg.data, unsafe_sub(at, 128), 128),
                    bytes32[4],
                    unwrap_tuple=False,
                )
                rest: uint256 = unsafe_sub(at, next)
                if rest == 96:
                    if sides & 1 == 0:
                        top = keccak256(concat(0x01, top, four[1]))
                    else:
                        top = keccak256(concat(0x01, four[1], top))
                    sides >>= 1
                if rest != 32:
                    if sides & 1 == 0:
                        top = keccak256(concat(0x01, top, four[2]))
                    else:
                        top = keccak256(concat(0x01, four[2], top))
                    sides >>= 1
                if sides & 1 == 0:
                    top = keccak256(concat(0x01, top, four[3]))
                else:
                    top = keccak256(concat(0x01, four[3], top))
            if halt == goal:
                break
            waits = unsafe_sub(waits, 1)
            top = keccak256(concat(0x01, waiting[waits], top))
            level = unsafe_add(halt, 1)
            meets = height
            if waits != 0:
                meets = heights[unsafe_sub(waits, 1)]
        if i != last:
            waiting[waits] = top
            heights[waits] = goal
            waits += 1
            meets = goal
    return top, at
