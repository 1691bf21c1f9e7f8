"""`counterfoil assert`: a receipt's trace given unasked, with a bond, so that it becomes final."""

from __future__ import annotations

from pathlib import Path

import click

from counterfoil import config
from counterfoil.chain import wait
from counterfoil.errors import BadConfig, JournalMissing, NotReplayable
from counterfoil.faults.guard import run_again
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.journal import Journal

from .accounts import coins, connect, fault_court_of, payer_of, shown
from .output import Output, command, when
from .replay import models_of
from .verify import completed_here


@click.command("assert")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--bond", help="In the chain's currency; by default 20 rewards, the least.")
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="The model, or a folder to look for it in.",
)
@command
def cli(
    path: Path, bond: str | None, models: tuple[Path, ...], out: Output, profile: str | None
) -> None:
    """Give FILE's trace unasked, with a bond of its own, as the profile's payer.

    For a receipt of an exact program of this machine's journal, settled. It makes the tensors'
    salts public. When nobody proves a fault in time the receipt is final for every contract,
    and `counterfoil settle` brings the bond back.
    """
    settings = config.load_profile(profile)
    payer = payer_of(settings)
    if payer is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no payer: set payer in {config.config_file()}"
        )
    chain = connect(settings)
    court = fault_court_of(settings, chain)
    file, _ = completed_here(ReceiptFile.load(path), settings)
    run = run_again(file, models_of(settings, models, (), None))
    if run.trace is None or run.claim is not None:
        raise NotReplayable("the receipt is wrong: its program gives something else")
    root = run.trace.tree.root
    stake = 20 * court.reward_cap() if bond is None else coins(bond)
    signature = None
    for journal in Journal.open_all(settings):
        with journal:
            if journal.signer == file.receipt.signer:
                signature = journal.sign_trace(file.digest, root, court.address)
    if signature is None:
        raise JournalMissing("this machine has no journal of the receipt's log: only it can sign")
    call = court.assert_call(run.summons(file), root, signature, stake)
    done = wait(chain, court.send(call, payer))
    case = court.case_of(file.digest)
    out.result(
        {
            "receipt": file.digest,
            "trace": root,
            "bond": stake,
            "finalAfter": case.closes_at,
            "transaction": done.digest,
            "gas": done.gas_used,
        },
        [
            f"asserted  receipt {file.receipt.sequence} of log {file.receipt.signer}",
            f"bond      {shown(stake)}",
            f"final     after {when(case.closes_at)}, if nobody proves a fault",
        ],
    )
