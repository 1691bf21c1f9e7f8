"""`counterfoil withdraw`: ask for a log's bond, and take it when its time has come."""

from __future__ import annotations

import click

from counterfoil import config
from counterfoil.chain import wait

from .accounts import COURTS, bonds_of, connect, operator_of, shown, signer_of
from .output import Output, command, when

TOO_EARLY = 4
"""Exit code: the bond stays for now."""


@click.command("withdraw")
@click.option("--ask", is_flag=True, help="Ask now; the bond can be taken later.")
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
def cli(ask: bool, signer: str | None, which: str, out: Output, profile: str | None) -> None:
    """Take back what is left of the log's bond, as the profile's operator.

    First ask; then, when every promise of the log can no longer be claimed and no demand is
    open, withdraw. Exits with 4 where it is too early.
    """
    settings = config.load_profile(profile)
    account, chain = operator_of(settings), connect(settings)
    court, log = bonds_of(settings, chain, which), signer_of(settings, signer)
    bond, now = court.bond(log), chain.next_time()
    after = court.withdrawable_after(log)
    ready = bond.asked_at != 0 and bond.cases == 0 and now > after
    if not ask and not ready:
        why = (
            "ask first, with --ask"
            if not bond.asked_at
            else f"{bond.cases} cases are open"
            if bond.cases
            else f"it stays until {when(after)}"
        )
        out.result(
            {"signer": log, "amount": bond.amount, "withdrawableAfter": after, "why": why},
            f"log {log}: the bond of {shown(bond.amount)} is not taken: {why}",
        )
        raise SystemExit(TOO_EARLY)
    call = court.ask_withdrawal_call(log) if ask else court.withdraw_call(log)
    done = wait(chain, court.send(call, account))
    after = court.withdrawable_after(log)
    text = (
        f"asked: it can be taken after {when(after)}"
        if ask
        else f"taken: {shown(bond.amount)} to {account.address}"
    )
    out.result(
        {
            "signer": log,
            "asked": ask,
            "amount": bond.amount,
            "withdrawableAfter": after,
            "transaction": done.digest,
        },
        [f"log       {log}", f"bond      {text}"],
    )
