# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Harness of `digests`
@license Apache-2.0
@notice For tests alone. Stands for any contract that reads a ledger's receipts.
"""

from ..interfaces import IReceiptLedger

from ..modules import digests

initializes: digests


@deploy
def __init__(ledger: address):
    digests.__init__(ledger)


@external
@view
def domain() -> bytes32:
    return digests.domain()


@external
@pure
def domain_of(chain_id: uint256, ledger: address) -> bytes32:
    return digests.domain_of(chain_id, ledger)


@external
@view
def receipt(content: IReceiptLedger.Receipt) -> bytes32:
    return digests.receipt(content)


@external
@view
def batch(content: IReceiptLedger.Batch) -> bytes32:
    return digests.batch(
        content.signer,
        content.first,
        content.size,
        content.root,
        keccak256(content.uri),
    )


@external
@view
def log_opening(
    operator: address, signer: address, closesAt: uint64, maxDelay: uint32
) -> bytes32:
    return digests.log_opening(operator, signer, closesAt, maxDelay)


@external
@pure
def recover(digest: bytes32, signature: Bytes[65]) -> address:
    return digests.recover(digest, signature)


@external
@pure
def signature_fault(
    digest: bytes32, signature: Bytes[65], signer: address
) -> String[40]:
    return digests.signature_fault(digest, signature, signer)
