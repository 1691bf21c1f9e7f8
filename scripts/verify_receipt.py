"""Verify a receipt file, step by step, up to the connected chain (docs/format.md §11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click
from counterfoil.formats.receipt_file import ReceiptFile

from scripts._network import LEDGER, REGISTRY, Command, contracts, record, say


@click.command(cls=Command)
@click.argument("receipt", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--publisher", "publishers", multiple=True, help="Whose word on the model counts.")
@record
def cli(receipt: Path, publishers: tuple[str, ...], record: Path | None) -> None:
    """Verify RECEIPT (a receipt file) against the recorded ledger of the connected chain."""
    file = ReceiptFile.load(receipt)
    say("receipt", "0x" + file.digest.hex())
    ours = contracts(None, record)
    for what, theirs, known in (
        ("chain", file.chain_id, ape.chain.chain_id),
        ("ledger", file.ledger, ours[LEDGER].address),
        ("signature", file.receipt.signed_by(file.signature, file.chain_id, file.ledger),
         file.receipt.signer),
    ):  # fmt: skip
        expect(what, theirs, known)
    say("signed", f"by {file.receipt.signer}")
    for side, digest in (("inputs", file.receipt.inputs), ("outputs", file.receipt.outputs)):
        opening = getattr(file.opening, side, None)
        if opening is not None:
            expect(side, opening.commitment().digest.hex(), digest.hex())
            say("opened", side)
    if file.inclusion is None:
        raise click.ClickException("the file has no inclusion: settle the receipt first")
    leaf = file.receipt.leaf(file.chain_id, file.ledger)
    say("included", "under root 0x" + file.inclusion.root(leaf, file.receipt.sequence).hex())
    anchored(file, ours[LEDGER])
    published(file, ours[REGISTRY], publishers)


def expect(what: str, theirs: object, known: object) -> None:
    """End with one line where the file says another thing."""
    if theirs != known:
        raise click.ClickException(f"the receipt's {what} is {theirs}, not {known}")


def anchored(file: ReceiptFile, ledger: Any) -> None:
    """Ask the ledger, which gives its reason where it refuses."""
    try:
        ledger.require_settled(file.receipt.abi(), file.inclusion.abi())
    except ape.exceptions.ContractLogicError as refused:
        raise click.ClickException(str(refused)) from refused
    log = ledger.log_record(file.receipt.signer)
    say("anchored", f"in the log of {log.operator}, posted at {file.inclusion.posted_at}")


def published(file: ReceiptFile, registry: Any, publishers: tuple[str, ...]) -> None:
    """Ask the registry about the model, for the publishers that the caller names."""
    if not publishers:
        say("published", "not asked: no --publisher is named")
    for publisher in publishers:
        active = registry.active_at(publisher, file.receipt.model, file.inclusion.posted_at)
        if not active:
            raise click.ClickException(f"{publisher} had no such model when it was posted")
        say("published", f"by {publisher}")
