"""What the scripts share: who pays, and the contracts of the connected chain.

Ape gives accounts and the network, the package all that is known about the contracts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ape
import click
from ape.cli import ConnectedProviderCommand, account_option
from ape.exceptions import ApeException
from counterfoil import artefacts
from counterfoil.chain.deployment import (
    COURT,
    FAULT_CLERK,
    FAULT_COURT,
    GRACE,
    LEDGER,
    LOCAL_FAULT_TERMS,
    LOCAL_TERMS,
    PROXY,
    PROXY_DEPLOYER,
    PROXY_FUNDS,
    PROXY_TRANSACTION,
    PUBLIC_FAULT_TERMS,
    PUBLIC_TERMS,
    REGISTRY,
    ROW_JUDGE,
    STEP_JUDGE,
    Deployed,
    Deployment,
    Plan,
    court_plan,
    fault_arguments,
    plan,
    plans,
    read_record,
    write_record,
)
from counterfoil.errors import CounterfoilError

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "offchain" / "counterfoil" / "artefacts" / "deployments.json"
LOCAL = ROOT / ".build" / "deployments.json"
DEVELOPMENT_CHAINS = {1337, 31337}
"""Ids of local nodes that are attached by URL alone: geth's and hardhat's default, anvil's."""


class Command(ConnectedProviderCommand):
    """A script that ends with one line where the package, a contract or Ape refuses."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (CounterfoilError, ApeException) as error:
            raise click.ClickException(str(error)) from error


account = account_option(prompt=False)
record = click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of deployments; by default the package's, on development chains .build's.",
)


def is_development() -> bool:
    """Whether the connected chain is somebody's own, with test accounts that hold its money."""
    provider = ape.chain.provider
    return bool(provider.network.is_local) or provider.chain_id in DEVELOPMENT_CHAINS


def payer(chosen: Any) -> Any:
    """The account that signs and pays: a test account where none is chosen on a local chain."""
    if chosen is None:
        if not is_development():
            raise click.UsageError("name the account that pays: --account ALIAS")
        return ape.accounts.test_accounts[0]
    if f"APE_ACCOUNTS_{chosen.alias}_PASSPHRASE" in os.environ and hasattr(chosen, "set_autosign"):
        chosen.set_autosign(True)  # otherwise Ape asks
    return chosen


# `ape.chain.chain_id` is kept by the network's name, which Sepolia and Base Sepolia share: the
# provider is asked instead.


def genesis() -> str:
    """Hash of the connected chain's block 0."""
    return "0x" + bytes(ape.chain.provider.web3.eth.get_block(0)["hash"]).hex()


def _bytecode(name: str) -> bytes:
    return bytes.fromhex(artefacts.load(name)["bytecode"][2:])


def planned(grace: int) -> tuple[Plan, Plan]:
    """The ledger's and the registry's plan."""
    return plans({name: _bytecode(name) for name in (LEDGER, REGISTRY)}, grace=grace)


def _code(address: str) -> bytes:
    return bytes(ape.chain.provider.get_code(address))


def _place_proxy(sender: Any) -> bool:
    """Whether the chain has the proxy, made now on a development chain that lacks it."""
    if not _code(PROXY) and is_development():
        sender.transfer(PROXY_DEPLOYER, PROXY_FUNDS)
        ape.chain.provider.web3.eth.send_raw_transaction(PROXY_TRANSACTION)
    return bool(_code(PROXY))


def _send(sender: Any, plan: Plan) -> Any:
    if _place_proxy(sender):
        what = {"receiver": PROXY, "data": plan.data}
    else:
        what = {"data": plan.init_code}
    create = ape.chain.provider.network.ecosystem.create_transaction
    return sender.call(create(sender=sender.address, **what))


def _deploy_one(sender: Any, plan: Plan, grace: int | None) -> Deployed:
    salt = "0x" + plan.salt.hex()
    if _code(plan.address):
        return Deployed(address=plan.address, salt=salt, grace=grace)
    receipt = _send(sender, plan)
    through_proxy = bool(_code(plan.address))
    return Deployed(
        address=plan.address if through_proxy else receipt.contract_address,
        block=receipt.block_number,
        transaction=receipt.txn_hash,
        salt=salt if through_proxy else None,
        grace=grace,
    )


def deploy(
    sender: Any, file: Path | None, grace: int = GRACE, *, court: bool = True, faults: bool = True
) -> Deployment:
    """Put the contracts on the connected chain, those that are not there, and record them.

    The courts' terms are those of public chains; on a development chain those of
    `counterfoil up`, whose contracts are then left alone.

    Args:
        court: with the ledger's promise court.
        faults: with its fault court, and that one's clerk and judges.
    """
    file, chain_id = file or _record_file(), ape.chain.provider.chain_id
    before = recorded(file)
    known = {} if before is None else dict(before.contracts)

    def put(each: Plan) -> Deployed:
        made = _deploy_one(sender, each, grace if each.name == LEDGER else None)
        if each.name not in known or known[each.name].address != made.address:
            known[each.name] = made
        return made

    ledger, _ = (put(each).address for each in planned(grace))
    if court:
        terms = LOCAL_TERMS if is_development() else PUBLIC_TERMS
        put(court_plan(_bytecode(COURT), ledger, terms))
    if faults:
        floors = LOCAL_FAULT_TERMS if is_development() else PUBLIC_FAULT_TERMS
        # A chain without the proxy decides where they are, so the court is told afterwards.
        clerk, step, row = (
            put(plan(name, _bytecode(name))).address
            for name in (FAULT_CLERK, STEP_JUDGE, ROW_JUDGE)
        )
        arguments = fault_arguments(ledger, (clerk, step, row), floors)
        put(plan(FAULT_COURT, _bytecode(FAULT_COURT) + arguments))
    deployment = Deployment(genesis=genesis(), contracts=known)
    write_record(file, chain_id, deployment)
    return deployment


def recorded(file: Path | None) -> Deployment | None:
    """The connected chain's deployment; None where there is none, or on another genesis."""
    found = read_record(file or _record_file()).get(ape.chain.provider.chain_id)
    if found is None or found.genesis != genesis():
        return None
    return found if all(_code(each.address) for each in found.contracts.values()) else None


def contracts(sender: Any, file: Path | None) -> dict[str, Any]:
    """The contracts, by name, as Ape calls them.

    A development chain that lacks them gets them: one that lives no longer than its script
    could not be used otherwise.
    """
    deployment = recorded(file)
    if deployment is None and is_development() and sender is not None:
        deployment = deploy(sender, file)
    if deployment is None:
        chain_id = ape.chain.provider.chain_id
        raise click.ClickException(
            f"no deployment is recorded for chain {chain_id}: `ape run deploy` first"
        )
    return {
        name: ape.chain.contracts.instance_at(
            each.address,
            abi=artefacts.load(name)["abi"],
            fetch_from_explorer=False,
            detect_proxy=False,
            replace=True,
        )
        for name, each in deployment.contracts.items()
    }


def _record_file() -> Path:
    return LOCAL if is_development() else SHIPPED


def say(label: str, value: object) -> None:
    """One line of a script's report."""
    click.echo(f"{label:<14} {value}")
