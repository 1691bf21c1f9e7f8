"""A fault court's events, by receipt or by log, in ranges of blocks that RPCs give out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from web3._utils.events import get_event_data

from counterfoil.errors import BadAnswer, RangeTooWide
from counterfoil.hashing.eip712 import address_word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest

from .contract import Contract
from .events import SPAN

OPENINGS = ("Summoned", "Asserted")
"""Events that begin a case."""

NAMES = (
    *OPENINGS, "Answered", "NodeDemanded", "NodesRevealed", "RowRevealed", "TensorRevealed",
    "CaseFell", "CaseFinished",
)  # fmt: skip
"""Events about a case. Source: IFaultCourt.vyi."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultEvent:
    """One of the court's events about a case.

    Attributes:
        name: of the event.
        receipt: the case's name.
        fields: the event's other fields by their names.
        transaction: the hash of what logged it.
    """

    name: str
    receipt: Digest
    fields: Mapping[str, Any]
    transaction: Digest
    block: int


def read(
    contract: Contract,
    *,
    start: int,
    stop: int,
    receipt: Digest | None = None,
    signer: Address | None = None,
    names: Sequence[str] = NAMES,
) -> Iterator[FaultEvent]:
    """Events in blocks start … stop, the oldest first.

    Args:
        receipt: of this case alone.
        signer: of this log alone: then `names` are of events that name one.
    Raises:
        BadAnswer: the RPC gives other events.
    """
    span = SPAN
    while start <= stop:
        high = min(stop, start + span - 1)
        try:
            found = _in_range(contract, names, receipt, signer, (start, high))
        except RangeTooWide:
            if high == start:
                raise
            span = max(1, (high - start + 1) // 4)
            continue
        yield from found
        start = high + 1


def _in_range(
    contract: Contract,
    names: Sequence[str],
    receipt: Digest | None,
    signer: Address | None,
    blocks: tuple[int, int],
) -> list[FaultEvent]:
    by_topic = {_topic(contract, name): name for name in names}
    topics: list[Any] = [
        [_hex(topic) for topic in by_topic],
        None if receipt is None else _hex(receipt),
    ]
    if signer is not None:
        topics.append(_hex(address_word(signer)))
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
            name = by_topic.get(bytes(entry["topics"][0]))
            if name is None or str(entry["address"]).lower() != contract.address.lower():
                raise BadAnswer(f"{chain.host} gives other events than it was asked for")
            event = contract.web3.events[name]()
            fields = dict(get_event_data(chain.web3.codec, event._get_event_abi(), entry)["args"])
            about = Digest(bytes(fields.pop("receipt")))
            if receipt not in (None, about) or signer not in (None, fields.get("signer", signer)):
                raise BadAnswer(f"{chain.host} gives other events than it was asked for")
            if not entry.get("removed"):
                out.append(
                    FaultEvent(
                        name=name,
                        receipt=about,
                        fields=fields,
                        transaction=Digest(bytes(entry["transactionHash"])),
                        block=int(entry["blockNumber"]),
                    )
                )
    return out


def _topic(contract: Contract, name: str) -> bytes:
    (found,) = (e for e in contract.web3.abi if e["type"] == "event" and e["name"] == name)
    return keccak(f"{name}({','.join(map(_type, found['inputs']))})".encode())


def _type(entry: Any) -> str:
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    return f"({','.join(map(_type, entry['components']))}){entry['type'][5:]}"


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
