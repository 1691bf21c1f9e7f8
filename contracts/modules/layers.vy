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
def root_of(hashes: DynArray[bytes32, MOST]) -> bytes32:
    """
    @notice The root over some neighbours of a layer, the first at an even place; zero
            of none.
    """
    count: uint256 = len(hashes)
    if count == 0:
        return empty(bytes32)
    work: DynArray[bytes32, MOST] = hashes
    for _: uint256 in range(STEP):
        if count == 1:
            break
        at: uint256 = 0
        if count & 3 == 0:
            # two layers at once, as what is not kept need not be written
            count >>= 2
            for i: uint256 in range(count, bound=MOST):
                work[i] = keccak256(
                    concat(
                        0x01,
                        keccak256(
                            concat(0x01, work[at], work[unsafe_add(at, 1)])
                        ),
                        keccak256(
                            concat(
                                0x01,
                                work[unsafe_add(at, 2)],
                                work[unsafe_add(at, 3)],
                            )
                        ),
                    )
                )
                at = unsafe_add(at, 4)
            continue
        for i: uint256 in range(count >> 1, bound=MOST):
            work[i] = keccak256(concat(0x01, work[at], work[unsafe_add(at, 1)]))
            at = unsafe_add(at, 2)
        if count & 1 == 1:
            work[at >> 1] = work[at]
        count = unsafe_add(count, 1) >> 1
    return work[0]
