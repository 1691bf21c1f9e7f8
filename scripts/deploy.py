"""Deploy ledger, registry and courts from the committed artefacts, and record where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click

from scripts._network import GRACE, Command, account, deploy, payer, record, say


@click.command(cls=Command)
@account
@record
@click.option("--grace", default=GRACE, show_default=True, help="The ledger's grace, in seconds.")
@click.option("--court/--no-court", default=True, show_default=True, help="Its promise court too.")
@click.option("--faults/--no-faults", default=True, show_default=True, help="Its fault court too.")
def cli(account: Any, record: Path | None, grace: int, court: bool, faults: bool) -> None:
    """Deploy through CREATE2; what is already there is left alone."""
    deployment = deploy(payer(account), record, grace, court=court, faults=faults)
    say("chain", ape.chain.provider.chain_id)
    for name, each in sorted(deployment.contracts.items()):
        say(name, each.address)
        say("", f"block {each.block}" if each.block is not None else "was there already")
