"""What happens to transactions and blocks; rivals; no gas money; promises in danger."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from counterfoil.chain import Chain, LedgerClient
from counterfoil.errors import ChainError
from counterfoil.hashing.types import Seconds

from .node import MONEY
from .processes import Launcher
from .scene import Scene
from .table import Row

GWEI = 10**9
TIMES = 5
"""Times that each is injected."""


def rows(folder: Path, launcher: Launcher, chance: random.Random, kills: int) -> Iterator[Row]:
    with Scene(folder / "pool", launcher) as scene:
        yield _pool(scene, "transaction dropped from the pool", _drop)
        yield _pool(scene, "transaction stuck below the base fee", _stick)
        yield _pool(scene, "nonce taken by another program", _take_nonce)
    with Scene(folder / "reorgs", launcher, confirmations=3) as scene:
        for depth in range(1, 7):
            yield _reorg(scene, depth, chance)
    with Scene(folder / "rivals", launcher) as scene:
        yield _rivals(scene)
    with Scene(folder / "poor", launcher) as scene:
        yield _poor(scene)
    with Scene(folder / "danger", launcher, promise=Seconds(24)) as scene:
        yield _danger(scene)


def _pool(scene: Scene, fault: str, inject: Callable[[Scene], bool]) -> Row:
    """Blocks come by hand; the settler runs, the worker seals on."""
    before, done, node = scene.holder.counts(), 0, scene.node
    settler, worker = scene.settler(), scene.worker(pace=0.2)
    for _ in range(TIMES):
        node.automine(False)
        if scene.until(lambda: node.pending(scene.payer.address), 30):
            done += inject(scene)
        node.automine(True)
        node.mine(1)
        time.sleep(0.5)
    worker.kill()
    note = "" if scene.wait_final(90) else "the settler did not recover by itself"
    settler.stop()
    scene.settle()
    return scene.row(fault, done, "; ".join([*scene.holder.problems, note]).strip("; "), before)


def _drop(scene: Scene) -> bool:
    """The settler must send again by itself."""
    first = scene.node.pending(scene.payer.address)[0]
    scene.node.ask("anvil_dropTransaction", first["hash"])
    return scene.until(
        lambda: any(
            int(t["nonce"], 16) == int(first["nonce"], 16)
            for t in scene.node.pending(scene.payer.address)
        ),
        75,
    )


def _stick(scene: Scene) -> bool:
    """The base fee triples; the settler must replace it under its own nonce for more."""
    node, first = scene.node, scene.node.pending(scene.payer.address)[0]
    offered = int(first["maxFeePerGas"], 16)
    node.ask("anvil_setNextBlockBaseFeePerGas", hex(3 * offered))
    node.mine(1)
    if node.chain.transaction_receipt(bytes.fromhex(first["hash"][2:])) is not None:
        return False

    def replaced() -> bool:
        return any(
            t["nonce"] == first["nonce"] and int(t["maxFeePerGas"], 16) > offered
            for t in node.pending(scene.payer.address)
        )

    found = scene.until(replaced, 75)
    node.ask("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
    return found


def _take_nonce(scene: Scene) -> bool:
    node, first = scene.node, scene.node.pending(scene.payer.address)[0]
    for pending in node.pending(scene.payer.address):
        node.ask("anvil_dropTransaction", pending["hash"])
    other = scene.payer.sign_transaction(
        {
            "nonce": int(first["nonce"], 16), "to": scene.stranger.address, "value": 1,
            "gas": 21_000, "maxFeePerGas": 10_000 * GWEI, "maxPriorityFeePerGas": 1000 * GWEI,
            "chainId": node.chain.chain_id,
        }
    )  # fmt: skip
    with node.chain.calls():
        node.chain.web3.eth.send_raw_transaction(other.raw_transaction)
    node.mine(1)
    return node.chain.transaction_receipt(bytes(other.hash)) is not None


def _reorg(scene: Scene, depth: int, chance: random.Random) -> Row:
    """Before and, past the three confirmations, after the batch was final."""
    before, done, node = scene.holder.counts(), 0, scene.node
    settler = scene.settler()
    for _ in range(TIMES):
        worker = scene.worker(pace=0.01)
        scene.heard(chance.randint(3, 12))
        worker.kill()

        def posted() -> bool:
            with scene.journals() as journals:
                return all(
                    j.pending().count == 0
                    and all(b.state in ("posted", "final") for b in j.batches())
                    for j in journals
                )

        if not scene.until(posted, 60):
            continue
        if depth > 3:
            _finish(scene)
        else:
            node.mine(depth - 1)
        node.ask("anvil_reorg", depth, [])
        done += 1
        _finish(scene)
    settler.stop()
    scene.settle()
    return scene.row(
        f"re-org of depth {depth}, 3 confirmations", done, "; ".join(scene.holder.problems), before
    )


def _finish(scene: Scene) -> None:
    """Blocks come until everything is final."""

    def final() -> bool:
        scene.node.mine(1)
        time.sleep(0.2)
        return scene.all_final()

    scene.until(final, 60)


def _rivals(scene: Scene) -> Row:
    """Two settlers, and a stranger who posts every batch that he sees first."""
    settlers, worker = [scene.settler(interval=0.1) for _ in range(2)], scene.worker(pace=0.03)
    ledger = LedgerClient(Chain.connect(scene.node.url), scene.ledger.address)
    end, stolen = time.monotonic() + 15, 0
    while time.monotonic() < end:
        with scene.journals() as journals:
            for stored in journals[-1].unsettled_batches():
                if stored.state in ("cut", "sent"):
                    file = journals[-1].batch_file(stored.batch.first)
                    with suppress(ChainError):
                        ledger.post_batch(file, scene.stranger)
                        stolen += 1
    worker.kill()
    final = scene.wait_final(60)
    codes = [settler.stop() for settler in settlers]
    scene.settle()
    note = f"two settlers; a stranger was first {stolen} times"
    if not final or any(codes):
        note = f"the settlers did not finish, exit codes {codes}"
    events = [e.first for e in scene.ledger.batches(next(iter(scene.holder.told))[0])]
    if len(events) != len(set(events)):
        note = "a batch was posted twice"
    return scene.row("another settler racing", len(events), note)


def _poor(scene: Scene) -> Row:
    """The payer's account is emptied, and filled again after a while."""
    settler, worker, done = scene.settler(), scene.worker(pace=0.1), 0
    notes = []
    for _ in range(3):
        scene.heard(5)
        scene.node.money(scene.payer.address, 0)
        done += 1
        time.sleep(4)
        scene.node.money(scene.payer.address, MONEY)
        scene.heard(3)
    worker.kill()
    if not scene.wait_final(60):
        notes.append("the settler did not recover by itself")
    settler.stop()
    scene.settle()
    return scene.row("out of gas money, then refilled", done, "; ".join(notes))


def _danger(scene: Scene) -> Row:
    """No gas money until promises of 24 s are in danger: no more are made; then they are kept."""
    settler, worker = scene.settler(), scene.worker(pace=0.1)
    done, notes = 0, []
    for _ in range(2):
        scene.heard(5)
        scene.node.money(scene.payer.address, 0)
        before = scene.refusals("PromiseInDanger")
        if scene.until(lambda seen=before: scene.refusals("PromiseInDanger") > seen, 40):
            done += 1
        status = scene.command("status")
        if status.wait(30) != 5:
            notes.append(f"`counterfoil status` said {status.ended()}, not 5")
        scene.node.money(scene.payer.address, MONEY)
        if not scene.heard(3, 20):
            notes.append("sealing did not resume")
    worker.kill()
    if not scene.wait_final(60):
        notes.append("the settler did not recover by itself")
    settler.stop()
    if "due in" not in scene.said():
        notes.append("the settler's log did not warn")
    scene.settle()
    count = scene.refusals("PromiseInDanger")
    said = f"{count} receipts were refused; `counterfoil status` ended with 5"
    return scene.row(
        "promises of 24 s in danger: sealing stops, then resumes", done,
        "; ".join(notes) or said,
    )  # fmt: skip
