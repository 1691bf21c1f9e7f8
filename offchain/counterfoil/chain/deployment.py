"""Where the contracts are: planned by CREATE2, and recorded by chain id.

Init code is the committed artefact's, the salt is fixed and the sender is the deterministic
deployment proxy, so an address depends on nothing but the code and the grace: it is the
same on every chain, and anybody may deploy to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from counterfoil.errors import BadDeploymentRecord
from counterfoil.hashing.eip712 import address_word, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import Address, Digest, Seconds

from .fault_values import FaultTerms

PROXY = Address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
"""The deterministic deployment proxy: CREATE2 of what it is sent, salt first.

Source: https://github.com/Arachnid/deterministic-deployment-proxy, as the next three.
"""

PROXY_DEPLOYER = Address("0x3fAB184622Dc19b6109349B94811493BF2a45362")
"""The account that no key belongs to, whose one transaction makes the proxy."""

PROXY_FUNDS = 10**16
"""Wei that the proxy's transaction needs on its sender: 100,000 gas at 100 gwei."""

PROXY_TRANSACTION = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe7f"
    + "ff" * 31
    + "e03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
"""The proxy's transaction, valid on every chain that takes one signed without a chain id."""

SALT = keccak(b"counterfoil/1")
"""The salt of every contract here."""

GRACE = Seconds(7200)
"""Seconds after a promise in which a ledger still takes its batch, on public chains.

Two hours: longer than a public testnet's gas spike or an RPC's outage as a rule, and short
beside the longest promise (30 days).
"""

LEDGER = "ReceiptLedger"
REGISTRY = "ModelRegistry"
COURT = "PromiseCourt"
FAULT_CLERK = "FaultClerk"
FAULT_COURT = "FaultCourt"
STEP_JUDGE = "StepJudge"
ROW_JUDGE = "RowJudge"


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtTerms:
    """What a court is deployed with; all of it is part of its address.

    Attributes:
        claim_window: seconds for which a late settlement can be proved after it is due, and
            a path demanded after its batch was posted. A week: a holder who looks once a
            week misses nothing.
        answer_window: seconds in which a demanded path is due. A day: an operator's settler may
            be down for a night.
        reward_cap: wei, the most that one proof earns. 0.05 pays a commitment and a claim
            (under 155,000 gas) at up to 320 gwei, and keeps slashing with a stolen key poor.
    """

    claim_window: Seconds
    answer_window: Seconds
    reward_cap: int = 5 * 10**16


PUBLIC_TERMS = CourtTerms(claim_window=Seconds(7 * 86_400), answer_window=Seconds(86_400))
LOCAL_TERMS = CourtTerms(claim_window=Seconds(3600), answer_window=Seconds(600))
"""For a developer's own chain, where nobody wants to wait a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCourtTerms:
    """What a fault court is deployed with; all of it is part of its address.

    Attributes:
        floors: seconds, the least terms of a log. Two days to summon: a holder who looks every
            other day misses nothing. A day to answer, and eight to prove, as docs/faults.md §2
            has it.
        reward_cap: wei, as of `CourtTerms`; a proof of a step costs up to 470,000 gas, which
            0.05 pays at up to 80 gwei.
        least_fee: wei, of a summons and of a demand, where gas is nearly free.
    """

    floors: FaultTerms
    reward_cap: int = 5 * 10**16
    least_fee: int = 10**13


PUBLIC_FAULT_TERMS = FaultCourtTerms(
    floors=FaultTerms(
        summon_window=Seconds(2 * 86_400),
        answer_window=Seconds(86_400),
        case_window=Seconds(8 * 86_400),
    )
)
LOCAL_FAULT_TERMS = FaultCourtTerms(
    floors=FaultTerms(
        summon_window=Seconds(3600), answer_window=Seconds(600), case_window=Seconds(4800)
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One contract's deployment, before it is sent."""

    name: str
    init_code: bytes
    """Creation bytecode and constructor arguments."""
    salt: Digest
    address: Address
    """Where the proxy puts it."""

    @property
    def data(self) -> bytes:
        """What the proxy is sent: salt ‖ init code."""
        return self.salt + self.init_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One contract's deployment, as recorded."""

    address: Address
    block: int | None = None
    """The block that made it, None: found there, made by somebody else."""
    transaction: str | None = None
    """Hash, 0x-hex, None as for `block`."""
    salt: str | None = None
    """0x-hex, None: made by CREATE, on a chain without the proxy."""
    grace: int | None = None
    """Seconds; the ledger's alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The contracts of one chain."""

    genesis: str
    """Hash of block 0, 0x-hex: tells a development chain from one started anew."""
    contracts: Mapping[str, Deployed]
    """By name: ReceiptLedger, ModelRegistry, and what there is of PromiseCourt, FaultCourt and
    the fault court's clerk and judges."""


