"""The root of a run's trace, as a log's key signs it for a fault court (docs/faults.md §3)."""

from __future__ import annotations

from counterfoil.hashing.eip712 import digest, domain_separator
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest

TRACE_TYPE = keccak(b"Trace(bytes32 receipt,bytes32 root)")


def trace_digest(chain_id: int, court: Address, receipt: Digest, root: Digest) -> Digest:
    """What is signed: Trace under EIP712Domain(Counterfoil, 1, chainId, court)."""
    return digest(domain_separator(chain_id, court), keccak(TRACE_TYPE + receipt + root))
