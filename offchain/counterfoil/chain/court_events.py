"""The court's events, by log, in ranges of blocks that RPCs give out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from web3._utils.events import get_event_data

from counterfoil.errors import BadAnswer, RangeTooWide
from counterfoil.formats.receipt import Inclusion
from counterfoil.hashing.eip712 import address_word, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds

from .contract import Contract
from .events import SPAN

SIGNATURES = {
    "OffenceProved": "OffenceProved(address,uint64,address,uint256,uint256,uint256)",
    "PathDemanded": "PathDemanded(address,uint64,address,uint256,uint64)",
    "PathGiven": "PathGiven(address,uint64,address,bytes32,(uint64,uint64,uint64,bytes32[]))",
    "DemandTimedOut": "DemandTimedOut(address,uint64,address)",
}
"""Events about a (signer, number). Source: IBonds.vyi, IPromiseCourt.vyi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtEvent:
    """One of the court's events about a log.

    Attributes:
        name: of the event.
        number: a receipt's, or the first of a gap.
        fields: the event's other fields by their names.
    """

    name: str
    signer: Address
    number: int
    fields: Mapping[str, Any]
    transaction: Digest
    block: int
    block_digest: Digest

    @property
    def leaf(self) -> Digest:
        """What `PathGiven` shows at the number."""
        return Digest(bytes(self.fields["leaf"]))

    @property
    def inclusion(self) -> Inclusion:
        """Where `PathGiven` shows it."""
        found = self.fields["inclusion"]
        first, size, posted_at, path = (
            found.values() if isinstance(found, Mapping) else tuple(found)
        )
        return Inclusion(
            first=int(first),
            size=int(size),
            posted_at=Seconds(int(posted_at)),
            path=tuple(Digest(bytes(node)) for node in path),
        )


def read(
    contract: Contract,
    signer: Address,
    *,
    start: int,
    stop: int,
    names: tuple[str, ...] = tuple(SIGNATURES),
    number: int | None = None,
) -> Iterator[CourtEvent]:
    """Events of a log in blocks start … stop, the oldest first.

    Args:
        number: of this number alone.
    Raises:
        BadAnswer: the RPC gives other events.
    """
    span = SPAN
    while start <= stop:
        high = min(stop, start + span - 1)
        try:
            found = _in_range(contract, signer, names, number, (start, high))
        except RangeTooWide:
            if high == start:
                raise
            span = max(1, (high - start + 1) // 4)
            continue
        yield from found
        start = high + 1


def _in_range(
    contract: Contract,
    signer: Address,
    names: tuple[str, ...],
    number: int | None,
    blocks: tuple[int, int],
) -> list[CourtEvent]:
    by_topic = {keccak(SIGNATURES[name].encode()): name for name in names}
    topics: list[Any] = [[_hex(topic) for topic in by_topic], _hex(address_word(signer))]
    if number is not None:
        topics.append(_hex(word(number)))
    chain, out = contract.chain, []
    with chain.calls():
        entries = chain.web3.eth.get_logs(
            {
                "address": contract.web3.address,
                "fromBlock": blocks[0],
                "toBlock": blocks[1],
                "topics": topics,
            }
        )
        for entry in entries:
            name = by_topic.get(Digest(bytes(entry["topics"][0])))
            if name is None or str(entry["address"]).lower() != contract.address.lower():
                raise BadAnswer(f"{chain.host} gives other events than it was asked for")
            event = contract.web3.events[name]()
            fields = dict(get_event_data(chain.web3.codec, event._get_event_abi(), entry)["args"])
            about = Address(fields.pop("signer"))
            where = int(fields.pop("number" if name == "OffenceProved" else "sequence"))
            if about != signer or (number is not None and where != number):
                raise BadAnswer(f"{chain.host} gives other events than it was asked for")
            if not entry.get("removed"):
                out.append(
                    CourtEvent(
                        name=name,
                        signer=about,
                        number=where,
                        fields=fields,
                        transaction=Digest(bytes(entry["transactionHash"])),
                        block=int(entry["blockNumber"]),
                        block_digest=Digest(bytes(entry["blockHash"])),
                    )
                )
    return out


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
