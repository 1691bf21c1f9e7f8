"""A deployed contract by its committed artefact: calls, and transactions before they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from web3.contract import Contract as Web3Contract

from counterfoil import artefacts
from counterfoil.errors import NoArtefact, NoContract
from counterfoil.hashing.types import Address

from .client import Chain, checked


@lru_cache(maxsize=8)
def artefact(name: str) -> Mapping[str, Any]:
    """A contract's committed artefact: `abi`, `bytecode` and what they were made from.

    Raises:
        NoArtefact: the package ships none of that name.
    """
    try:
        return artefacts.load(name)
    except FileNotFoundError as error:
        raise NoArtefact(f"the package ships no contract {name}: install it anew") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a transaction asks of a contract."""

    to: Address | None
    """None: a contract is made."""
    data: bytes
    value: int = 0
    """Wei."""


class Contract:
    """One contract.

    Args:
        name: of the committed artefact.
    """

    def __init__(self, chain: Chain, name: str, address: Address) -> None:
        self.chain = chain
        self.name = name
        self.address = address
        self.web3: Web3Contract = chain.web3.eth.contract(
            address=checked(address), abi=artefact(name)["abi"]
        )

    def require_code(self) -> None:
        """Raises NoContract where the address holds no code."""
        if not self.chain.code(self.address):
            raise NoContract(
                f"no {self.name} at {self.address} on chain {self.chain.chain_id}: "
                "deploy it, or correct the address in the profile"
            )

    def read(
        self,
        function: str,
        *arguments: Any,
        sender: Address | None = None,
        block: int | None = None,
    ) -> Any:
        """Call a function without a transaction; nothing is kept.

        Args:
            sender: as whom.
            block: as of which block; the newest where it is None.
        Raises:
            Refused: the contract's reason.
            NoContract: nothing answers at the address.
        """
        with self.chain.calls():
            bound = self.web3.get_function_by_name(function)(*arguments)
            as_whom = {} if sender is None else {"from": checked(sender)}
            return bound.call(as_whom, "latest" if block is None else block)

    def call(self, function: str, *arguments: Any) -> Call:
        """What a transaction that calls a function sends."""
        with self.chain.calls():
            data = self.web3.encode_abi(function, args=arguments)
        return Call(to=self.address, data=bytes.fromhex(data[2:]))
