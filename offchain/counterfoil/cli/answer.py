"""`counterfoil answer`: give out the path of a demanded number, and take the fee."""

from __future__ import annotations

from pathlib import Path

import click

from counterfoil import config
from counterfoil.chain import wait
from counterfoil.errors import BadConfig, NotProvable
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Digest
from counterfoil.watch import Missing, Sources

from .accounts import address, connect, court_of, ledger_of, payer_of, shown
from .output import Output, command
from .watch import hosts_of


@click.command("answer")
@click.argument("log")
@click.argument("number", type=click.IntRange(0, 2**64 - 1))
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
@command
def cli(
    log: str,
    number: int,
    batches: tuple[Path, ...],
    mirrors: tuple[Path, ...],
    feeds: tuple[str, ...],
    out: Output,
    profile: str | None,
) -> None:
    """Answer a demand for the path of NUMBER in LOG, as the profile's payer, who gets the fee.

    Anybody may who has the batch file. An operator's `counterfoil settle` does it by itself.
    """  # fmt: skip
    settings = config.load_profile(profile)
    account = payer_of(settings)
    if account is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no payer: set payer in {config.config_file()}"
        )
    signer, chain = address(log), connect(settings)
    court, ledger = court_of(settings, chain), ledger_of(settings, chain)
    demand = court.demand_of(signer, number)
    if demand.deadline == 0:
        raise NotProvable(f"no demand is open for number {number}")
    covering = (b for b in ledger.batches(signer) if b.first <= number < b.first + b.size)
    batch = next(covering, None)
    if batch is None:
        raise NotProvable(f"no batch covers number {number}")
    sources = Sources(
        settings.chain_id,
        settings.ledger,
        mirrors=mirrors,
        feeds=feeds,
        files=tuple(map(BatchFile.load, batches)),
        hosts=hosts_of(settings),
    )
    file = sources.get(batch)
    if isinstance(file, Missing):
        raise NotProvable(f"the file of the batch at {batch.first} is not to be had: {file}")
    at = 32 * (number - batch.first)
    leaf = merkle.leaf(Digest(file.digests[at : at + 32]))
    call = court.answer_call(signer, number, leaf, file.inclusion(number, batch.posted_at))
    done = wait(chain, court.send(call, account))
    out.result(
        {
            "signer": signer,
            "number": number,
            "fee": demand.fee,
            "transaction": done.digest,
            "gas": done.gas_used,
        },
        [f"answered  number {number} of {signer}", f"fee       {shown(demand.fee)}"],
    )
