"""Ape's embedded EVM, past its RPC: what an account holds, and calls that ask for less."""

from __future__ import annotations

from typing import Any

from counterfoil.hashing.keccak import keccak
from trie import HexaryTrie


def account(chain: Any, address: str) -> bytes:
    """All that the newest block has of an account, RLP: nonce, balance, roots of storage and code.

    Args:
        chain: Ape's, on its embedded provider.
    Source: Ethereum's yellow paper, §4.1.
    """
    evm = chain.provider.evm_backend.chain
    state = HexaryTrie(evm.chaindb.db, evm.get_canonical_head().state_root)
    return bytes(state[keccak(bytes.fromhex(address[2:]))])


def name_the_caller(chain: Any) -> None:
    """Views are called by the first account, as they are anyhow, without a look at all of them."""
    eth = chain.provider.web3.eth
    eth.default_account = eth.accounts[0]
