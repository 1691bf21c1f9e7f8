"""Open a log: the operator's transaction, with the signer's word from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click
from counterfoil.formats.log_opening_file import LogOpeningFile

from scripts._network import LEDGER, Command, account, contracts, payer, record, say


@click.command(cls=Command)
@click.option(
    "--opening",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The signer's signed opening: `counterfoil log open --sign-only` writes it.",
)
@account
@record
def cli(file: Path, account: Any, record: Path | None) -> None:
    """Open a log as its operator, which is the account."""
    sender = payer(account)
    signed = LogOpeningFile.load(file)
    ledger = contracts(sender, record)[LEDGER]
    opening = signed.opening
    for what, theirs, ours in (
        ("chain", signed.chain_id, ape.chain.provider.chain_id),
        ("ledger", signed.ledger, ledger.address),
        ("operator", opening.operator, sender.address),
        ("signature", signed.signed_by(), opening.signer),
    ):
        if theirs != ours:
            raise click.ClickException(f"the opening's {what} is {theirs}, not {ours}")
    receipt = ledger.open_log(
        opening.signer, opening.closes_at, opening.max_delay, signed.signature, sender=sender
    )
    say("signer", opening.signer)
    say("operator", opening.operator)
    say("closes at", opening.closes_at)
    say("max delay", f"{opening.max_delay} s")
    say("transaction", receipt.txn_hash)
    say("gas", receipt.gas_used)
