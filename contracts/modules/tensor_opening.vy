# pragma version ==0.4.3
"""
@title Opening one chunk of one tensor under a receipt's inputs or outputs
@license Apache-2.0
@notice docs/format.md, sections 2 and 3. Every size comes from what the digest
        commits to: the set's count, the tensor's byte length.
"""

from ..interfaces import IReceiptLedger
from . import merkle_path

TENSOR_TYPEHASH: constant(bytes32) = keccak256(
    "Tensor(string name,uint8 dtype,uint64[] shape,uint64 byteLength,bytes32 chunks)"
)
TENSOR_SET_TYPEHASH: constant(bytes32) = keccak256(
    "TensorSet(uint32 count,bytes32 root)"
)
CHUNK_SIZE: constant(uint256) = 256
# docs/format.md, sections 2 and 3


@internal
@pure
def require_chunk(tensors: bytes32, opening: IReceiptLedger.ChunkOpening):
    """
    @notice Revert unless `opening` shows a chunk under `tensors`, which is
            hashStruct(TensorSet).
    """
    assert opening.position < opening.count, "opening: tensor outside the set"

    length: uint256 = convert(opening.byteLength, uint256)
    chunks: uint256 = max(1, (length + CHUNK_SIZE - 1) // CHUNK_SIZE)
    index: uint256 = convert(opening.index, uint256)
    assert index < chunks, "opening: chunk outside the tensor"
    assert len(opening.data) == min(
        CHUNK_SIZE, length - index * CHUNK_SIZE
    ), "opening: wrong chunk length"

    chunk_root: bytes32 = merkle_path.root(
        keccak256(concat(0x00, opening.salt, opening.data)),
        index,
        convert(chunks, uint64),
        opening.chunkPath,
    )
    tensor: bytes32 = keccak256(
        abi_encode(
            TENSOR_TYPEHASH,
            opening.nameHash,
            opening.dtype,
            opening.shapeHash,
            opening.byteLength,
            chunk_root,
        )
    )
    set_root: bytes32 = merkle_path.root(
        merkle_path.leaf(tensor),
        convert(opening.position, uint256),
        convert(opening.count, uint64),
        opening.setPath,
    )
    assert (
        keccak256(abi_encode(TENSOR_SET_TYPEHASH, opening.count, set_root))
        == tensors
    ), "opening: not under the digest"
