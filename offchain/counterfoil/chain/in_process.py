"""A chain inside this process: eth-tester with py-evm, from the extra `[demo]`."""

from __future__ import annotations

import importlib.util
import secrets
import time
from typing import Any, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.middleware import Web3Middleware

from counterfoil.errors import NoDemoChain
from counterfoil.hashing.types import Seconds

from .client import Chain

GAS_MONEY = 10**21
"""Wei that `fund` sends: more than any demo spends."""


class _Ageing(Web3Middleware):
    """Time goes on while nothing is sent, as at a node.

    py-evm gives the open block its time when the one before it is made, and no block is made but
    by a transaction. A receipt sealed more than a minute later would be issued too late for the
    next block, and would wait for one that never comes.
    """

    def __init__(self, w3: Any) -> None:
        super().__init__(w3)
        self._parent, self._time, self._since = b"", 0, 0.0

    def request_processor(self, method: Any, params: Any) -> Any:
        self._age()
        return method, params

    def response_processor(self, method: Any, response: Any) -> Any:
        self._age()
        return response

    def _age(self) -> None:
        """The open block is as much later as it has been open."""
        chain = cast(Any, self._w3.provider).ethereum_tester.backend.chain
        header = chain.header
        if header.parent_hash != self._parent:
            self._parent, self._time = header.parent_hash, header.timestamp
            self._since = time.monotonic()
        due = self._time + int(time.monotonic() - self._since)
        if header.timestamp < due and header.gas_used == 0:
            chain.header = header.copy(timestamp=due)


def embedded() -> Chain:
    """A fresh chain; no other has its genesis. Its clock goes on from where `travel` puts it.

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
    backend.chain.gas_estimator = estimated
    web3 = Web3(EthereumTesterProvider(tester(backend=backend)))
    web3.provider.global_ccip_read_enabled = False
    web3.middleware_onion.inject(_Ageing, layer=0)
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
    chain.block_number()  # from now on time goes on from there


def estimated(state: Any, transaction: Any) -> int:
    """Gas that a transaction needs, in two runs where py-evm's own search takes a dozen.

    Args:
        state: py-evm's, in which runs cost nothing; it is left as it was.
        transaction: with a sender; its own limit and price do not count.
    Returns:
        A limit with which it was seen to succeed, its calldata's floor at least.
    Raises:
        VMError: it fails with all the gas of a block too.
    Source: EIP-150 for the 64th part that a call leaves behind; EIP-7623 for the floor.
    """
    from eth.estimators.gas import binary_gas_search_intrinsic_tolerance
    from eth.vm.spoof import SpoofTransaction

    def run(gas: int) -> Any:
        before = state.snapshot()
        try:
            return state.apply_transaction(SpoofTransaction(transaction, gas=gas, gas_price=0))
        finally:
            state.revert(before)

    most = state.gas_limit
    whole = run(most)
    if whole.is_error:
        raise whole.error
    zeros = transaction.data.count(0)
    floor = 21_000 + 10 * (zeros + 4 * (len(transaction.data) - zeros))
    used = max(most - whole.get_gas_remaining(), floor)
    for gas in (used, used * 64 // 63 + 1):
        if gas <= most and not run(gas).is_error:
            return int(gas)
    return int(binary_gas_search_intrinsic_tolerance(state, transaction))


def _tester(chain: Chain) -> Any:
    return cast(Any, chain.web3.provider).ethereum_tester
