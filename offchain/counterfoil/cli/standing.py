"""`counterfoil standing`: what a log was caught at, and what is bonded for it."""

from __future__ import annotations

import click

from counterfoil import config
from counterfoil.hashing.types import Seconds

from .accounts import connect, court_of, ledger_of, shown, signer_of
from .output import Output, command, when

CAUGHT = 6
"""Exit code: the log was caught by then."""


@click.command("standing")
@click.argument("log", required=False)
@click.option("--at", type=click.IntRange(0, 2**63 - 1), help="Unix seconds; by default now.")
@command
def cli(log: str | None, at: int | None, out: Output, profile: str | None) -> None:
    """The standing of a log, by its signer's address, as of a time.

    Of a receipt ask at its postedAt. Exits with 6 where the log was caught by then.
    """
    settings = config.load_profile(profile)
    chain = connect(settings)
    court, ledger = court_of(settings, chain), ledger_of(settings, chain)
    signer = signer_of(settings, log)
    time = Seconds(chain.now() if at is None else at)
    record = ledger.log_record(signer)
    standing, bond = court.standing(signer), court.bond(signer)
    clean = court.clean_at(signer, time)
    lines = [f"log       {signer}"]
    if record is None:
        lines.append("operator  none: the log was never opened")
    else:
        lines.append(f"operator  {record.operator}")
        end = f"revoked {when(record.revoked_at)}" if record.revoked_at else when(record.closes_at)
        lines.append(f"ends      {end}")
    lines.append(f"standing  {'clean' if clean else 'CAUGHT'} at {when(time)}")
    if standing.count:
        first = f"{standing.reason} at {when(standing.marked_at)}"
        lines.append(f"caught    {standing.count} times, first {first}")
    lines.append(f"bond      {shown(bond.amount)}, {shown(bond.unit)} an offence")
    if bond.asked_at:
        lines.append(f"leaves    asked; stays until {when(court.withdrawable_after(signer))}")
    out.result(
        {
            "signer": signer,
            "operator": None if record is None else record.operator,
            "at": time,
            "clean": clean,
            "markedAt": standing.marked_at,
            "reason": standing.reason or None,
            "count": standing.count,
            "bond": bond.amount,
            "unit": bond.unit,
            "withdrawalAskedAt": bond.asked_at,
            "openDemands": bond.cases,
        },
        lines,
    )
    raise SystemExit(0 if clean else CAUGHT)
