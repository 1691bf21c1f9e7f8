"""What commands that speak to a court share: the chain, the court, and whose account pays."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click
from eth_account.signers.local import LocalAccount

from counterfoil import config, keys
from counterfoil.chain import BondsClient, Chain, CourtClient, FaultCourtClient, LedgerClient
from counterfoil.config import Profile
from counterfoil.errors import BadConfig, JournalMissing, NoCourt
from counterfoil.hashing.types import Address
from counterfoil.journal import Journal

COIN = 10**18
"""Wei."""


def connect(settings: Profile) -> Chain:
    """The profile's chain.

    Raises:
        BadConfig: it names no node.
    """
    if settings.rpc is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no node: set rpc in {config.config_file()}, "
            "or run `counterfoil up` for a local one"
        )
    return Chain.connect(settings.rpc, expect_chain_id=settings.chain_id)


def court_of(settings: Profile, chain: Chain) -> CourtClient:
    """The profile's court, held against its ledger.

    Raises:
        NoCourt: it names none.
    """
    if settings.court is None:
        raise NoCourt(
            f"the profile {settings.name!r} names no court: set court in {config.config_file()}"
        )
    court = CourtClient(chain, settings.court)
    court.require(settings.ledger)
    return court


def fault_court_of(settings: Profile, chain: Chain) -> FaultCourtClient:
    """The profile's fault court, held against its ledger.

    Raises:
        NoCourt: it names none.
    """
    if settings.fault_court is None:
        raise NoCourt(
            f"the profile {settings.name!r} names no fault court: set fault_court in "
            f"{config.config_file()}"
        )
    court = FaultCourtClient(chain, settings.fault_court)
    court.require(settings.ledger)
    return court


COURTS = ("promise", "fault")
"""What `--court` takes."""


def bonds_of(settings: Profile, chain: Chain, which: str) -> BondsClient:
    """One of the profile's courts, by a word of `COURTS`.

    Raises:
        NoCourt: it names none.
    """
    return (fault_court_of if which == "fault" else court_of)(settings, chain)


def operator_of(settings: Profile) -> LocalAccount:
    """The operator's account.

    Raises:
        BadConfig: the profile names none.
    """
    if settings.operator is None:
        raise BadConfig(
            f"the profile {settings.name!r} names no operator: set operator in "
            f"{config.config_file()}"
        )
    return keys.account(settings.operator)


def payer_of(settings: Profile) -> LocalAccount | None:
    """The payer's account, None where the profile names none."""
    return None if settings.payer is None else keys.account(settings.payer)


def signer_of(settings: Profile, given: str | None) -> Address:
    """A log's key: as given, or the one of the profile's journal.

    Raises:
        JournalMissing: none was given, and there is no journal.
    """
    if given is not None:
        return address(given)
    try:
        with Journal.open(settings, create=False) as journal:
            return journal.signer
    except JournalMissing as error:
        raise JournalMissing(f"{error}; or name the log by its signer's address") from error


def ledger_of(settings: Profile, chain: Chain) -> LedgerClient:
    """The profile's ledger, held against the chain."""
    ledger = LedgerClient(chain, settings.ledger)
    ledger.require()
    return ledger


def address(text: str) -> Address:
    """An address from the command line."""
    try:
        return config.address(text)
    except ValueError as error:
        raise click.UsageError(f"an address {error}") from error


def coins(text: str) -> int:
    """Wei of an amount in the chain's currency, such as `0.5`; `wei` at its end takes wei."""
    try:
        if text.endswith("wei"):
            return int(text.removesuffix("wei"))
        wei = Decimal(text) * COIN
        if not wei.is_finite() or wei < 0 or wei != wei.to_integral_value():
            raise ValueError
        return int(wei)
    except (InvalidOperation, ValueError) as error:
        raise click.UsageError(
            f"{text!r} is no amount: write 0.5 for half a coin, or 1000wei"
        ) from error


def shown(wei: int) -> str:
    """An amount for people."""
    return f"{Decimal(wei) / COIN:f}"
