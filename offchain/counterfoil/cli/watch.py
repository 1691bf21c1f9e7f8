"""`counterfoil watch`: the watchtower of a holder, or of anybody on a holder's behalf."""

from __future__ import annotations

import logging
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click
from eth_account.signers.local import LocalAccount

from counterfoil import config
from counterfoil.chain import Chain, RegistryClient
from counterfoil.config import LOCAL, Profile
from counterfoil.faults.challenger import Challenger
from counterfoil.faults.guard import Guard
from counterfoil.faults.looks import Limits as RunLimits
from counterfoil.faults.store import Store as ChallengeStore
from counterfoil.hashing.types import Address
from counterfoil.publish import Hosts
from counterfoil.replay import Models
from counterfoil.watch import Limits, Report, Sources, Store, Tower

from .accounts import address, connect, fault_court_of, payer_of
from .output import Output, command

IN_DANGER = 5
"""Exit code: a promise is near its end, or broken, or another offence is seen."""

UNPUBLISHED = 6
"""Exit code: the file of a batch is not to be had."""

GWEI = 10**9


def state_file(settings: Profile, chain: Chain, name: str = "watch") -> Path:
    """The watchtower's database for a profile and the chain that it meets."""
    folder = config.data_folder().absolute() / settings.name / name
    return folder / f"{chain.chain_id}-{chain.genesis.hex()[:16]}-{settings.ledger[2:10]}.db"


def hosts_of(settings: Profile) -> Hosts:
    """What batch files may be fetched from: this machine under the local profile alone."""
    return Hosts(loopback=settings.name == LOCAL)


@click.command("watch")
@click.argument("folders", type=click.Path(path_type=Path, exists=True), nargs=-1)
@click.option("--feed", "feeds", multiple=True, help="URL of a folder of batch files.")
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder of batch files.",
)
@click.option("--log", "logs", multiple=True, help="Follow this signer's log too.")
@click.option("--once", is_flag=True, help="Look once, and end.")
@click.option("--interval", default=15.0, show_default=True, type=click.FloatRange(0.1, 3600))
@click.option(
    "--max-gas-price",
    default=100.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Gwei; above it proofs wait.",
)
@click.option("--at-a-loss", is_flag=True, help="Send proofs that earn less than they cost.")
@click.option("--no-demand", is_flag=True, help="Never pay for a path.")
@click.option("--only-warn", is_flag=True, help="Send nothing at all.")
@command
def cli(
    folders: tuple[Path, ...],
    feeds: tuple[str, ...],
    mirrors: tuple[Path, ...],
    logs: tuple[str, ...],
    once: bool,
    interval: float,
    max_gas_price: float,
    at_a_loss: bool,
    no_demand: bool,
    only_warn: bool,
    out: Output,
    profile: str | None,
) -> None:
    """Watch the receipts in FOLDERS: complete them, warn, and prove broken promises.

    Settled receipts of exact programs are run again, once, and wrong ones challenged, where the
    profile names a fault court. A feed whose last part is a signer's address follows that log.
    Proofs are paid by the profile's payer, who earns what they earn. It may be killed at any
    point and run again.

    Exits with 5 where a promise is in danger or broken, with 6 where a batch's file is missing.
    """  # fmt: skip
    settings = config.load_profile(profile)
    bases, followed = _feeds(feeds)
    followed |= {address(each) for each in logs}
    if not folders and not followed:
        raise click.UsageError("name folders of receipt files, a log, or a feed of one")
    chain, payer = connect(settings), payer_of(settings)
    limits = Limits(gas_price=int(max_gas_price * GWEI), at_a_loss=at_a_loss, demand=not no_demand)
    with ExitStack() as stack:
        store = Store(state_file(settings, chain))
        stack.callback(store.close)
        sources = Sources(
            settings.chain_id,
            settings.ledger,
            keep=store.folder,
            mirrors=mirrors,
            feeds=bases,
            hosts=hosts_of(settings),
        )
        tower = Tower(
            chain,
            settings.ledger,
            store,
            sources,
            court=settings.court,
            folders=folders,
            logs=followed,
            account=None if only_warn else payer,
            limits=limits,
            confirmations=settings.confirmations,
            guard=_guard(settings, chain, limits, None if only_warn else payer, stack),
        )
        if settings.court is None:
            out.note("the profile names no court: promises are watched, and nothing is proved")
        code = _tell(out, tower.step(), summary=True) if once else _watch(tower, interval, out)
    raise SystemExit(code)


def _guard(
    settings: Profile, chain: Chain, limits: Limits, payer: LocalAccount | None, stack: ExitStack
) -> Guard | None:
    """What challenges wrong runs of exact programs, None: the profile names no fault court."""
    if settings.fault_court is None:
        return None
    store = ChallengeStore(state_file(settings, chain, "challenge"))
    stack.callback(store.close)
    challenger = Challenger(
        chain,
        fault_court_of(settings, chain),
        store,
        account=payer,
        limits=RunLimits(gas_price=limits.gas_price, at_a_loss=limits.at_a_loss),
        clock=time.time,
        confirmations=settings.confirmations,
    )
    registry = None if settings.registry is None else RegistryClient(chain, settings.registry)
    models = Models(registry=registry, publishers=settings.publishers, hosts=hosts_of(settings))
    return Guard(challenger, models)


def _feeds(feeds: tuple[str, ...]) -> tuple[tuple[str, ...], set[Address]]:
    """Base URLs of feeds, and the logs that they name."""
    bases, logs = [], set()
    for feed in feeds:
        rest, _, last = feed.rstrip("/").rpartition("/")
        if not urlsplit(feed).hostname:
            raise click.UsageError(f"--feed takes an http or https URL, not {feed!r}")
        if last.startswith("0x") and len(last) == 42:
            logs.add(address(last))
            bases.append(rest)
        else:
            bases.append(feed)
    return tuple(dict.fromkeys(bases)), logs


def _code(report: Report) -> int:
    if report.near or report.broken:
        return IN_DANGER
    return UNPUBLISHED if report.missing else 0


def _tell(out: Output, report: Report, *, summary: bool) -> int:
    for notice in report.notices:
        out.event(
            {
                "event": notice.kind,
                "level": notice.level,
                "signer": notice.signer,
                "number": notice.number,
                "text": notice.text,
                **notice.data,
            },
            f"{notice.level:8}  {notice.kind:12}  {notice.text}",
        )
    if summary:
        out.event(
            {
                "event": "looked",
                "logs": report.logs,
                "receipts": report.receipts,
                "settled": report.settled,
                "near": report.near,
                "broken": report.broken,
                "missing": report.missing,
                "openClaims": report.open_claims,
            },
            f"{report.receipts} receipts of {report.logs} logs: {report.settled} settled, "
            f"{report.near} in danger, {report.broken} broken, "
            f"{report.missing} batch files missing",
        )
    return _code(report)


def _watch(tower: Tower, interval: float, out: Output) -> int:
    stop = threading.Event()
    last: list[Report] = []

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def tell(report: Report) -> None:
        counts = _counts(report)
        _tell(out, report, summary=not last or _counts(last[0]) != counts)
        last[:] = [report]

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    out.note("watching; Ctrl-C ends it")
    tower.run(stop, interval, on_step=tell)
    return _code(last[0]) if last else 0


def _counts(report: Report) -> tuple[int, ...]:
    return (report.logs, report.receipts, report.settled, report.near, report.broken,
            report.missing, report.open_claims)  # fmt: skip
