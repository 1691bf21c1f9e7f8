"""One chain behind one RPC: its identity, its clock, its blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_typing import ChecksumAddress, HexStr
from web3 import Web3
from web3.exceptions import BlockNotFound, TransactionNotFound
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import BlockData, BlockIdentifier, TxData, TxReceipt

from counterfoil.config import EMBEDDED_CHAIN_ID
from counterfoil.errors import BadAnswer, WrongChain
from counterfoil.hashing.types import Address, Digest, Seconds

from .translate import translated
from .transport import HttpTransport

TIMEOUT = 10.0
"""Seconds for one request with all its tries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is needed of a block."""

    number: int
    digest: Digest
    time: Seconds


class Chain:
    """One chain behind one RPC. Every failure is one of `counterfoil.errors`.

    Attributes:
        web3: for what this class does not offer; call it inside `chain.calls()`.
        host: how messages call the RPC; never its whole address, which may hold a key.
        chain_id: as answered when connecting.
    """

    def __init__(self, web3: Web3, *, host: str) -> None:
        self.web3 = web3
        self.host = host
        with translated(host):
            self.chain_id = int(web3.eth.chain_id)
        self._genesis: Digest | None = None

    @classmethod
    def connect(
        cls, rpc: str, *, expect_chain_id: int | None = None, timeout: float = TIMEOUT
    ) -> Chain:
        """The chain behind an HTTP RPC.

        Args:
            rpc: http or https URL.
            expect_chain_id: the id that it must have.
            timeout: seconds for one request with all its tries.
        Raises:
            BadRpcAddress: no such URL.
            ChainUnavailable: no usable answer.
            WrongChain: another chain's id.
        """
        transport = HttpTransport(rpc, timeout=timeout)
        web3 = Web3(transport)
        web3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
        chain = cls(web3, host=transport.host)
        if expect_chain_id is not None:
            chain.require_id(expect_chain_id)
        return chain

    @classmethod
    def of(cls, web3: Web3) -> Chain:
        """The chain of a Web3 that somebody else made."""
        web3.provider.global_ccip_read_enabled = False
        return cls(web3, host="the RPC")

    @property
    def is_embedded(self) -> bool:
        """Whether the chain lives in this process and ends with it."""
        return self.chain_id == EMBEDDED_CHAIN_ID

    def calls(self) -> Any:
        """A context in which web3's errors become ours."""
        return translated(self.host)

    def require_id(self, chain_id: int) -> None:
        """Raises WrongChain unless the chain has this id."""
        if self.chain_id != chain_id:
            raise WrongChain(
                f"{self.host} serves chain {self.chain_id}, not {chain_id}: set the rpc of "
                f"chain {chain_id}"
            )

    def check(self) -> None:
        """Ask again for id and genesis.

        Raises:
            WrongChain: the RPC serves another chain than when it was connected.
        """
        with self.calls():
            found = int(self.web3.eth.chain_id)
        if found != self.chain_id:
            raise WrongChain(
                f"{self.host} now serves chain {found}, before it was {self.chain_id}: "
                f"set the rpc of chain {self.chain_id}"
            )
        before, self._genesis = self._genesis, None
        if before is not None and self.genesis != before:
            raise WrongChain(
                f"{self.host} now serves another chain with the id {found}: "
                "it was started anew, or the rpc leads elsewhere"
            )

    @property
    def genesis(self) -> Digest:
        """Hash of block 0."""
        if self._genesis is None:
            block = self.block(0)
            if block is None:
                raise BadAnswer(f"{self.host} has no block 0: use an RPC that serves all headers")
            self._genesis = block.digest
        return self._genesis

    def block(self, which: BlockIdentifier) -> Block | None:
        """A block by number, hash or tag; None where the node has none."""
        with self.calls():
            try:
                return self._block(self.web3.eth.get_block(which))
            except BlockNotFound:
                return None

    def latest(self) -> Block:
        """The newest block."""
        found = self.block("latest")
        if found is None:
            raise BadAnswer(f"{self.host} has no latest block: wait until it has synced")
        return found

    def block_number(self) -> int:
        """The newest block's number."""
        with self.calls():
            return int(self.web3.eth.block_number)

    def now(self) -> Seconds:
        """The newest block's time."""
        return self.latest().time

    def next_time(self) -> Seconds:
        """About the time that the next block will have."""
        with self.calls():
            try:
                pending = self.web3.eth.get_block("pending")
                return Seconds(int(pending["timestamp"]))
            except (BlockNotFound, KeyError):
                return self.now()

    def is_canonical(self, number: int, digest: Digest) -> bool:
        """Whether the chain still has this block at this number."""
        found = self.block(number)
        return found is not None and found.digest == digest

    def code(self, address: Address) -> bytes:
        """The code at an address; empty where there is none."""
        with self.calls():
            return bytes(self.web3.eth.get_code(checked(address)))

    def balance(self, address: Address) -> int:
        """Wei."""
        with self.calls():
            return int(self.web3.eth.get_balance(checked(address)))

    def transaction(self, digest: Digest) -> TxData | None:
        """A transaction that the node knows, pending or not."""
        with self.calls():
            try:
                return self.web3.eth.get_transaction(HexStr("0x" + digest.hex()))
            except TransactionNotFound:
                return None

    def transaction_receipt(self, digest: Digest) -> TxReceipt | None:
        """What a block did with a transaction; None while no block has it."""
        with self.calls():
            try:
                return self.web3.eth.get_transaction_receipt(HexStr("0x" + digest.hex()))
            except TransactionNotFound:
                return None

    def _block(self, data: BlockData) -> Block:
        digest = Digest(bytes(data["hash"]))
        if len(digest) != 32:
            raise BadAnswer(f"{self.host} gives a block hash of {len(digest)} bytes")
        return Block(
            number=int(data["number"]), digest=digest, time=Seconds(int(data["timestamp"]))
        )


def checked(address: Address) -> ChecksumAddress:
    """An address as web3 calls its type."""
    return ChecksumAddress(address)  # type: ignore[arg-type]
