"""`counterfoil log`: open, close or revoke the journal's log."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
from eth_account.signers.local import LocalAccount

from counterfoil import config, keys
from counterfoil.chain import Chain, LogRecord, Mined
from counterfoil.config import Profile
from counterfoil.errors import BadConfig, CounterfoilError
from counterfoil.formats import strict_json
from counterfoil.formats.fields import hex_out
from counterfoil.hashing.types import Address, Seconds
from counterfoil.journal import Journal
from counterfoil.settle import Settler, close_log, open_log, revoke_log

from .output import Output, command, when
from .run import seconds

_YEAR = "365d"
_DAY = "1d"

CLOSE_WAIT = 120.0
REVOKE_WAIT = 15.0
"""Seconds in which is settled first what can be; a stolen key is not left at work for long."""


@click.group("log")
def cli() -> None:
    """Open, close or revoke a log."""


@cli.command("open")
@click.option("--closes-in", default=_YEAR, show_default=True, help="How long the log is open.")
@click.option("--max-delay", default=_DAY, show_default=True, help="The longest promise.")
@click.option(
    "--sign-only",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Send nothing: write the key's signature for the operator at --operator to this file.",
)
@click.option("--operator", "operator_address", help="Who will open the log, with --sign-only.")
@command
def open_(
    closes_in: str,
    max_delay: str,
    sign_only: Path | None,
    operator_address: str | None,
    out: Output,
    profile: str | None,
) -> None:
    """Open the log of this journal's key, as the profile's operator."""
    settings = config.load_profile(profile)
    span, delay = seconds(closes_in), Seconds(seconds(max_delay))
    with closing(Journal.open(settings)) as journal:
        if sign_only is not None:
            _sign_only(journal, settings, operator_address, span, delay, sign_only, out)
            return
        operator, chain = _operator(settings), _chain(settings)
        closes_at = Seconds(chain.now() + span)
        done = open_log(journal, chain, operator, closes_at=closes_at, max_delay=delay)
        _tell(out, journal, done, f"open until {when(done[0].closes_at)}")


@cli.command("close")
@command
def close(out: Output, profile: str | None) -> None:
    """Close the log early, after the notice that its promises need."""
    settings = config.load_profile(profile)
    with closing(Journal.open(settings, create=False)) as journal:
        chain, operator = _chain(settings), _operator(settings)
        _settle_first(journal, settings, chain, CLOSE_WAIT, out)
        done = close_log(journal, chain, operator)
        _tell(out, journal, done, f"closes {when(done[0].closes_at)}; settle what is sealed")


@cli.command("revoke")
@click.option("--yes", is_flag=True, help="The key is stolen: it signs nothing from now on.")
@command
def revoke(yes: bool, out: Output, profile: str | None) -> None:
    """Revoke a stolen key, at once and for ever."""
    if not yes:
        raise click.UsageError("a revoked log is never open again: say --yes")
    settings = config.load_profile(profile)
    with closing(Journal.open(settings, create=False)) as journal:
        chain, operator = _chain(settings), _operator(settings)
        _settle_first(journal, settings, chain, REVOKE_WAIT, out)
        done = revoke_log(journal, chain, operator)
        _tell(out, journal, done, "revoked; `counterfoil settle` posts as the operator now")


def _settle_first(
    journal: Journal, settings: Profile, chain: Chain, wait: float, out: Output
) -> None:
    """Settle what can be settled in `wait` seconds; the rest is said, and holds nothing up."""
    if journal.next_sequence() == 0:
        return
    payer = None if settings.payer is None else keys.account(settings.payer)
    settler = Settler(journal, chain, payer, replace(settings, confirmations=1))
    try:
        done = settler.drain(timeout=wait)
        waiting = done.waiting
    except CounterfoilError as error:
        waiting = journal.pending().count
        waiting += sum(b.batch.size for b in journal.unsettled_batches())
        out.note(f"not everything is settled first: {error}")
    if waiting:
        out.note(f"{waiting} receipts are not settled yet: run `counterfoil settle`")


def _operator(settings: Profile) -> LocalAccount:
    if settings.operator is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no operator: set operator in "
            f"{config.config_file()}, or use --sign-only and open the log elsewhere"
        )
    return keys.account(settings.operator)


def _chain(settings: Profile) -> Chain:
    if settings.rpc is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no node: set rpc in {config.config_file()}"
        )
    return Chain.connect(settings.rpc, expect_chain_id=settings.chain_id)


def _sign_only(
    journal: Journal,
    settings: Profile,
    operator: str | None,
    span: int,
    delay: Seconds,
    path: Path,
    out: Output,
) -> None:
    if operator is None:
        raise click.UsageError("--sign-only needs --operator ADDRESS: who will open the log")
    try:
        who: Address = config.address(operator)
    except ValueError as error:
        raise click.UsageError(f"--operator {error}") from error
    closes_at = Seconds(int(time.time()) + span)
    opening, signature = journal.sign_log_opening(who, closes_at, delay)
    data = {
        "chainId": settings.chain_id,
        "ledger": settings.ledger,
        "operator": opening.operator,
        "signer": opening.signer,
        "closesAt": opening.closes_at,
        "maxDelay": opening.max_delay,
        "signature": hex_out(signature),
    }
    path.write_bytes(strict_json.dump(data))
    out.result(
        data, f"written   {path}: ape run open_log --opening {path}, as operator {opening.operator}"
    )


def _tell(out: Output, journal: Journal, done: tuple[LogRecord, Mined], what: str) -> None:
    record, found = done
    out.result(
        {
            "signer": journal.signer,
            "operator": record.operator,
            "closesAt": record.closes_at,
            "revokedAt": record.revoked_at,
            "maxDelay": record.max_delay,
            "transaction": found.digest,
            "gas": found.gas_used,
        },
        [f"log       {journal.signer}", f"is        {what}", f"gas       {found.gas_used:,}"],
    )
