"""`counterfoil standing`: what a log was caught at, and what is bonded for it."""

from __future__ import annotations

from typing import Any

import click

from counterfoil import config
from counterfoil.chain import BondsClient
from counterfoil.hashing.types import Address, Seconds

from .accounts import connect, court_of, fault_court_of, ledger_of, shown, signer_of
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
    ledger = ledger_of(settings, chain)
    courts: dict[str, BondsClient] = {}
    if settings.court is not None or settings.fault_court is None:
        courts["promise"] = court_of(settings, chain)
    if settings.fault_court is not None:
        courts["fault"] = fault_court_of(settings, chain)
    signer = signer_of(settings, log)
    time = Seconds(chain.now() if at is None else at)
    record = ledger.log_record(signer)
    lines = [f"log       {signer}"]
    if record is None:
        lines.append("operator  none: the log was never opened")
    else:
        lines.append(f"operator  {record.operator}")
        end = f"revoked {when(record.revoked_at)}" if record.revoked_at else when(record.closes_at)
        lines.append(f"ends      {end}")
    found: dict[str, dict[str, Any]] = {}
    for name, court in courts.items():
        found[name] = _data(court, signer, time)
        lines += _lines(name, found[name], time, several=len(courts) > 1)
    first = next(iter(found.values()))  # the promise court's where there is one
    more = {"faultCourt": found["fault"]} if len(found) > 1 else {}
    operator = None if record is None else record.operator
    out.result({"signer": signer, "operator": operator, "at": time, **first, **more}, lines)
    raise SystemExit(0 if all(each["clean"] for each in found.values()) else CAUGHT)


def _data(court: BondsClient, signer: Address, time: Seconds) -> dict[str, Any]:
    standing, bond = court.standing(signer), court.bond(signer)
    return {
        "clean": court.clean_at(signer, time),
        "markedAt": standing.marked_at,
        "reason": standing.reason or None,
        "count": standing.count,
        "bond": bond.amount,
        "unit": bond.unit,
        "withdrawalAskedAt": bond.asked_at,
        "staysUntil": court.withdrawable_after(signer) if bond.asked_at else None,
        "openDemands": bond.cases,
    }


def _lines(name: str, found: dict[str, Any], time: Seconds, *, several: bool) -> list[str]:
    what = {"promise": "", "fault": ", for its exact programs' runs"}[name] if several else ""
    lines = [f"standing  {'clean' if found['clean'] else 'CAUGHT'} at {when(time)}{what}"]
    if found["count"]:
        first = f"{found['reason']} at {when(found['markedAt'])}"
        lines.append(f"caught    {found['count']} times, first {first}")
    lines.append(f"bond      {shown(found['bond'])}, {shown(found['unit'])} an offence")
    if found["withdrawalAskedAt"]:
        lines.append(f"leaves    asked; stays until {when(found['staysUntil'])}")
    return lines
