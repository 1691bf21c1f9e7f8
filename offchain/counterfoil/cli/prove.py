"""`counterfoil prove`: one proof of a broken promise, by hand."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from counterfoil import config
from counterfoil.errors import BadConfig
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.watch import Claimant, Limits, Notice, Prover, Sources, Store

from .accounts import connect, court_of, ledger_of, payer_of
from .output import Output, command
from .watch import GWEI, hosts_of, state_file

LATER = 4
"""Exit code: begun, and to be ended later by the same command."""


@click.command("prove")
@click.argument("offence", type=click.Choice(["late", "conflict", "double-sign", "withheld"]))
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--batch",
    "batches",
    multiple=True,
    type=click.Path(path_type=Path),
    help="The file of the batch that covers the number.",
)
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of batch files.",
)
@click.option("--feed", "feeds", multiple=True, help="URL of a folder of batch files.")
@click.option(
    "--max-gas-price",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Gwei.",
)
@click.option("--at-a-loss", is_flag=True, help="Also where it earns less than it costs.")
@click.option(
    "--wait",
    default=120.0,
    show_default=True,
    type=click.FloatRange(0, 86400),
    help="Seconds to wait for blocks.",
)
@command
def cli(
    offence: Any,
    files: tuple[Path, ...],
    batches: tuple[Path, ...],
    mirrors: tuple[Path, ...],
    feeds: tuple[str, ...],
    max_gas_price: float,
    at_a_loss: bool,
    wait: float,
    out: Output,
    profile: str | None,
) -> None:
    """Prove that a promise was broken, from receipt FILES, as the profile's payer.

    One file; two for double-sign. `withheld` demands the path first: the same command, run
    again after the answer window, ends it. Exits with 4 where something is left to do.
    """  # fmt: skip
    settings = config.load_profile(profile)
    account = payer_of(settings)
    if account is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no payer: set payer in {config.config_file()}"
        )
    if len(files) != (2 if offence == "double-sign" else 1):
        raise click.UsageError("double-sign takes two files, the others one")
    chain = connect(settings)
    court, ledger = court_of(settings, chain), ledger_of(settings, chain)
    told: list[Notice] = []

    def tell(notice: Notice) -> None:
        told.append(notice)
        out.say(notice.text)

    with closing(Store(state_file(settings, chain, "prove"))) as store:
        limits = Limits(gas_price=int(max_gas_price * GWEI), at_a_loss=at_a_loss)
        prover = Prover(
            chain=chain,
            ledger=ledger,
            court=court,
            store=store,
            sources=Sources(
                settings.chain_id,
                settings.ledger,
                keep=store.folder,
                mirrors=mirrors,
                feeds=feeds,
                files=tuple(map(BatchFile.load, batches)),
                hosts=hosts_of(settings),
            ),
            claimant=Claimant(
                chain,
                court,
                store,
                account=account,
                limits=limits,
                clock=time.time,
                confirmations=settings.confirmations,
            ),
        )
        done = prover.prove(offence, [ReceiptFile.load(f) for f in files], wait=wait, tell=tell)
    if not done:
        out.say("not ended yet: run the same command again later")
    if out.json:
        out.result({"proved": done, "steps": [{"text": n.text, **n.data} for n in told]})
    raise SystemExit(0 if done else LATER)
