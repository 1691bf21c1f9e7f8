"""Bytes to bytes: Keccak-256, Merkle trees, EIP-712 digests, signatures."""
