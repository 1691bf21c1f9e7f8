"""One embedded EVM with a ledger and a court, in blocks of one transaction each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from counterfoil import artefacts
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import checksummed
from eth_abi import decode, encode
from eth_tester import PyEVMBackend

GRACE = 120
"""Seconds, as the next three."""
CLAIM_WINDOW = 400
ANSWER_WINDOW = 200
START = 2_000_000_000
"""The first block's time: past any wall clock, so that the test alone says the time."""

CAP = 3
"""Wei that a proof earns, at most."""

BURN = bytes(18) + bytes.fromhex("dead")


def _refuser() -> bytes:
    """Code of a wallet that makes the calls it is told to and takes no ether.

    Calldata is a target, 20 bytes, then what to call it with; without calldata it reverts.
    """
    code = bytes.fromhex("36600757" + "5f5ffd" + "5b")
    code += bytes.fromhex("6014" + "36" + "03" + "80" + "6014" + "5f" + "37")
    code += bytes.fromhex("5f5f" + "82" + "5f" + "34" + "5f35" + "6060" + "1c" + "5a" + "f1")
    code += bytes.fromhex("3d5f5f3e")
    end = len(code) + 3 + 3
    return code + bytes([0x60, end, 0x57]) + bytes.fromhex("3d5ffd" + "5b" + "00")


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a transaction."""

    ok: bool
    time: int
    reason: str


class Contract:
    """A deployed contract by its committed artefact."""

    def __init__(self, name: str, address: bytes):
        self.address = address
        artefact = artefacts.load(name)
        selectors = {
            signature.partition("(")[0]: bytes.fromhex(selector[2:].rjust(8, "0"))
            for signature, selector in artefact["methodIdentifiers"].items()
        }
        self._inputs, self._outputs = {}, {}
        for entry in artefact["abi"]:
            if entry["type"] == "function":
                name = entry["name"]
                self._inputs[name] = selectors[name], [_type(each) for each in entry["inputs"]]
                self._outputs[name] = [_type(each) for each in entry["outputs"]]

    def data(self, function: str, *arguments: Any) -> bytes:
        selector, types = self._inputs[function]
        return selector + encode(types, arguments)

    def result(self, function: str, data: bytes) -> Any:
        (found,) = decode(self._outputs[function], data)
        return found


class CourtWorld:
    """The chain, its actors and its clock. All of it goes back with `back_to`."""

    ROLES: tuple[str, ...] = ("deployer", "honest", "faulty", "claimant", "stranger", "payer")

    def __init__(self) -> None:
        self.backend = PyEVMBackend()
        self.actors = dict(zip(self.ROLES, self.backend.get_accounts(), strict=False))
        self.now = START
        self.spent: Counter[bytes] = Counter()
        self.ledger = self._deploy("ReceiptLedger", GRACE)
        self.court = self._deploy_court()
        code = _refuser()
        copy = bytes([0x60, len(code), 0x80, 0x60, 0x09, 0x5F, 0x39, 0x5F, 0xF3])
        self.wallet = self._create(copy + code)
        self.chain_id = self.backend.chain.chain_id
        self.ledger_address = checksummed(self.ledger.address)

    def _deploy_court(self) -> Contract:
        return self._deploy("PromiseCourt", self.ledger.address, CLAIM_WINDOW, ANSWER_WINDOW, CAP)

    def mark(self) -> tuple[bytes, int, Counter[bytes]]:
        """A point in the chain to come back to."""
        return self.backend.take_snapshot(), self.now, self.spent.copy()

    def back_to(self, point: tuple[bytes, int, Counter[bytes]], *, keep_time: bool = False) -> None:
        """Undo what came after; a re-org keeps the time, as the world's clock goes on."""
        snapshot, now, spent = point
        self.backend.revert_to_snapshot(snapshot)
        self.now = max(now, self.now) if keep_time else now
        self.spent = spent.copy()

    def balance(self, account: bytes) -> int:
        return self.backend.get_balance(account)

    def view(self, contract: Contract, function: str, *arguments: Any) -> Any:
        call = {
            "from": self.actors["stranger"],
            "to": contract.address,
            "data": contract.data(function, *arguments),
        }
        return contract.result(function, self.backend.call(call))

    def send(
        self, sender: bytes, contract: Contract, function: str, *arguments: Any, value: int = 0
    ) -> Sent:
        """A block with one transaction, a second later. The wallet sends by the stranger's key."""
        return self.send_together((sender, contract, function, arguments, value))[0]

    def send_together(
        self, *calls: tuple[bytes, Contract, str, tuple[Any, ...], int]
    ) -> list[Sent]:
        """A block with transactions in this order: sender, contract, function, arguments, wei."""
        transactions = []
        for sender, contract, function, arguments, value in calls:
            to, data = contract.address, contract.data(function, *arguments)
            made = {"from": sender, "to": to, "data": data, "value": value}
            if sender == self.wallet:
                made |= {"from": self.actors["stranger"], "to": self.wallet, "data": to + data}
            transactions.append(made)
        return [sent for sent, _ in self._mine(*transactions)]

    def force(self, sender: bytes, wei: int) -> None:
        """Ether for the court that no function of it takes."""
        self._create(b"\x73" + self.court.address + b"\xff", sender=sender, value=wei)

    @property
    def base_fee(self) -> int:
        """Wei for a unit of gas in the next block."""
        return int(self.backend.chain.header.base_fee_per_gas)

    def _mine(self, *transactions: dict[str, Any]) -> list[tuple[Sent, Any]]:
        self.now += 1
        chain = self.backend.chain
        chain.header = chain.header.copy(timestamp=self.now)
        applied = []
        for transaction in transactions:
            full = transaction | {
                "gas": 8_000_000 if len(transaction["data"]) > 3_000 else 1_000_000,
                "max_fee_per_gas": 2 * 10**9,
                "max_priority_fee_per_gas": 0,
            }
            signed = self.backend._get_normalized_and_signed_evm_transaction(full, "pending")
            _, _, computation = chain.apply_transaction(signed)
            applied.append((transaction["from"], signed.hash, computation))
        self.backend.mine_blocks()
        mined = []
        for sender, digest, computation in applied:
            receipt = self.backend.get_transaction_receipt(digest)
            self.spent[sender] += receipt["gas_used"] * receipt["effective_gas_price"]
            mined.append((Sent(receipt["status"] == 1, self.now, _reason(computation)), receipt))
        return mined

    def _create(self, code: bytes, *, sender: bytes | None = None, value: int = 0) -> bytes:
        sender = sender or self.actors["deployer"]
        transaction = {"from": sender, "to": b"", "data": code, "value": value}
        ((sent, receipt),) = self._mine(transaction)
        assert sent.ok, sent.reason
        return receipt["contract_address"]

    def _deploy(self, name: str, *arguments: Any) -> Contract:
        artefact = artefacts.load(name)
        constructors = (each for each in artefact["abi"] if each["type"] == "constructor")
        types = [_type(each) for made in constructors for each in made["inputs"]]
        code = bytes.fromhex(artefact["bytecode"][2:]) + encode(types, arguments)
        return Contract(name, self._create(code))


@cache
def world() -> CourtWorld:
    """The process's one world; examples start from its first mark."""
    return CourtWorld()


def commitment(court: bytes, claimant: bytes, evidence: bytes) -> bytes:
    """What a claimant commits, with a salt of zero: nobody else is here to guess it."""
    return keccak(court.rjust(32, b"\0") + claimant.rjust(32, b"\0") + evidence + bytes(32))


def _reason(computation: Any) -> str:
    """Why a transaction failed, from the transaction itself; empty where it did not."""
    if not computation.is_error:
        return ""
    output = bytes(computation.output)
    if output[:4] != keccak(b"Error(string)")[:4]:
        return str(computation._error)
    (reason,) = decode(["string"], output[4:])
    return str(reason)


def _type(entry: dict[str, Any]) -> str:
    if not entry["type"].startswith("tuple"):
        return str(entry["type"])
    inner = ",".join(_type(each) for each in entry["components"])
    return f"({inner}){entry['type'][5:]}"
