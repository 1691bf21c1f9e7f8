# pragma version ==0.4.3
"""
@title EIP-712 digests of receipts, batches and log openings, and their signatures
@license Apache-2.0
@notice docs/format.md, sections 6 to 8. Initialise it with the ledger's address:
        the ledger passes `self`, any other contract the ledger that it reads.
"""

from ..interfaces import IReceiptLedger

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME_HASH: constant(bytes32) = keccak256("Counterfoil")
VERSION_HASH: constant(bytes32) = keccak256("1")
RECEIPT_TYPEHASH: constant(bytes32) = keccak256(
    "Receipt(address signer,uint64 sequence,bytes32 model,bytes32 runtime,bytes32 request,bytes32 inputs,bytes32 outputs,uint64 issuedAt,uint64 settleBy)"
)
BATCH_TYPEHASH: constant(bytes32) = keccak256(
    "Batch(address signer,uint64 first,uint64 size,bytes32 root,string uri)"
)
LOG_OPENING_TYPEHASH: constant(bytes32) = keccak256(
    "LogOpening(address operator,address signer,uint64 closesAt,uint32 maxDelay)"
)
# docs/format.md, sections 6 to 8

HALF_ORDER: constant(bytes32) = (
    0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
)
# half of secp256k1's group order, rounded down: the largest s taken (EIP-2)


_LEDGER: immutable(address)
_CHAIN: immutable(uint256)
_DOMAIN: immutable(bytes32)


@deploy
def __init__(ledger: address):
    _LEDGER = ledger
    _CHAIN = chain.id
    _DOMAIN = self.domain_of(chain.id, ledger)


@internal
@pure
def domain_of(chain_id: uint256, ledger: address) -> bytes32:
    """
    @notice The domain separator of a ledger on a chain.
    """
    return keccak256(
        abi_encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, chain_id, ledger)
    )


@internal
@view
def domain() -> bytes32:
    """
    @notice The domain separator, computed anew if the chain's id has changed.
    """
    if chain.id == _CHAIN:
        return _DOMAIN
    return self.domain_of(chain.id, _LEDGER)


@internal
@view
def receipt(content: IReceiptLedger.Receipt) -> bytes32:
    """
    @notice The digest that a receipt's signer signs: the receipt's identity.
    """
    # `domain` written out, as a call to it costs 45 gas
    separator: bytes32 = _DOMAIN
    if chain.id != _CHAIN:
        separator = self.domain_of(chain.id, _LEDGER)
    return keccak256(
        concat(
            0x1901,
            separator,
            keccak256(abi_encode(RECEIPT_TYPEHASH, content)),
        )
    )


@internal
@view
def batch(
    signer: address, first: uint64, size: uint64, root: bytes32, uri: bytes32
) -> bytes32:
    """
    @notice The digest that a batch's signer signs; `uri` is the keccak of the URI.
    """
    # as in `receipt`
    separator: bytes32 = _DOMAIN
    if chain.id != _CHAIN:
        separator = self.domain_of(chain.id, _LEDGER)
    return keccak256(
        concat(
            0x1901,
            separator,
            keccak256(
                abi_encode(BATCH_TYPEHASH, signer, first, size, root, uri)
            ),
        )
    )


@internal
@view
def log_opening(
    operator: address, signer: address, closesAt: uint64, maxDelay: uint32
) -> bytes32:
    """
    @notice The digest that the key of a new log signs for its operator.
    """
    return keccak256(
        concat(
            0x1901,
            self.domain(),
            keccak256(
                abi_encode(
                    LOG_OPENING_TYPEHASH, operator, signer, closesAt, maxDelay
                )
            ),
        )
    )


@internal
@pure
def recover(digest: bytes32, signature: Bytes[65]) -> address:
    """
    @notice Who signed `digest`; zero where the signature has not the one form that
            is taken: r, s, v in 65 bytes, s in the lower half, v 27 or 28.
    """
    if len(signature) != 65:
        return empty(address)
    s: uint256 = extract32(signature, 32, output_type=uint256)
    v: uint256 = extract32(signature, 33, output_type=uint256) & 255
    if s > convert(HALF_ORDER, uint256) or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, v, extract32(signature, 0, output_type=uint256), s)


@internal
@pure
def signature_fault(
    digest: bytes32, signature: Bytes[65], signer: address
) -> String[40]:
    """
    @notice Why `signature` is not `signer`'s over `digest`; empty where it is.
    """
    recovered: address = self.recover(digest, signature)
    if recovered == signer and signer != empty(address):
        return ""
    if len(signature) != 65:
        return "signature: not 65 bytes"
    v: uint256 = extract32(signature, 33, output_type=uint256) & 255
    if v != 27 and v != 28:
        return "signature: v is neither 27 nor 28"
    s: uint256 = extract32(signature, 32, output_type=uint256)
    if s > convert(HALF_ORDER, uint256):
        return "signature: s in the upper half"
    if recovered == empty(address):
        return "signature: recovers to nobody"
    return "signature: not by the signer"
