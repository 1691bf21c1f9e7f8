# pragma version ==0.4.3
"""
@title Layers of an RFC 9162 tree, and what answers a demand for one of its nodes
@license Apache-2.0
@notice docs/faults.md, section 6. The nodes of layer L are the leaves of a tree of the
        same shape, ⌈size / 2^L⌉ of them; an odd last one moves up as it is.
"""

from . import merkle_path

STEP: constant(uint256) = 5
# layers between demands: 32 hashes a step, so a tree of 22 layers is walked in six

MOST: constant(uint256) = 32
# hashes that answer a demand: 2^STEP

MAX_HEIGHT: constant(uint256) = 64
# of a tree over a number of leaves that 64 bits hold


@internal
@pure
def height(size: uint256) -> uint256:
    """
    @notice Layers above the leaves: the least h with 2^h >= size.
    """
    one: uint256 = 1
    for h: uint256 in range(MAX_HEIGHT):
        if (one << h) >= size:
            return h
    return MAX_HEIGHT


@internal
@pure
def width(size: uint256, layer: uint256) -> uint256:
    """
    @notice Nodes of a layer. `layer` is at most 64, `size` below 2^64.
    """
    one: uint256 = 1
    return unsafe_add(size, unsafe_sub(one << layer, 1)) >> layer


@internal
@pure
def require_node(
    root: bytes32,
    size: uint256,
    layer: uint256,
    index: uint256,
    hash: bytes32,
    path: DynArray[bytes32, 32],
) -> uint256:
    """
    @notice Revert unless `hash` is the node at (layer, index) of the tree over `size`
            leaves that has this root, in a layer that can be demanded.
    @return how many nodes answer the demand; 0 in layer 0, where the preimage does
    """
    top: uint256 = self.height(size)
    assert layer <= top, "layer: above the root"
    assert layer == 0 or (top - layer) % STEP == 0, "layer: not demanded"
    nodes: uint256 = self.width(size, layer)
    assert index < nodes, "layer: no such node"
    assert (
        merkle_path.root(hash, index, convert(nodes, uint64), path) == root
    ), "layer: not under the root"
    if layer == 0:
        return 0
    down: uint256 = min(STEP, layer)
    one: uint256 = 1
    return min(one << down, self.width(size, layer - down) - (index << down))


@internal
@pure
def root_of(hashes: Bytes[MOST * 32]) -> bytes32:
    """
    @notice The root over some neighbours of a layer, 32 bytes each, the first at an even
            place; zero of none.
    @dev Of all 32 eight are read at a time: to find one in an array costs as much as to
         hash it.
    """
    if len(hashes) != MOST * 32:
        return self._root_of_few(hashes)
    tops: bytes32[MOST // 8] = empty(bytes32[MOST // 8])
    for i: uint256 in range(MOST // 8):
        h: bytes32[8] = abi_decode(
            slice(hashes, i << 8, 256), bytes32[8], unwrap_tuple=False
        )
        tops[i] = keccak256(
            concat(
                0x01,
                keccak256(
                    concat(
                        0x01,
                        keccak256(concat(0x01, h[0], h[1])),
                        keccak256(concat(0x01, h[2], h[3])),
                    )
                ),
                keccak256(
                    concat(
                        0x01,
                        keccak256(concat(0x01, h[4], h[5])),
                        keccak256(concat(0x01, h[6], h[7])),
                    )
                ),
            )
        )
    return keccak256(
        concat(
            0x01,
            keccak256(concat(0x01, tops[0], tops[1])),
            keccak256(concat(0x01, tops[2], tops[3])),
        )
    )


@internal
@pure
def _root_of_few(hashes: Bytes[MOST * 32]) -> bytes32:
    count: uint256 = len(hashes) >> 5
    work: bytes32[MOST] = empty(bytes32[MOST])
    for i: uint256 in range(count, bound=MOST):
        work[i] = extract32(hashes, i << 5)
    for _: uint256 in range(STEP):
        for i: uint256 in range(unsafe_add(count, 1) >> 1, bound=MOST):
            left: uint256 = i << 1
            right: uint256 = unsafe_add(left, 1)
            if right < count:
                work[i] = keccak256(concat(0x01, work[left], work[right]))
            else:
                work[i] = work[left]
        count = unsafe_add(count, 1) >> 1
    return work[0]
