"""EIP-712 digests, made by hand: the generic encoder is some hundred times slower.

A test holds every struct of docs/format.md equal to eth-account's encoder.
"""

from __future__ import annotations

from functools import lru_cache

from .keccak import keccak
from .types import Address, Digest

DOMAIN_TYPE = keccak(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_NAME = keccak(b"Counterfoil")
_VERSION = keccak(b"1")


def word(value: int) -> bytes:
    """An unsigned integer as 32 bytes, big-endian."""
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """An address as 32 bytes, left-padded.

    Raises:
        ValueError: it is not 0x and 40 hex digits.
    """
    if len(address) != 42 or address[:2] != "0x":
        raise ValueError(f"{address[:50]!r} is no address")
    return bytes(12) + bytes.fromhex(address[2:])


def text(value: str) -> Digest:
    """A string as EIP-712 hashes it: keccak of its UTF-8."""
    return keccak(value.encode())


@lru_cache(maxsize=64)
def domain_separator(chain_id: int, ledger: Address) -> Digest:
    """Separator of receipts, batches and log openings on one ledger (docs/format.md §6)."""
    return keccak(DOMAIN_TYPE + _NAME + _VERSION + word(chain_id) + address_word(ledger))


def digest(domain: Digest, struct_hash: Digest) -> Digest:
    """What is signed: keccak(0x19 ‖ 0x01 ‖ domainSeparator ‖ hashStruct)."""
    return keccak(b"\x19\x01" + domain + struct_hash)
