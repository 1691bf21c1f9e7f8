"""`counterfoil up`: a local node that keeps its state, ready for run, settle and verify."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click

from counterfoil import config, keys
from counterfoil.chain import Chain, LedgerClient, deploy
from counterfoil.chain.deployment import COURT, FAULT_COURT, LOCAL_FAULT_TERMS, LOCAL_TERMS
from counterfoil.config import Profile
from counterfoil.errors import NodeFailed
from counterfoil.hashing.types import Address, Seconds
from counterfoil.journal import Journal
from counterfoil.settle import Settler, open_log

from .local_node import CHAIN_ID, POLL_SECONDS, LocalNode
from .output import Output, command

PORT = 8545
"""anvil's own."""

GAS_MONEY = 1000 * 10**18
"""Wei that operator and payer get, of anvil's test coins."""

MOST_AHEAD = 15.0
"""Seconds by which a chain may be ahead after its first blocks: more than there are of them."""

CLOSES_IN = Seconds(365 * 24 * 3600)
MAX_DELAY = Seconds(24 * 3600)
"""The local log: open for a year, promises of a day at most."""


@click.command("up")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1024, 65535))
@command
def cli(port: int, out: Output, profile: str | None) -> None:
    """A local node that keeps its state, with the contracts and an open log.

    It runs until Ctrl-C. Its state is on disk after every block. The other commands use
    it through the profile `local`, which this writes.
    """
    folder = config.data_folder() / config.LOCAL
    node = LocalNode(folder / "chain", port)
    # Until the node is served SIGTERM ends this as Ctrl-C does, and the node with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        node.start()
        node.save()  # before a journal binds itself to this genesis
        settings = _prepare(node, folder)
        out.event(
            {
                "rpc": node.url,
                "chainId": CHAIN_ID,
                "ledger": settings.ledger,
                "registry": settings.registry,
                "court": settings.court,
                "faultCourt": settings.fault_court,
                "config": str(config.config_file()),
            },
            f"chain     {CHAIN_ID} at {node.url}, state in {node.state}\n"
            f"ledger    {settings.ledger}\n"
            f"registry  {settings.registry}\n"
            f"court     {settings.court}\n"
            f"faults    {settings.fault_court}\n"
            f"profile   {settings.name}, in {config.config_file()}\n"
            "next      counterfoil run MODEL --input FILE; counterfoil settle; "
            "counterfoil verify receipt.json\n"
            "Ctrl-C ends it; what is on the chain stays.",
        )
        _serve(node)
    finally:
        node.stop()


def _prepare(node: LocalNode, folder: Path) -> Profile:
    """Accounts, contracts, profile and an open log: whatever of them is not there yet."""
    operator, payer = (_account(folder, name) for name in ("operator", "payer"))
    chain = Chain.connect(node.url, expect_chain_id=CHAIN_ID)
    for path in (operator, payer):
        address = keys.account(str(path)).address
        if chain.balance(Address(address)) < GAS_MONEY // 2:
            node.rpc("anvil_setBalance", address, hex(GAS_MONEY))
    paying = keys.account(str(payer))
    made = deploy(chain, paying, court=LOCAL_TERMS, faults=LOCAL_FAULT_TERMS)
    settings = replace(
        config.load_profile(config.LOCAL),
        rpc=node.url,
        ledger=made.contracts["ReceiptLedger"].address,
        registry=made.contracts["ModelRegistry"].address,
        operator=str(operator),
        payer=str(payer),
        court=made.contracts[COURT].address,
        fault_court=made.contracts[FAULT_COURT].address,
    )
    config.save_profile(settings)
    with closing(Journal.open(settings)) as journal:
        if LedgerClient(chain, settings.ledger).log_record(journal.signer) is None:
            operating = keys.account(str(operator))
            closes_at = Seconds(chain.now() + CLOSES_IN)
            open_log(journal, chain, operating, closes_at=closes_at, max_delay=MAX_DELAY)
        # Promises are made from now on, and what a killed node had lost is posted again.
        Settler(journal, chain, paying, settings).step()
    # Blocks that came at once put the chain ahead of this clock, before which nothing is promised.
    time.sleep(max(0.0, min(MOST_AHEAD, chain.now() - time.time())))
    node.save()
    return settings


def _account(folder: Path, name: str) -> Path:
    path = folder / f"{name}.json"
    if not path.exists():
        keys.make_keystore(folder, name)
    return path


def _serve(node: LocalNode) -> None:
    """Save each new block's state until a signal, or until the node ends by itself."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    while not stop.wait(POLL_SECONDS):
        if not node.alive():
            raise NodeFailed("the local node ended by itself: run `counterfoil up` again")
        node.save()
