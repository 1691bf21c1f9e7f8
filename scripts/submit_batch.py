"""Post a signed batch, and complete the receipts in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import ape
import click
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import ReceiptFile

from scripts._network import LEDGER, Command, account, contracts, payer, record, say

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Command)
@click.argument("batch", type=_file)
@click.option("--receipt", "receipts", type=_file, multiple=True, help="Complete this file too.")
@account
@record
def cli(batch: Path, receipts: tuple[Path, ...], account: Any, record: Path | None) -> None:
    """Post BATCH (a batch file). Anybody may: the account only pays."""
    sender = payer(account)
    signed = BatchFile.load(batch)
    ledger = contracts(sender, record)[LEDGER]
    for what, theirs, ours in (
        ("chain", signed.chain_id, ape.chain.provider.chain_id),
        ("ledger", signed.ledger, ledger.address),
    ):
        if theirs != ours:
            raise click.ClickException(f"the batch's {what} is {theirs}, not {ours}")
    receipt = ledger.post_batch(signed.batch.abi(), signed.signature, sender=sender)
    (posted,) = receipt.decode_logs(ledger.BatchPosted)
    say("signer", signed.batch.signer)
    say("receipts", f"{posted.first} to {posted.first + posted.size - 1}")
    say("posted at", posted.postedAt)
    say("transaction", receipt.txn_hash)
    say("gas", receipt.gas_used)
    for path in receipts:
        file = ReceiptFile.load(path)
        inclusion = signed.inclusion(
            file.receipt.sequence, posted.postedAt, bytes.fromhex(receipt.txn_hash[2:])
        )
        path.write_bytes(replace(file, inclusion=inclusion).dump())
        say("completed", path)
