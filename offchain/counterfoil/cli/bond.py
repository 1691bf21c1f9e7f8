"""`counterfoil bond`: make a log's bond, or add to it."""

from __future__ import annotations

import click

from counterfoil import config
from counterfoil.chain import wait

from .accounts import COURTS, bonds_of, coins, connect, operator_of, shown, signer_of
from .output import Output, command


@click.command("bond")
@click.argument("amount")
@click.option("--unit", help="What one offence takes, fixed for ever; by default the amount.")
@click.option("--log", "signer", help="The log's signer; by default the profile's journal's.")
@click.option(
    "--court",
    "which",
    type=click.Choice(COURTS),
    default=COURTS[0],
    show_default=True,
    help="Whose bond: of promises, or of exact programs' runs.",
)
@command
def cli(
    amount: str, unit: str | None, signer: str | None, which: str, out: Output, profile: str | None
) -> None:
    """Bond AMOUNT of the chain's currency for the log, as the profile's operator.

    The first bond fixes the unit. A later one adds, and delays no withdrawal.
    """
    settings = config.load_profile(profile)
    account, chain = operator_of(settings), connect(settings)
    court, log = bonds_of(settings, chain, which), signer_of(settings, signer)
    wei = coins(amount)
    before = court.bond(log)
    if before.unit and unit is not None and coins(unit) != before.unit:
        raise click.UsageError(f"the unit is {shown(before.unit)} for ever: leave out --unit")
    if before.unit:
        call = court.add_bond_call(log, wei)
    else:
        call = court.make_bond_call(log, wei if unit is None else coins(unit), wei)
    done = wait(chain, court.send(call, account))
    bond = court.bond(log)
    out.result(
        {
            "signer": log,
            "court": court.address,
            "amount": bond.amount,
            "unit": bond.unit,
            "transaction": done.digest,
            "gas": done.gas_used,
        },
        [
            f"log       {log}",
            f"bond      {shown(bond.amount)}, {shown(bond.unit)} an offence",
            f"gas       {done.gas_used:,}",
        ],
    )