def create2_address(init_code: bytes, *, salt: Digest = SALT, sender: Address = PROXY) -> Address:
    """Address of what `sender` makes from `init_code`.

    Source: EIP-1014.
    """
    packed = b"\xff" + bytes.fromhex(sender[2:]) + salt + keccak(init_code)
    return checksummed(keccak(packed)[12:])


def plan(name: str, init_code: bytes) -> Plan:
    """Plan of one contract, through the proxy and with the one salt."""
    return Plan(name=name, init_code=init_code, salt=SALT, address=create2_address(init_code))


def plans(bytecodes: Mapping[str, bytes], *, grace: int = GRACE) -> tuple[Plan, Plan]:
    """Plans of the ledger and the registry, in this order.

    Args:
        bytecodes: creation bytecode by contract name, from the committed artefacts.
        grace: seconds, part of the ledger's address.
    """
    return (
        plan(LEDGER, bytecodes[LEDGER] + word(grace)),
        plan(REGISTRY, bytecodes[REGISTRY]),
    )


def court_plan(bytecode: bytes, ledger: Address, terms: CourtTerms = PUBLIC_TERMS) -> Plan:
    """Plan of a ledger's court.

    Args:
        bytecode: creation bytecode of `PromiseCourt`.
    """
    windows = word(terms.claim_window) + word(terms.answer_window)
    return plan(COURT, bytecode + address_word(ledger) + windows + word(terms.reward_cap))


def fault_plans(
    bytecodes: Mapping[str, bytes], ledger: Address, terms: FaultCourtTerms = PUBLIC_FAULT_TERMS
) -> tuple[Plan, Plan, Plan, Plan]:
    """Plans of a ledger's fault court, behind its clerk and its two judges, in this order.

    Args:
        bytecodes: creation bytecode by contract name, from the committed artefacts.
    """
    clerk = plan(FAULT_CLERK, bytecodes[FAULT_CLERK])
    step = plan(STEP_JUDGE, bytecodes[STEP_JUDGE])
    row = plan(ROW_JUDGE, bytecodes[ROW_JUDGE])
    arguments = fault_arguments(ledger, (clerk.address, step.address, row.address), terms)
    return clerk, step, row, plan(FAULT_COURT, bytecodes[FAULT_COURT] + arguments)


def fault_arguments(
    ledger: Address, parts: tuple[Address, Address, Address], terms: FaultCourtTerms
) -> bytes:
    """A fault court's constructor arguments.

    Args:
        parts: its clerk, its judge of steps, its judge of rows.
    """
    numbers = (*terms.floors.abi(), terms.reward_cap, terms.least_fee)
    return b"".join((*map(address_word, (ledger, *parts)), *map(word, numbers)))


def shipped_record() -> dict[int, Deployment]:
    """Deployments by chain id that the package ships."""
    found = resources.files("counterfoil") / "artefacts" / "deployments.json"
    return _parsed(found.read_text(encoding="utf-8"), "the package's own record")


def read_record(path: Path) -> dict[int, Deployment]:
    """Deployments by chain id in a file; none where there is no file.

    Raises:
        BadDeploymentRecord: the file is not a record.
    """
    return _parsed(path.read_text(encoding="utf-8"), str(path)) if path.exists() else {}


def write_record(path: Path, chain_id: int, deployment: Deployment) -> None:
    """Put one chain's deployment into a file, in place of what it held for that chain.

    Raises:
        BadDeploymentRecord: the file is there and is not a record.
    """
    record = read_record(path) | {chain_id: deployment}
    value = {str(each): _plain(record[each]) for each in sorted(record)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _plain(deployment: Deployment) -> dict[str, Any]:
    fields = Deployed.__slots__
    contracts = {
        name: {field: getattr(each, field) for field in fields if getattr(each, field) is not None}
        for name, each in sorted(deployment.contracts.items())
    }
    return {"genesis": deployment.genesis, **contracts}


def _parsed(text: str, where: str) -> dict[int, Deployment]:
    try:
        return {
            int(chain_id): Deployment(
                genesis=chain["genesis"],
                contracts={
                    name: Deployed(**fields) for name, fields in chain.items() if name != "genesis"
                },
            )
            for chain_id, chain in json.loads(text).items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as bad:
        raise BadDeploymentRecord(
            f"{where} is no record of deployments ({type(bad).__name__}: {bad}); "
            "write it anew with `ape run deploy`"
        ) from bad
