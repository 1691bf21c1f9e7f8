"""Ape's embedded EVM, past its RPC: what an account holds, and a provider that does less."""

from __future__ import annotations

from typing import Any

from ape.api.transactions import ReceiptAPI
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


def lighten(chain: Any) -> None:
    """Ape's provider without work that no test looks at.

    Views are called by the first account, as they are anyhow, but without a look at all of them;
    and no transaction is traced for what Vyper's `print` may have said in it.
    """
    eth = chain.provider.web3.eth
    eth.default_account = eth.accounts[0]
    ReceiptAPI.show_debug_logs = lambda receipt: None
