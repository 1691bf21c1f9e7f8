"""`BatchPosted` events, read in ranges of blocks that RPCs give out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from web3._utils.events import get_event_data
from web3.types import LogReceipt

from counterfoil.errors import BadAnswer, RangeTooWide
from counterfoil.hashing.eip712 import address_word, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds

from .client import Chain
from .contract import Contract

BATCH_POSTED = keccak(b"BatchPosted(address,uint64,uint64,bytes32,uint64,string)")
"""The event's topic. Source: IReceiptLedger.vyi."""

SPAN = 10_000
"""Blocks asked for at once, to begin with: what the large RPC services allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A batch in the ledger, as its event tells.

    Attributes:
        posted_at: Unix seconds, the chain's.
        transaction: hash of whatever transaction posted it.
    """

    signer: Address
    first: int
    size: int
    root: Digest
    posted_at: Seconds
    uri: str
    transaction: Digest
    block: int
    block_digest: Digest


def parse(contract: Contract, entry: LogReceipt) -> Posted:
    """A `BatchPosted` log entry.

    Raises:
        BadAnswer: it is none, or another contract's.
    """
    chain = contract.chain
    with chain.calls():
        if str(entry["address"]).lower() != contract.address.lower():
            raise BadAnswer(f"{chain.host} gives another contract's events")
        if bytes(entry["topics"][0]) != BATCH_POSTED:
            raise BadAnswer(f"{chain.host} gives other events than it was asked for")
        event = contract.web3.events.BatchPosted()
        found = get_event_data(chain.web3.codec, event._get_event_abi(), entry)["args"]
        return Posted(
            signer=Address(found["signer"]),
            first=found["first"],
            size=found["size"],
            root=Digest(bytes(found["root"])),
            posted_at=Seconds(found["postedAt"]),
            uri=found["uri"],
            transaction=Digest(bytes(entry["transactionHash"])),
            block=int(entry["blockNumber"]),
            block_digest=Digest(bytes(entry["blockHash"])),
        )


def in_range(
    contract: Contract, signer: Address, first: int | None, start: int, stop: int
) -> list[Posted]:
    """Batches of a log posted in blocks start … stop, in one request.

    Raises:
        RangeTooWide: the RPC does not give so many blocks at once.
    """
    topics: list[Any] = [_hex(BATCH_POSTED), _hex(address_word(signer))]
    if first is not None:
        topics.append(_hex(word(first)))
    with contract.chain.calls():
        entries = contract.chain.web3.eth.get_logs(
            {
                "address": contract.web3.address,
                "fromBlock": start,
                "toBlock": stop,
                "topics": topics,
            }
        )
    found = [parse(contract, entry) for entry in entries if not entry.get("removed")]
    for each in found:
        if each.signer != signer or (first is not None and each.first != first):
            raise BadAnswer(f"{contract.chain.host} gives other events than it was asked for")
    return found


def newest_first(
    contract: Contract, signer: Address, *, first: int | None, start: int, stop: int
) -> Iterator[Posted]:
    """Batches of a log, from block `stop` back to `start`, in spans that the RPC allows."""
    span = SPAN
    while stop >= start:
        low = max(start, stop - span + 1)
        try:
            found = in_range(contract, signer, first, low, stop)
        except RangeTooWide:
            if low == stop:
                raise
            span = max(1, (stop - low + 1) // 4)
            continue
        yield from sorted(found, key=lambda each: each.first, reverse=True)
        stop = low - 1


def block_at(chain: Chain, time: Seconds) -> int:
    """A block not later than the first one whose time is at least `time`.

    A block that the node lacks counts as earlier.
    """
    low, high = 0, chain.block_number()
    while low < high:
        middle = (low + high) // 2
        block = chain.block(middle)
        if block is None or block.time < time:
            low = middle + 1
        else:
            high = middle
    return low


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
