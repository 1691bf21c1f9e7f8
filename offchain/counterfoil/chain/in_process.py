"""A chain inside this process: eth-tester with py-evm, from the extra `[demo]`."""

from __future__ import annotations

import importlib.util
import secrets
from typing import Any, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from counterfoil.errors import NoDemoChain
from counterfoil.hashing.types import Seconds

from .client import Chain

GAS_MONEY = 10**21
"""Wei that `fund` sends: more than any demo spends."""


def embedded() -> Chain:
    """A fresh chain; no other has its genesis.

    Raises:
        NoDemoChain: eth-tester or py-evm is not installed.
    """
    if not all(importlib.util.find_spec(name) for name in ("eth_tester", "eth")):
        raise NoDemoChain("the embedded chain is not installed: pip install 'counterfoil[demo]'")
    from eth_tester.backends.pyevm.main import PyEVMBackend
    from eth_tester.main import EthereumTester
    from web3.providers.eth_tester import EthereumTesterProvider

    # 32 random bytes in block 0: two chains made in one second are not one chain
    pyevm, tester = cast(Any, PyEVMBackend), cast(Any, EthereumTester)
    genesis = pyevm.generate_genesis_params({"extra_data": secrets.token_bytes(32)})
    backend = pyevm(genesis_parameters=genesis)
    web3 = Web3(EthereumTesterProvider(tester(backend=backend)))
    web3.provider.global_ccip_read_enabled = False
    # Without one, every call asks for all accounts first, which takes longer than the call
    web3.eth.default_account = web3.eth.accounts[0]
    return Chain(web3, host="the embedded chain")


def funded_account(chain: Chain, secret: bytes | None = None) -> LocalAccount:
    """An account with gas money on an embedded chain.

    Args:
        secret: 32-byte key; a fresh one where it is None.
    """
    made = Account.from_key(secret) if secret is not None else Account.create()
    account = cast(LocalAccount, made)
    with chain.calls():
        web3 = chain.web3
        digest = web3.eth.send_transaction(
            {"from": web3.eth.accounts[0], "to": account.address, "value": GAS_MONEY}  # type: ignore[typeddict-item]
        )
        web3.eth.wait_for_transaction_receipt(digest)
    return account


def travel(chain: Chain, to: Seconds) -> None:
    """Let an embedded chain's next block have a time, later than its newest."""
    _tester(chain).time_travel(to)


def _tester(chain: Chain) -> Any:
    return cast(Any, chain.web3.provider).ethereum_tester
