"""`counterfoil challenge`: a receipt of an exact program run again, and a wrong one proved."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from counterfoil import config
from counterfoil.errors import ChainError
from counterfoil.faults.challenger import Challenger
from counterfoil.faults.guard import Guard, check_file
from counterfoil.faults.looks import Limits, Look, Said
from counterfoil.faults.store import Store
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.verify import Trust, verify

from .accounts import connect, fault_court_of, payer_of
from .output import Output, command
from .replay import models_of
from .verify import completed_here
from .watch import GWEI, state_file

LATER = 4
"""Exit code: begun, and to be ended later by the same command."""

WRONG = 6
"""Exit code: the receipt is wrong, and nothing is, or can be, proved."""

SOON = 0.2
"""Seconds between two looks while transactions are on their way."""


@click.command("challenge")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--once", is_flag=True, help="Look once, do the next step, and end.")
@click.option("--interval", default=15.0, show_default=True, type=click.FloatRange(0.1, 3600))
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="The model, or a folder to look for it in.",
)
@click.option(
    "--max-gas-price",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Gwei; above it everything waits.",
)
@click.option("--at-a-loss", is_flag=True, help="Also where it earns less than it may cost.")
@command
def cli(
    path: Path,
    once: bool,
    interval: float,
    models: tuple[Path, ...],
    max_gas_price: float,
    at_a_loss: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Run FILE's exact program again; where the receipt is wrong, prove it before the fault court.

    It summons, demands, proves and collects by itself, as the profile's payer, to the end. It
    may be killed at any point and run again. Exits with 4 where something is left to do, with
    6 where the receipt is wrong and it is not proved.
    """  # fmt: skip
    settings = config.load_profile(profile)
    given = ReceiptFile.load(path)
    check_file(given)
    chain = connect(settings)
    court = fault_court_of(settings, chain)
    file, _ = completed_here(given, settings)
    verify(file, trust=Trust.of(settings), chain=chain).require_anchored()
    told: list[Said] = []

    def tell(look: Look) -> None:
        for each in look.said:
            if each not in told:
                told.append(each)
                out.say(each.text)

    def wait_for(error: ChainError) -> None:
        out.note(f"waiting: {' '.join(str(error).split())}")

    with closing(Store(state_file(settings, chain, "challenge"))) as store:
        challenger = Challenger(
            chain,
            court,
            store,
            account=payer_of(settings),
            limits=Limits(gas_price=int(max_gas_price * GWEI), at_a_loss=at_a_loss),
            clock=time.time,
            confirmations=settings.confirmations,
        )
        guard = Guard(challenger, models_of(settings, models, (), None))
        last = _to_the_end(
            lambda: guard.look(file), tell, wait_for, pause=None if once else interval
        )
        state = challenger.known(file.digest).state
    if last is None:
        out.say(f"this was ended before: {ENDS[state]}")
    code = _code(state, last)
    if out.json:
        steps = [{"event": s.kind, "text": s.text, **s.data} for s in told]
        out.result({"receipt": file.digest, "state": state, "steps": steps})
    elif code == LATER:
        out.say("not ended yet: run the same command again later")
    raise SystemExit(code)


ENDS = {
    "right": "the receipt is right",
    "won": "it was proved",
    "lost": "the case ended without a proof of yours",
    "over": "nothing can be proved any more",
}
"""How a challenge ended, by the store's word."""


def _to_the_end(
    look: Callable[[], Look | None],
    tell: Callable[[Look], None],
    wait_for: Callable[[ChainError], None],
    *,
    pause: float | None,
) -> Look | None:
    """Look until nothing is left to do; `pause` seconds between two looks, None: once."""
    last: Look | None = None
    while True:
        try:
            found = look()
        except ChainError as error:
            if pause is None:
                raise
            wait_for(error)
            time.sleep(pause)
            continue
        if found is None:
            return last
        last = found
        tell(found)
        if found.ended or pause is None or found.stopped:
            return found
        under_way = not found.said or any(said.kind == "sent" for said in found.said)
        time.sleep(SOON if under_way else pause)


def _code(state: str, last: Look | None) -> int:
    if state in ("right", "won"):
        return 0
    if state in ("lost", "over"):
        return WRONG
    return WRONG if last is not None and last.stopped else LATER
