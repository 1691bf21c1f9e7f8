"""Verify receipt files, step by step, up to the connected chain (docs/format.md §11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ape
import click
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.signature import checksummed

from scripts._network import LEDGER, REGISTRY, Command, contracts, record, say


@click.command(cls=Command)
@click.argument(
    "receipts",
    metavar="RECEIPT...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--publisher", "publishers", multiple=True, help="Whose word on the model counts.")
@record
def cli(receipts: tuple[Path, ...], publishers: tuple[str, ...], record: Path | None) -> None:
    """Verify RECEIPT files against the recorded ledger of the connected chain."""
    from counterfoil.chain import Chain  # as below: Ape loads every script to run one
    from counterfoil.verify import Trust, verify

    ours = contracts(None, record)
    chain = Chain.of(ape.chain.provider.web3)
    trust = Trust(
        ledgers=frozenset({(chain.chain_id, ours[LEDGER].address)}),
        registries={chain.chain_id: ours[REGISTRY].address},
        publishers=tuple(checksummed(bytes.fromhex(each[2:])) for each in publishers),
    )
    for path in receipts:
        report(verify(ReceiptFile.load(path), trust=trust, chain=chain))


def report(found: Any) -> None:
    """Say each step, and what was not checked; end with an error below *anchored*."""
    say("receipt", "0x" + found.digest.hex())
    say("signed", f"by {found.signed}")
    for each in found.opened:
        say("opened", each)
    if found.root is not None:
        say("included", "under root 0x" + found.root.hex())
    for note in found.notes:
        say("note", note)
    anchored = found.require_anchored()
    log = f"in the {anchored.standing} log of {anchored.operator}"
    say("anchored", f"{log}, posted at {anchored.posted_at}")
    for each in anchored.models:
        say("published", f"by {each.publisher} as {each.record.name} {each.record.version}")
