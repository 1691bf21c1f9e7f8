"""A contract on a real node, asked by the hundred: `eth_call` in batches."""

from __future__ import annotations

import importlib.util
import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eth_abi import decode, encode
from eth_utils import function_abi_to_4byte_selector
from eth_utils.abi import collapse_if_tuple

ROOT = Path(__file__).parents[2]
GAS = hex(30_000_000)
AT_ONCE = 500_000
"""Bytes of calldata in one request, about: a node takes two million characters."""


def compiled(contract: str) -> dict[str, Any]:
    """The artefact of a contract as it is in this working copy, committed or not."""
    spec = importlib.util.spec_from_file_location("b", ROOT / "scripts/build_artefacts.py")
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    made: dict[str, Any] = builder.artefact(contract)
    return made


class Deployed:
    """A contract on a node, whose views are asked many at a time.

    Args:
        made: its artefact; it takes nothing to be made.
    """

    def __init__(self, anvil: Any, made: dict[str, Any]) -> None:
        sender = anvil.ask("eth_accounts")[0]
        sent = anvil.ask(
            "eth_sendTransaction",
            {"from": sender, "data": made["bytecode"], "gas": hex(16_000_000)},
        )
        receipt = anvil.chain.web3.eth.wait_for_transaction_receipt(sent)
        self._url, self._at = anvil.url, receipt["contractAddress"]
        self._abi = {each["name"]: each for each in made["abi"] if each["type"] == "function"}

    def ask(self, name: str, calls: Sequence[tuple]) -> Iterator[tuple]:
        """What a view answers to each of many calls."""
        gives = [collapse_if_tuple(each) for each in self._abi[name]["outputs"]]
        for answer in self._asked("eth_call", name, calls):
            yield decode(gives, answer)

    def gas(self, name: str, calls: Sequence[tuple]) -> Iterator[int]:
        """What a transaction with each of many calls would cost, as the node estimates."""
        for answer in self._asked("eth_estimateGas", name, calls):
            yield int.from_bytes(answer, "big")

    def _asked(self, method: str, name: str, calls: Sequence[tuple]) -> Iterator[bytes]:
        abi = self._abi[name]
        selector = function_abi_to_4byte_selector(abi)
        takes = [collapse_if_tuple(each) for each in abi["inputs"]]
        waiting: list[bytes] = []
        for place, call in enumerate(calls, 1):
            waiting.append(selector + encode(takes, call))
            if sum(map(len, waiting)) > AT_ONCE or place == len(calls):
                yield from self._answers(method, waiting)
                waiting.clear()

    def _answers(self, method: str, calls: Sequence[bytes]) -> Iterator[bytes]:
        requests = [
            {
                "jsonrpc": "2.0",
                "id": place,
                "method": method,
                "params": [{"to": self._at, "data": "0x" + data.hex(), "gas": GAS}, "latest"],
            }
            for place, data in enumerate(calls)
        ]
        sent = urllib.request.Request(
            self._url, json.dumps(requests).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(sent, timeout=120) as answered:
            found = sorted(json.loads(answered.read()), key=lambda each: each["id"])
        for each in found:
            assert "result" in each, each
            digits = each["result"][2:]
            yield bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
