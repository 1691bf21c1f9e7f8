"""Deploying the committed artefacts, through the deterministic proxy where the chain has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eth_account.signers.local import LocalAccount

from counterfoil.errors import ChainError, DeploymentFailed
from counterfoil.hashing.types import Address, Digest, Seconds

from .client import Chain
from .contract import Call, artefact
from .deployment import (
    COURT,
    FAULT_CLERK,
    FAULT_COURT,
    GRACE,
    LEDGER,
    PROXY,
    PROXY_DEPLOYER,
    PROXY_FUNDS,
    PROXY_TRANSACTION,
    REGISTRY,
    ROW_JUDGE,
    STEP_JUDGE,
    CourtTerms,
    Deployed,
    Deployment,
    FaultCourtTerms,
    Plan,
    court_plan,
    fault_arguments,
    fault_plans,
    plans,
)
from .sending import broadcast, mined_nonce, prepare, send, wait

DEVELOPMENT_CHAINS = frozenset({1337, 31337})
"""Chain ids of Geth's and anvil's development chains."""


def bytecode(name: str) -> bytes:
    """A committed artefact's creation bytecode."""
    return bytes.fromhex(artefact(name)["bytecode"].removeprefix("0x"))


def has_proxy(chain: Chain, payer: LocalAccount) -> bool:
    """Whether the chain has the deterministic proxy; a development chain is given it.

    On another chain placing it would spend the payer's money unasked.
    """
    if chain.code(PROXY):
        return True
    if not chain.is_embedded and chain.chain_id not in DEVELOPMENT_CHAINS:
        return False
    if mined_nonce(chain, PROXY_DEPLOYER) != 0:
        return False
    try:
        missing = PROXY_FUNDS - chain.balance(PROXY_DEPLOYER)
        if missing > 0:
            wait(chain, send(chain, Call(to=PROXY_DEPLOYER, data=b"", value=missing), payer))
        with chain.calls():
            made = Digest(bytes(chain.web3.eth.send_raw_transaction(PROXY_TRANSACTION)))
        wait(chain, made)
    except ChainError:
        return False  # a chain that takes only transactions with its own id
    return bool(chain.code(PROXY))


def deploy(
    chain: Chain,
    payer: LocalAccount,
    *,
    grace: Seconds = GRACE,
    court: CourtTerms | None = None,
    faults: FaultCourtTerms | None = None,
) -> Deployment:
    """Deploy ledger and registry, and courts if asked, where they are not yet.

    Args:
        grace: seconds, part of the ledger's address.
        court: the promise court's terms, None: no such court.
        faults: the fault court's, None: no such court.
    Returns:
        A record for `deployment.write_record`.
    Raises:
        OutOfFunds: the payer cannot pay.
        DeploymentFailed: nothing is where it should be.
    """
    codes = {name: bytecode(name) for name in (LEDGER, REGISTRY)}
    proxy = has_proxy(chain, payer)
    make = _by_proxy if proxy else _by_create
    made: dict[str, Deployed] = {}
    for each in plans(codes, grace=grace):
        found = make(chain, payer, each)
        made[each.name] = replace(found, grace=int(grace)) if each.name == LEDGER else found
    if court is not None:
        made[COURT] = make(chain, payer, court_plan(bytecode(COURT), made[LEDGER].address, court))
    if faults is not None:
        names = (FAULT_CLERK, STEP_JUDGE, ROW_JUDGE, FAULT_COURT)
        codes = {name: bytecode(name) for name in names}
        if proxy:
            for each in fault_plans(codes, made[LEDGER].address, faults):
                made[each.name] = make(chain, payer, each)
        else:
            made |= _faults_by_create(chain, payer, codes, made[LEDGER].address, faults)
    return Deployment(genesis="0x" + chain.genesis.hex(), contracts=made)


def _faults_by_create(
    chain: Chain,
    payer: LocalAccount,
    codes: Mapping[str, bytes],
    ledger: Address,
    terms: FaultCourtTerms,
) -> dict[str, Deployed]:
    """A fault court where addresses are not known before: it is told its clerk and judges."""
    made = {
        name: _created(chain, payer, codes[name]) for name in (FAULT_CLERK, STEP_JUDGE, ROW_JUDGE)
    }
    parts = (made[FAULT_CLERK].address, made[STEP_JUDGE].address, made[ROW_JUDGE].address)
    code = codes[FAULT_COURT] + fault_arguments(ledger, parts, terms)
    return made | {FAULT_COURT: _created(chain, payer, code)}


def deploy_contract(chain: Chain, payer: LocalAccount, name: str, *arguments: Any) -> Address:
    """Deploy one committed artefact by CREATE; where it is."""
    contract = chain.web3.eth.contract(abi=artefact(name)["abi"], bytecode=bytecode(name))
    with chain.calls():
        code = bytes.fromhex(contract.constructor(*arguments).data_in_transaction[2:])
    return _created(chain, payer, code).address


def _by_proxy(chain: Chain, payer: LocalAccount, plan: Plan) -> Deployed:
    salt = "0x" + plan.salt.hex()
    if chain.code(plan.address):
        return Deployed(address=plan.address, salt=salt)
    found = wait(chain, send(chain, Call(to=PROXY, data=plan.data), payer))
    if not chain.code(plan.address):
        raise DeploymentFailed(
            f"{plan.name} is not at {plan.address} after its deployment: see transaction "
            f"0x{found.digest.hex()}"
        )
    return Deployed(
        address=plan.address,
        block=found.block,
        transaction="0x" + found.digest.hex(),
        salt=salt,
    )


def _by_create(chain: Chain, payer: LocalAccount, plan: Plan) -> Deployed:
    made = _created(chain, payer, plan.init_code)
    return Deployed(address=made.address, block=made.block, transaction=made.transaction)


def _created(chain: Chain, payer: LocalAccount, code: bytes) -> Deployed:
    found = wait(chain, broadcast(chain, prepare(chain, Call(to=None, data=code), payer)))
    if found.contract is None or not chain.code(found.contract):
        raise DeploymentFailed(
            f"transaction 0x{found.digest.hex()} made no contract: try again with more gas"
        )
    return Deployed(
        address=found.contract, block=found.block, transaction="0x" + found.digest.hex()
    )
