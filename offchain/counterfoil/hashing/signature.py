"""secp256k1 signatures over digests, in the one form that docs/format.md §6 takes."""

from __future__ import annotations

import coincurve

from counterfoil.errors import BadSignature

from .keccak import keccak
from .types import Address, Digest, Signature

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1's group. Source: SEC 2 §2.4.1."""

HALF_ORDER = ORDER // 2


def checksummed(raw: bytes) -> Address:
    """20 bytes as an address with EIP-55's checksum."""
    digits = raw.hex()
    sums = keccak(digits.encode()).hex()
    return Address(
        "0x"
        + "".join(d.upper() if int(s, 16) >= 8 else d for d, s in zip(digits, sums, strict=False))
    )


def public_address(public_key: bytes) -> Address:
    """Address of an uncompressed public key, 65 bytes 0x04 ‖ x ‖ y."""
    return checksummed(keccak(public_key[1:])[12:])


def sign(digest: Digest, key: coincurve.PrivateKey) -> Signature:
    """Sign `digest`; deterministic (RFC 6979), s in the lower half."""
    raw = key.sign_recoverable(digest, hasher=None)
    return Signature(raw[:64] + bytes([27 + raw[64]]))


def recover(digest: Digest, signature: bytes) -> Address:
    """Address whose key signed `digest`.

    Raises:
        BadSignature: not 65 bytes, v neither 27 nor 28, s in the upper half, or nothing recovers.
    """
    if len(signature) != 65:
        raise BadSignature(f"a signature is 65 bytes, this one {len(signature)}")
    if signature[64] not in (27, 28):
        raise BadSignature(f"a signature's v is 27 or 28, this one's {signature[64]}")
    if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        raise BadSignature("the signature's s lies in the upper half of the curve's order")
    try:
        public = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception as error:  # coincurve raises bare exceptions of several kinds
        raise BadSignature("the signature recovers to no key") from error
    return public_address(public.format(compressed=False))
