"""The journal: a log's receipts and batches on this machine (docs/format.md §6–8 and §12)."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select

from counterfoil.config import Profile
from counterfoil.errors import (
    CounterfoilError,
    JournalError,
    NoSuchReceipt,
    OtherGenesis,
    RestoredBackup,
)
from counterfoil.formats.batch import LogOpening
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.trace import trace_digest
from counterfoil.hashing.types import Address, Digest, Seconds, Signature

from . import migrating, opening, retention, rules, statements, upkeep
from .batches import CUT_LIMIT, Batches
from .boot import boot_id
from .export import Receipts
from .schema import SCHEMA, journals
from .sealer import Sealer
from .store import WAIT, Store
from .values import Draft, LogRecord, LogState, Pending, ReceiptState, Sealed, StoredBatch


class Journal:
    """One log's journal. Threads, processes and forks of a machine may share it; in
    PostgreSQL several machines do, each sealing into logs of its own.

    Attributes:
        chain_id, ledger: what the journal belongs to, with the genesis it first met.
        signer: the log's key, by address.
        journal_id: 32 hex digits, made with it.
    """

    def __init__(
        self, store: Store, row: Any, profile: Profile, clock: Callable[[], float]
    ) -> None:
        self.chain_id = int(row.chain_id)
        self.ledger = Address(row.ledger)
        self.signer = Address(row.signer)
        self.journal_id: str = row.journal_id
        self.profile = profile
        self._store = store
        self._number: int = row.number
        self._clock = clock
        self._keys = opening.keys_folder(store, profile)
        self._key = opening.key_of(row, self._keys)
        mine: dict[str, Any] = {
            "store": store,
            "number": row.number,
            "chain_id": self.chain_id,
            "ledger": self.ledger,
            "signer": self.signer,
        }
        self._receipts = Receipts(**mine)
        self._batches = Batches(**mine)
        store.journal = row.number
        self._refused = opening.why_not(store, row, self._keys)
        self._sealer = Sealer(
            **mine,
            key=self._key,
            promise=profile.promise,
            durability=rules.durability(profile),
            boot=boot_id(),
            mark=self._keys / f"{row.signer}.mark",
            clock=clock,
            refused=self._refused,
        )
        self._row = row
        _open.add(self)

    @classmethod
    def open(
        cls,
        profile: Profile,
        *,
        create: bool = True,
        clock: Callable[[], float] = time.time,
        wait: float = WAIT,
    ) -> Journal:
        """The journal that seals for a profile; folder, database and key are made on first use.

        Args:
            create: False: only what is there.
            clock: Unix time; an embedded chain's where there is one.
            wait: seconds to wait for other processes at most, here and in every later call.
        Raises:
            JournalMissing, JournalTooNew, NotAJournal, JournalLocked, JournalReadOnly,
            JournalFull, KeyFileMissing, KeyFileOpen: as they say.
        """
        store = _store(profile, wait)
        try:
            row = opening.current(store, profile, int(clock()), create=create)
            opening.check_key(row, opening.keys_folder(store, profile))
            return cls(store, row, profile, clock)
        except BaseException:
            store.close()
            raise

    @classmethod
    def open_all(
        cls, profile: Profile, *, clock: Callable[[], float] = time.time, wait: float = WAIT
    ) -> list[Journal]:
        """Every journal of a profile's chain and ledger, retired ones too: what is to be settled.

        Raises:
            JournalMissing and others: as `open`.
        """
        store = _store(profile, wait)
        try:
            if store.backend.shared:  # any machine settles, also one that seals nothing
                rows = opening.everywhere(store, profile)
            else:
                row = opening.current(store, profile, int(clock()), create=False)
                opening.check_key(row, opening.keys_folder(store, profile))
                rows = opening.every(store, profile)
        finally:
            store.close()
        return [cls(_store(profile, wait), r, profile, clock) for r in rows]

    @staticmethod
    def prepare(profile: Profile, *, wait: float = WAIT) -> tuple[int | None, int]:
        """Make the tables, or bring them forwards; no journal is begun.

        Returns:
            The schema's version before, None: there was none; and now.
        Raises:
            JournalTooNew, NotAJournal, JournalReadOnly, JournalUnreachable: as they say.
        """
        store = _store(profile, wait)
        try:
            if not store.backend.exists():
                store.backend.prepare()
            return migrating.migrate(store), SCHEMA
        finally:
            store.close()

    # Sealing

    def unlock(self) -> None:
        """Open the key now, so that the first receipt need not wait for it.

        Raises:
            KeyFailure: it cannot be opened.
        """
        self._key()

    def seal(self, draft: Draft) -> Sealed:
        """Number, make durable and sign one receipt.

        Raises:
            SealingRefused, ClockWrong, JournalError, KeyFailure: nothing was sealed.
        """
        return self._sealer.seal((draft,))[0]

    def seal_many(self, drafts: Sequence[Draft]) -> list[Sealed]:
        """Seal several receipts under consecutive numbers, all or none.

        Raises:
            SealingRefused, ClockWrong, JournalError, KeyFailure: nothing was sealed.
        """
        return list(self._sealer.seal(drafts))

    def refusal(self) -> CounterfoilError | None:
        """Why the journal does not seal, None: it does."""
        if self._refused is not None:
            return rules.refusal(self._refused)
        with self._store.reading() as connection:
            sql = statements.compiled(self._store.dialect).standing
            row = connection.exec_driver_sql(sql, (self._number,)).one()
        standing, following = rules.Standing(*row), self.next_sequence()
        try:
            self._store.check_durable()
            rules.may_seal(standing, boot_id(), False, self._sealer.marked(), following)
            now = self._now()
            self._sealer.check_clock(standing, now)
            if rules.promise(standing, now, now, self.profile.promise):
                span = rules.span(self.profile.promise, standing.max_delay)
                at = max(now, standing.chain_time or 0)
                rules.check_promises(self.earliest_promise(), at, span)
        except rules.Halt as halt:
            return rules.refusal(halt.reason)
        except CounterfoilError as error:
            return error
        return None

    def rotate(self) -> Journal:
        """Begin a new log under a new key; this journal stays, to be settled.

        Returns:
            The new journal, which `open` gives from now on.
        """
        row = opening.rotate(self._store, self.profile, self._number, self._now())
        store = _store(self.profile, self._store.wait)
        return Journal(store, row, self.profile, self._clock)

    def sign_log_opening(
        self, operator: Address, closes_at: Seconds, max_delay: Seconds
    ) -> tuple[LogOpening, Signature]:
        """The log's word that `operator` may open it (docs/format.md §8)."""
        word = LogOpening(
            operator=operator, signer=self.signer, closes_at=closes_at, max_delay=max_delay
        )
        return word, self._key().sign(word.digest(self.chain_id, self.ledger))

    @property
    def key_is_elsewhere(self) -> bool:
        """Whether another machine has the log's key: it seals and cuts, this one settles."""
        return self._refused == "elsewhere"

    # Looking up

    def next_sequence(self) -> int:
        """The number that the next receipt gets."""
        return self._receipts.next_sequence()

    def get(self, which: int | bytes) -> Sealed:
        """One receipt, by its number, or by its digest (which looks at every receipt).

        Raises:
            NoSuchReceipt: the journal holds none.
        """
        return self._receipts.get(which)

    def iterate(self, first: int = 0, stop: int | None = None) -> Iterator[Sealed]:
        """Receipts first … stop−1, in order; stop None: all that there are by then."""
        return self._receipts.iterate(first, stop)

    def requests(self, first: int = 0) -> Iterator[tuple[int, Digest]]:
        """Numbers and requests of the receipts from `first` on, in order."""
        return self._receipts.requests(first)

    def masters(self, sequence: int) -> tuple[Digest | None, Digest | None]:
        """The masters of a receipt's inputs and outputs, None: forgotten, or the court's alone.

        Raises:
            NoSuchReceipt: the journal holds none of this number.
        """
        return self._receipts.masters(sequence)

    def for_court(self, sequence: int) -> Opening | None:
        """The opening of a run for a fault court that asks for it, None: nothing is kept."""
        return self._receipts.for_court(sequence)

    def sign_trace(self, receipt: Digest, root: Digest, court: Address) -> Signature:
        """The log's word that a receipt's run has the trace of this root (docs/faults.md §3)."""
        return self._key().sign(trace_digest(self.chain_id, court, receipt, root))

    def receipt_file(self, sequence: int, *, openings: bool = True) -> ReceiptFile:
        """A receipt with all that the journal has of it: preimages, the inclusion once posted.

        Args:
            openings: show the tensors with their masters, where tensors are kept.
        Raises:
            NoSuchReceipt: the journal holds none of this number.
        """
        return self._receipts.file(sequence, self._batches, openings=openings)

    def state(self, sequence: int) -> ReceiptState:
        """How far a receipt is; `broken` by this machine's clock.

        Raises:
            NoSuchReceipt: the journal holds none of this number.
        """
        receipt = self.get(sequence).receipt
        stored = self._batches.holding(sequence)
        if stored is not None and stored.state in ("posted", "final"):
            late = receipt.settle_by and (stored.posted_at or 0) > receipt.settle_by
            return "broken" if late else "final" if stored.state == "final" else "posted"
        return "broken" if receipt.settle_by and self._now() > receipt.settle_by else "sealed"

    # The chain

    @property
    def genesis(self) -> Digest | None:
        """The genesis that the journal belongs to, None: no chain met yet."""
        found = self._read().genesis
        return None if found is None else Digest(found)

    def note_chain(self, genesis: Digest, log: LogRecord | None, at: Seconds) -> None:
        """Tell the journal what the chain says; the first look binds it to the genesis.

        A public chain whose head has not moved since the last look stands still: that look
        stays the last, so that after a while no more is promised, and sealing goes on.

        Args:
            genesis: hash of block 0.
            log: the log's record, None: not opened.
            at: the latest block's time.
        Raises:
            OtherGenesis: the journal belongs to another chain.
            RestoredBackup: more is settled than the journal holds; it seals no more.
        """
        row = self._read()
        values: dict[str, Any] = {}
        development = self.chain_id in rules.DEVELOPMENT
        if development or row.chain_time is None or at > row.chain_time:
            values |= {"contact_at": self._now(), "chain_time": at}
        if log is not None:
            values |= {
                "log_operator": log.operator,
                "log_opened_at": log.opened_at,
                "log_closes_at": log.closes_at,
                "log_revoked_at": log.revoked_at,
                "log_max_delay": log.max_delay,
                "log_next": log.next_sequence,
            }
        if row.genesis is not None and row.genesis != genesis:
            raise OtherGenesis(
                f"the chain's genesis is 0x{genesis.hex()[:8]}…, the journal's 0x"
                f"{row.genesis.hex()[:8]}…: point the profile at the journal's chain, or run "
                "`counterfoil key rotate` for a new log"
            )
        behind = log is not None and log.next_sequence > self.next_sequence()
        with self._store.writing() as transaction:
            held = journals.c.number == self._number
            update = journals.update().where(held)
            if values:
                transaction.connection.execute(update.values(**values))
            transaction.connection.execute(
                update.where(journals.c.genesis.is_(None)).values(genesis=genesis)
            )
            if behind:
                transaction.connection.execute(
                    update.where(journals.c.halted.is_(None)).values(halted="restored")
                )
        if behind:
            raise RestoredBackup(str(rules.refusal("restored")))

    def log_state(self) -> LogState | None:
        """The log as the chain had it at the last look, None: not open then, or never looked."""
        row = self._read()
        if row.log_opened_at is None:
            return None
        return LogState(
            operator=row.log_operator,
            opened_at=row.log_opened_at,
            closes_at=row.log_closes_at,
            revoked_at=row.log_revoked_at,
            max_delay=row.log_max_delay,
            next_sequence=row.log_next,
        )

    # Batches

    def pending(self) -> Pending:
        """The receipts that are in no batch yet."""
        return self._batches.pending()

    def earliest_promise(self) -> Seconds | None:
        """The earliest promise that no posted batch keeps, None: there is none."""
        batches = [b for b in self._batches.unsettled() if b.state in ("cut", "sent")]
        promises = [b.earliest_settle_by for b in batches]
        known = [p for p in (*promises, self.pending().earliest_settle_by) if p is not None]
        return min(known, default=None)

    def cut_batch(
        self,
        uri: str | Callable[[int], str] = "",
        limit: int = CUT_LIMIT,
        *,
        issued_by: Seconds | None = None,
    ) -> BatchFile | None:
        """Sign and store a batch of what is pending; durable before this returns.

        Args:
            uri: where the batch file will be published, at most 256 bytes; or what gives it
                from the batch's first number.
            limit: receipts, at most.
            issued_by: only receipts up to this time: later ones would keep these from being
                posted; None: all that are pending.
        Returns:
            The batch, None where nothing is pending. What was cut is never cut anew.
        Raises:
            BadDraft, JournalError, KeyFailure: nothing was cut.
        """
        return self._batches.cut(self._key, uri, limit, self._now(), issued_by)

    def batches(self) -> list[StoredBatch]:
        """Every batch, in order."""
        return self._batches.all()

    def unsettled_batches(self) -> list[StoredBatch]:
        """Batches that are not final, in order."""
        return self._batches.unsettled()

    def final_batches(self, since: int) -> list[StoredBatch]:
        """Final batches in the block `since` and in those after it, in order."""
        return self._batches.final_since(since)

    def stored_batch(self, first: int) -> StoredBatch:
        """The batch that begins at `first`, without its digests.

        Raises:
            NoSuchBatch: none does.
        """
        return self._batches.stored(first)

    def batch_file(self, first: int) -> BatchFile:
        """The batch file of the batch that begins at `first`.

        Raises:
            NoSuchBatch: none does.
        """
        return self._batches.file(first)

    def mark_sent(self, first: int, transaction: Digest, nonce: int, at: Seconds) -> None:
        """A transaction with the batch is on its way, for the first time or again.

        Raises:
            NoSuchBatch: no batch begins there, or it is posted.
        """
        self._batches.move(
            first, ("cut", "sent"), "sent",
            transaction_hash=transaction, nonce=nonce, sent_at=at,
        )  # fmt: skip

    def mark_posted(
        self, first: int, posted_at: Seconds, transaction: Digest | None, block: int
    ) -> None:
        """The batch is in a block, by whomever it was sent.

        Raises:
            NoSuchBatch: no batch begins there, or it is final.
        """
        self._batches.move(
            first, ("cut", "sent", "posted"), "posted",
            posted_at=posted_at, transaction_hash=transaction, block=block,
        )  # fmt: skip

    def mark_final(self, first: int) -> None:
        """The batch has its confirmations.

        Raises:
            NoSuchBatch: no batch begins there, or it is not posted.
        """
        self._batches.move(first, ("posted", "final"), "final")

    def mark_reorged(self, first: int) -> None:
        """The chain took the batch's block back: it is to be sent again.

        Raises:
            NoSuchBatch: no batch begins there, or it was not posted.
        """
        self._batches.move(
            first, ("posted", "final"), "sent", posted_at=None, block=None
        )  # fmt: skip

    # Keeping

    def export(
        self,
        folder: str | Path,
        *,
        first: int = 0,
        stop: int | None = None,
        openings: bool = True,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write a receipt file for each receipt first … stop−1.

        Args:
            progress: called with the number of files written so far.
        Returns:
            How many files.
        Raises:
            NoSuchReceipt: the journal does not hold them all.
        """
        if stop is not None and stop > self.next_sequence():
            raise NoSuchReceipt(f"the journal of {self.signer} ends before receipt {stop - 1}")
        return self._receipts.export(
            Path(folder),
            self._batches,
            first=first,
            stop=stop,
            openings=openings,
            progress=progress,
        )

    def backup(self, folder: str | Path) -> Path:
        """Copy database and keystores into a new folder, while both are in use.

        Returns:
            The copied database. Restored, it settles but does not seal.
        Raises:
            BackupExists: the folder holds something.
        """
        return upkeep.backup(self._store, self._keys, Path(folder))

    def forget(self, *, everything: bool = False) -> int:
        """Delete kept tensors whose time is over, or all of them; masters stay.

        What a fault court may ask for stays too: `summonable` says of how many receipts.

        Returns:
            Tensors deleted.
        """
        return upkeep.forget_tensors(self._store, self._number, self._now(), everything)

    def forget_masters(self, first: int, stop: int) -> int:
        """Forget the masters of receipts first … stop−1: nobody can open them any more.

        Returns:
            Receipts whose masters were there.
        Raises:
            StillSummonable: a fault court may ask for one of the runs; none is forgotten.
        """
        retention.require_free(self._store, self._number, first, stop)
        return upkeep.forget_masters(self._store, self._number, first, stop)

    def summonable(self) -> int:
        """Receipts whose run a fault court may ask for: it is kept until it cannot any more."""
        return retention.count(self._store, self._number)

    def release(self, settled_before: Seconds, cases: Collection[int] = ()) -> int:
        """Let go of receipts that no fault court can ask for any more.

        What was kept for that alone is deleted; other tensors are kept as was asked for.

        Args:
            settled_before: Unix seconds, the chain's: their batches were posted earlier.
            cases: numbers of receipts with a case that is not over.
        Returns:
            Receipts let go.
        """
        return retention.release(self._store, self._number, settled_before, cases)

    def close(self) -> None:
        """End the use of the journal: what was sealed at less than full becomes durable."""
        if not self._store.closed:
            # Where that fails, the journal stays marked as not durable, which is true.
            with suppress(JournalError):
                self._sealer.settle_boot()
            self._sealer.close()
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Journal {self._store.url.render_as_string()} of {self.signer}>"

    def _now(self) -> Seconds:
        return Seconds(int(self._clock()))

    def _read(self) -> Any:
        with self._store.reading() as connection:
            return connection.execute(
                select(journals).where(journals.c.number == self._number)
            ).one()


def _store(profile: Profile, wait: float) -> Store:
    return Store(profile.journal, rules.durability(profile), wait)


_open: weakref.WeakSet[Journal] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for journal in list(_open):
        with suppress(Exception):
            journal.close()
