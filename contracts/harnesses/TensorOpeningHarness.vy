# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Harness of `tensor_opening`
@license Apache-2.0
@notice For tests alone.
"""

from ..interfaces import IReceiptLedger

from ..modules import tensor_opening


@external
@pure
def require_chunk(tensors: bytes32, opening: IReceiptLedger.ChunkOpening):
    tensor_opening.require_chunk(tensors, opening)
