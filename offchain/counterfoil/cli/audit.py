"""`counterfoil audit`: a log's whole history, checked again."""

from __future__ import annotations

from pathlib import Path

import click

from counterfoil import config
from counterfoil.chain import CourtClient
from counterfoil.errors import CounterfoilError
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address
from counterfoil.watch import Sources
from counterfoil.watch.audit import Audit, audit

from .accounts import connect, ledger_of, signer_of
from .output import Output, command, short, when
from .watch import hosts_of

WRONG = 6
"""Exit code: something is wrong with the log."""


@click.command("audit")
@click.argument("log", required=False)
@click.option("--from-block", type=click.IntRange(0), help="Begin here, not at the opening.")
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of batch files.",
)
@click.option("--feed", "feeds", multiple=True, help="URL of a folder of batch files.")
@click.option(
    "--receipts",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Folder of receipt files, to hold promises against.",
)
@click.option("--list", "listed", is_flag=True, help="List every receipt.")
@command
def cli(
    log: str | None,
    from_block: int | None,
    mirrors: tuple[Path, ...],
    feeds: tuple[str, ...],
    folders: tuple[Path, ...],
    listed: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Check a log, by its signer's address, from the chain's events and the batch files.

    Every batch's word, no gap between batches, every file under its root, what the court
    counted. Exits with 6 where something is wrong.
    """  # fmt: skip
    settings = config.load_profile(profile)
    chain = connect(settings)
    ledger = ledger_of(settings, chain)
    signer = signer_of(settings, log)
    court = None
    if settings.court is not None:
        court = CourtClient(chain, settings.court)
        court.require(settings.ledger)
    sources = Sources(
        settings.chain_id,
        settings.ledger,
        mirrors=mirrors,
        feeds=feeds,
        hosts=hosts_of(settings),
    )
    given, refused = _given(folders, settings.chain_id, settings.ledger, signer)
    with out.progress("batches", None) as step:
        found = audit(
            chain,
            ledger,
            signer,
            sources,
            court=court,
            from_block=from_block,
            confirmations=settings.confirmations,
            given=given,
            progress=step,
        )
    for line in refused:
        out.note(line)
    _tell(out, found, listed=listed)
    raise SystemExit(WRONG if found.problems else 0)


def _given(
    folders: tuple[Path, ...], chain_id: int, ledger: Address, signer: Address
) -> tuple[list[ReceiptFile], list[str]]:
    """Receipt files of the log, and what is wrong with others."""
    files, refused = [], []
    for folder in folders:
        for path in sorted(folder.rglob("*.json")):
            try:
                file = ReceiptFile.load(path)
                who = file.receipt.signed_by(file.signature, chain_id, ledger)
                if (file.chain_id, file.ledger, who) == (chain_id, ledger, signer):
                    files.append(file)
            except CounterfoilError as error:
                refused.append(f"{path} is left out: {error}")
    return files, refused


def _tell(out: Output, found: Audit, *, listed: bool) -> None:
    record = found.record
    data = {
        "signer": found.signer,
        "operator": record.operator,
        "openedAt": record.opened_at,
        "closesAt": record.closes_at,
        "revokedAt": record.revoked_at,
        "nextSequence": record.next_sequence,
        "counts": found.counts,
        "batches": [
            {
                "first": b.posted.first,
                "size": b.posted.size,
                "postedAt": b.posted.posted_at,
                "uri": b.posted.uri,
                "file": b.file is not None,
                "problem": b.problem,
            }
            for b in found.batches
        ],
        "offences": [{"number": n, "offence": name} for n, name in found.offences],
        "openDemands": found.open_demands,
        "problems": found.problems,
    }
    if listed:
        data["receipts"] = [
            {"sequence": r.sequence, "digest": r.digest, "state": r.state, "batch": r.first}
            for r in found.receipts()
        ]
    lines = [
        f"log       {found.signer}, operator {record.operator}",
        f"opened    {when(record.opened_at)}",
        f"batches   {len(found.batches)}, {sum(b.file is not None for b in found.batches)} with "
        "their file",
        "receipts  " + (", ".join(f"{n} {s}" for s, n in sorted(found.counts.items())) or "none"),
    ]
    if listed:
        lines += [
            f"  {r.sequence:>8}  {r.state:10}  {'' if r.digest is None else short(r.digest)}"
            for r in found.receipts()
        ]
    lines += [f"WRONG     {problem}" for problem in found.problems]
    if not found.problems:
        lines.append("nothing is wrong")
    out.result(data, lines)
