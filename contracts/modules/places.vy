# pragma version ==0.4.3
"""
@title Places of nodes in a case's trees, each in one word
@license Apache-2.0
@notice tree 8 | position 32 | layer 8 | index 64, the index lowest (docs/faults.md,
        section 6): what four words say costs four times as much to show and to log.
"""

LAYER: constant(uint256) = 64
POSITION: constant(uint256) = 72
TREE: constant(uint256) = 104
# bits below each


@internal
@pure
def of(tree: uint8, position: uint32, layer: uint8, index: uint64) -> uint256:
    """
    @notice The place of a node. `position` is the tensor's, of chunks; else 0.
    """
    return (
        (convert(tree, uint256) << TREE)
        | (convert(position, uint256) << POSITION)
        | (convert(layer, uint256) << LAYER)
        | convert(index, uint256)
    )


@internal
@pure
def is_row(place: uint256) -> bool:
    """
    @notice Whether it is a leaf of the trace, which is tree 0 and has no positions.
    """
    return place >> LAYER == 0


@internal
@pure
def is_tensor(place: uint256) -> bool:
    """
    @notice Whether it is a leaf of another tree.
    """
    return place >> LAYER != 0 and (place >> LAYER) & 255 == 0
