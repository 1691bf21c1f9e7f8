"""A log with a court, a bond, a folder of published batches, and whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from counterfoil import chain as chains
from counterfoil.chain import Call, CourtClient
from counterfoil.formats.batch import Batch, batch_tree
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.signature import sign
from counterfoil.hashing.types import Address, Seconds
from counterfoil.journal import Sealed
from counterfoil.watch import Limits, Report, Sources, Store, Tower
from deployed import ANSWER_WINDOW, CAP, CLAIM_WINDOW, TERMS, UNIT
from eth_account.signers.local import LocalAccount
from world import GRACE, World

__all__ = ["ANSWER_WINDOW", "CAP", "CLAIM_WINDOW", "GRACE", "UNIT", "Watched", "watched"]


@dataclass(slots=True, kw_only=True)
class Watched:
    """What a tower watches; `log` is the operator's side."""

    log: World
    court: CourtClient
    watcher: LocalAccount
    folder: Path
    published: Path
    state: Path
    clock: Callable[[], float] | None = None

    def bond(self, units: int = 2) -> None:
        """Make the log's bond."""
        self.send(
            self.court.make_bond_call(self.log.journal.signer, UNIT, units * UNIT),
            self.log.operator,
        )

    def send(self, call: Call, account: LocalAccount) -> None:
        chains.wait(self.log.chain, self.court.send(call, account))

    def hand_out(self, sealed: list[Sealed], folder: Path | None = None) -> None:
        """Receipt files to their holder."""
        for each in sealed:
            number = each.receipt.sequence
            file = self.log.journal.receipt_file(number, openings=False)
            self.write(replace(file, inclusion=None), f"{number:04}.json", folder)

    def write(self, file: ReceiptFile, name: str, folder: Path | None = None) -> Path:
        target = (folder or self.folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.dump())
        return target

    def forge(self, receipt: Receipt) -> ReceiptFile:
        """A receipt that the log's key signs outside its journal, as a faulty operator does."""
        digest = receipt.digest(self.log.chain.chain_id, self.log.ledger.address)
        return ReceiptFile(
            chain_id=self.log.chain.chain_id,
            ledger=self.log.ledger.address,
            receipt=receipt,
            signature=sign(digest, self.raw_key()),
        )

    def post(self, receipts: list[Receipt], uri: str = "") -> BatchFile:
        """A batch of any receipts, posted past the journal, as a faulty operator does."""
        chain_id, ledger = self.log.chain.chain_id, self.log.ledger.address
        digests = b"".join(r.digest(chain_id, ledger) for r in receipts)
        batch = Batch(
            signer=receipts[0].signer,
            first=receipts[0].sequence,
            size=len(receipts),
            root=batch_tree(digests).root,
            uri=uri,
        )
        file = BatchFile(
            chain_id=chain_id,
            ledger=ledger,
            batch=batch,
            signature=sign(batch.digest(chain_id, ledger), self.raw_key()),
            digests=digests,
        )
        chains.wait(self.log.chain, self.log.ledger.post_batch(file, self.log.payer))
        return file

    def raw_key(self):
        return self.log.journal._key()._key

    def tower(self, **changes: object) -> WatchedTower:
        """A tower as another process would have it."""
        return WatchedTower(self, {"account": self.watcher, **changes})

    def nonce(self, account: LocalAccount | None = None) -> int:
        """Transactions that an account has in blocks."""
        return chains.mined_nonce(self.log.chain, Address((account or self.watcher).address))

    def due(self, receipt: Receipt) -> int:
        return self.court.due(receipt)

    def pass_time(self, to: int) -> None:
        """A block at a time."""
        chains.travel(self.log.chain, Seconds(to))


class WatchedTower:
    """`with` it is open, as one process at a time may have it."""

    def __init__(self, watched: Watched, changes: dict) -> None:
        self._watched = watched
        self._changes = changes

    def __enter__(self) -> Tower:
        watched, changes = self._watched, dict(self._changes)
        self._store = Store(watched.state)
        sources = Sources(
            watched.log.chain.chain_id,
            watched.log.ledger.address,
            keep=self._store.folder,
            mirrors=changes.pop("mirrors", (watched.published,)),
            **{k: changes.pop(k) for k in ("feeds", "hosts") if k in changes},
        )
        return Tower(
            watched.log.chain,
            watched.log.ledger.address,
            self._store,
            sources,
            **{
                "court": watched.court.address,
                "folders": [watched.folder],
                "limits": Limits(gas_price=10**12),
                "clock": watched.clock or watched.log.chain.next_time,
                **changes,
            },
        )

    def __exit__(self, *_: object) -> None:
        self._store.close()


def kinds(report: Report) -> list[str]:
    return [notice.kind for notice in report.notices]


def watched(log: World, watcher: LocalAccount, folder: Path) -> Watched:
    """A court for the world's ledger, and a profile that publishes."""
    made = chains.deploy(log.chain, log.payer, grace=GRACE, court=TERMS).contracts
    court = made["PromiseCourt"].address
    published = folder / "published"
    log.profile = replace(log.profile, court=court, publish=str(published))
    receipts = folder / "receipts"
    receipts.mkdir()
    return Watched(
        log=log,
        court=CourtClient(log.chain, court),
        watcher=watcher,
        folder=receipts,
        published=published,
        state=folder / "watch" / "state.db",
    )
