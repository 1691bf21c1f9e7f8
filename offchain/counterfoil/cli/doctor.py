"""`counterfoil doctor`: what is wrong with this set-up, and what to do."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import click

from counterfoil import config, keys
from counterfoil.chain import Chain, CourtClient, FaultCourtClient, LedgerClient, RegistryClient
from counterfoil.chain.bonds import BondsClient
from counterfoil.config import LOCAL, Profile
from counterfoil.errors import AnvilMissing, CounterfoilError, JournalMissing, NoContract
from counterfoil.formats.receipt import CLOCK_TOLERANCE
from counterfoil.hashing.types import Address
from counterfoil.journal import Journal

from .local_node import find_anvil
from .output import Output, command, when

GAS_PER_BATCH = 60_000
"""The most that one batch costs: the ledger's guarded figure."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        level: `ok`, `note` (works, but worth knowing) or `bad` (does not work).
        text: what was found and, unless ok, what to do.
    """

    level: str
    what: str
    text: str


@click.command("doctor")
@command
def cli(out: Output, profile: str | None) -> None:
    """What is wrong with this set-up, and what to do. Changes nothing."""
    findings = list(_findings(profile))
    bad = [f for f in findings if f.level == "bad"]
    if out.json:
        out.result(
            {"findings": [{"level": f.level, "what": f.what, "text": f.text} for f in findings]}
        )
    for f in findings:
        out.say(f"{f.level:5} {f.what:9} {f.text}")
    out.say("nothing is wrong" if not bad else f"{len(bad)} to mend")
    raise SystemExit(1 if bad else 0)


def _findings(name: str | None) -> Iterator[Finding]:
    version = sys.version_info[:2]
    yield Finding(
        "ok" if version in ((3, 11), (3, 12)) else "note",
        "python",
        f"{platform.python_version()}, {platform.machine()}",
    )
    try:
        settings = config.load_profile(name)
    except CounterfoilError as error:
        yield Finding("bad", "profile", str(error))
        return
    yield Finding("ok", "profile", f"{settings.name}, from {config.config_file()}")
    yield from _accounts(settings)
    yield from _journal(settings)
    if settings.rpc is None:
        yield _no_node(settings)
        return
    yield from _chain(settings)


def _no_node(settings: Profile) -> Finding:
    if settings.name != LOCAL:
        return Finding("bad", "node", f"no rpc: set it in {config.config_file()}")
    try:
        find_anvil()
    except AnvilMissing as error:
        return Finding("note", "node", f"none: receipts are sealed but not settled. {error}")
    return Finding("note", "node", "none: receipts are sealed but not settled. `counterfoil up`")


def _accounts(settings: Profile) -> Iterator[Finding]:
    for role in ("operator", "payer"):
        spec: str | None = getattr(settings, role)
        if spec is None:
            what = "opens the log" if role == "operator" else "pays gas"
            yield Finding("note", role, f"none on this machine: it {what}, here or elsewhere")
            continue
        yield _checked(role, lambda spec=spec: keys.account(spec).address)  # type: ignore[misc]


def _checked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, look())
    except CounterfoilError as error:
        return Finding("bad", what, " ".join(str(error).split()))


def _journal(settings: Profile) -> Iterator[Finding]:
    try:
        with closing(Journal.open(settings, create=False)) as journal:
            journal.unlock()
            refusal = journal.refusal()
            yield Finding("ok", "journal", f"{journal.next_sequence()} receipts")
            yield Finding("ok", "key", journal.signer)
            if refusal is not None:
                yield Finding("bad", "sealing", str(refusal))
    except JournalMissing:
        yield Finding("ok", "journal", "none yet: the first receipt makes it")
    except CounterfoilError as error:
        yield Finding("bad", "journal", " ".join(str(error).split()))


def _chain(settings: Profile) -> Iterator[Finding]:
    try:
        chain = Chain.connect(settings.rpc or "", expect_chain_id=settings.chain_id)
        ledger = LedgerClient(chain, settings.ledger)
        head = chain.latest()
        yield Finding("ok", "node", f"{chain.host}, block {head.number}")
        away = abs(head.time - time.time())
        # An idle local node makes no blocks, so its last one may be old.
        if settings.name != LOCAL and away > CLOCK_TOLERANCE:
            yield Finding(
                "bad",
                "clock",
                f"the chain's last block is of {when(head.time)}, {away:.0f} s from this "
                "clock: correct the clock, or use a node that is in sync",
            )
        else:
            yield Finding("ok", "clock", when(int(time.time())))
        ledger.require()
        yield Finding("ok", "ledger", settings.ledger)
        if settings.registry is not None:
            RegistryClient(chain, settings.registry).contract.require_code()
            yield Finding("ok", "registry", settings.registry)
        yield from _courts(settings, chain)
        yield from _log(settings, ledger)
        yield from _money(settings, chain)
    except CounterfoilError as error:
        yield Finding("bad", "chain", " ".join(str(error).split()))


def _courts(settings: Profile, chain: Chain) -> Iterator[Finding]:
    courts: list[tuple[str, BondsClient]] = []
    if settings.court is not None:
        courts.append(("court", CourtClient(chain, settings.court)))
    if settings.fault_court is not None:
        courts.append(("faults", FaultCourtClient(chain, settings.fault_court)))
    for what, court in courts:
        try:
            court.require(settings.ledger)
        except NoContract as error:
            yield Finding("bad", what, str(error))
        else:
            yield Finding("ok", what, court.address)


def _log(settings: Profile, ledger: LedgerClient) -> Iterator[Finding]:
    try:
        with closing(Journal.open(settings, create=False)) as journal:
            signer = journal.signer
    except CounterfoilError:
        return  # said above
    record = ledger.log_record(signer)
    if record is None:
        yield Finding("bad", "log", "not open, so nothing settles: `counterfoil log open`")
    elif record.revoked_at:
        yield Finding("bad", "log", f"revoked {when(record.revoked_at)}: `counterfoil key rotate`")
    elif record.closes_at < ledger.chain.now():
        yield Finding("bad", "log", f"closed {when(record.closes_at)}: `counterfoil key rotate`")
    else:
        yield Finding("ok", "log", f"open until {when(record.closes_at)}")


def _money(settings: Profile, chain: Chain) -> Iterator[Finding]:
    if settings.payer is None:
        return
    try:
        payer = Address(keys.account(settings.payer).address)
    except CounterfoilError:
        return  # said above
    price = int(chain.web3.eth.gas_price)
    balance = chain.balance(payer)
    batches = balance // max(1, price * GAS_PER_BATCH)
    level = "ok" if batches >= 100 else "bad" if batches == 0 else "note"
    more = "" if level == "ok" else f": send more to {payer}"
    yield Finding(level, "gas", f"the payer's money is enough for {batches:,} batches{more}")
