"""Sealing: number, make durable, sign. The only place where a log's key signs receipts."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from counterfoil.config import Durability
from counterfoil.errors import (
    BadDraft,
    CounterfoilError,
    JournalInDoubt,
    JournalLocked,
    JournalUnreachable,
    PromiseInDanger,
)
from counterfoil.formats.preimage import Preimage
from counterfoil.hashing.types import Address, Seconds
from counterfoil.keys import SigningKey

from . import rules, statements
from .danger import Ask, Promises
from .failpoints import hit
from .group import Group, Ticket
from .lease import Lease
from .marks import Marks
from .schema import journals
from .shared_lease import NotHeld, SharedLease
from .signing import Signing
from .store import Store, Transaction
from .values import Draft, Sealed

_DIGESTS: Final = ("model", "runtime", "request", "inputs", "outputs")


class Sealer:
    """Seals for one journal."""

    def __init__(
        self,
        store: Store,
        *,
        number: int,
        chain_id: int,
        ledger: Address,
        key: Callable[[], SigningKey],
        signer: Address,
        promise: Seconds,
        durability: Durability,
        boot: str | None,
        mark: Path,
        clock: Callable[[], float],
        refused: str | None,
    ) -> None:
        self._store = store
        self._number = number
        self._chain_id = chain_id
        self._key = key
        self._signer = signer
        self._promise = promise
        # Without a name for this boot, a power cut would go unnoticed.
        self._normal = durability == "normal" and boot is not None
        self._full_each = durability == "normal" and boot is None
        self._boot = boot
        self._clock = clock
        self._refused = refused
        self._marks = Marks(signer, mark)
        self._lease, self._shared = _lease(store, number, signer)
        self._promises = Promises(number)
        self._contact = rules.Contact()
        self._known: set[bytes] = set()
        self._group = Group(self._commit)
        self._pid = os.getpid()
        self._leased = False
        self._leasing = threading.Lock()
        self._sealed_normal = False
        self._sql = statements.compiled(store.dialect)
        self._look = self._sql.head if self._shared is None else self._sql.shared_head
        # One look less, where only one file's lock decides who writes.
        self._guesses = self._shared is None and not self._full_each
        self._last: tuple[rules.Standing, int, int] | None = None
        self._next_sql = ""
        self._signing = Signing(
            number=number,
            chain_id=chain_id,
            ledger=ledger,
            key=key,
            signer=signer,
            # SQLite's driver binds a bytearray as it is, and looks for adapters of bytes.
            bound=bytearray if self._shared is None else bytes,
        )

    def seal(self, drafts: Sequence[Draft]) -> Sequence[Sealed]:
        """Seal drafts under consecutive numbers; durable before this returns.

        Raises:
            BadDraft: a field of the wrong length.
            JournalError: none of them is sealed.
        """
        if not drafts:
            return ()
        for draft in drafts:
            _check(draft)
        if self._refused is not None:
            raise rules.refusal(self._refused)
        self._key()  # a key that cannot be opened fails here, before anything is numbered
        if self._pid != os.getpid():
            self._group.reset()
            self._pid = os.getpid()
            self._leased, self._leasing = False, threading.Lock()
        if not self._leased:
            with self._leasing:
                self._lease.take()
                self._leased = True
        return self._group.seal(drafts)

    def close(self) -> None:
        """Close the marks, and give the lease back."""
        self._lease.give_back()
        self._leased = False
        self._marks.close()

    def _commit(self, group: Sequence[Ticket]) -> list[Sealed]:
        while True:
            try:
                return self._transaction(group)
            except rules.NotMarked:
                self._mark_boot()
            except NotHeld:
                with self._leasing:
                    self._lease.take()

    def _transaction(self, group: Sequence[Ticket]) -> list[Sealed]:
        sealed: list[Sealed] = []
        known: set[bytes] = set()
        transaction = self._store.writing(durable=self._full_each, begun=False)
        try:
            with transaction:
                if self._last is not None and len(group) == 1 and self._is_plain(group[0]):
                    sealed = self._next(transaction, group[0].drafts, *self._last)
                    if sealed:
                        return sealed
                self._last = None
                transaction.begin(self._look)
                hit("seal.begun")
                row = transaction.cursor.fetchone()
                if self._shared is not None:
                    self._shared.check(transaction, row[-2:])
                    row = row[:-2]
                standing = rules.Standing(*row[:-2])
                first, last_issued = (0, 0) if row[-2] is None else (row[-2] + 1, row[-1])
                try:
                    rules.may_seal(standing, self._boot, self._normal, self.marked(), first)
                except rules.Halt as halt:
                    self._halt(transaction, halt.reason)
                    halted: CounterfoilError | None = rules.refusal(halt.reason)
                    settle_by = Seconds(0)
                else:
                    halted = None
                    sealed, settle_by, known = self._seal(
                        transaction, group, standing, first, last_issued
                    )
                    following = first + len(sealed)
                    transaction.after = lambda: self._marks.write(following)
                hit("seal.inserted")
        except JournalUnreachable:
            if not (transaction.in_doubt and sealed and self._is_there(sealed[0])):
                raise
            self._marks.write(following)
        hit("seal.committed")
        if halted is not None:
            raise halted
        self._sealed_normal = self._normal
        self._known |= known
        if settle_by:
            self._promises.note(settle_by)
        if self._guesses:
            self._last = standing, following, sealed[-1].receipt.issued_at
            self._next_sql = statements.insert_next(self._store.dialect, standing)
        return sealed

    def _is_plain(self, ticket: Ticket) -> bool:
        """Whether a call's drafts are one, of which nothing but the receipt is to be stored."""
        if len(ticket.drafts) != 1:
            return False
        (draft,) = ticket.drafts
        return not ticket.extra or (
            draft.model in self._known
            and draft.runtime in self._known
            and draft.inputs_tensors is None
            and draft.outputs_tensors is None
            and draft.summonable is None
        )

    def _next(
        self,
        transaction: Transaction,
        drafts: Sequence[Draft],
        standing: rules.Standing,
        first: int,
        last_issued: int,
    ) -> list[Sealed]:
        """Seal one draft by one statement, if the log still stands as after our last receipt.

        Whether it does, the statement finds out itself: if not, it inserts nothing. The marks,
        which other processes move on too, tell it mostly before the draft is signed in vain.

        Args:
            standing, first, last_issued: as they were then.
        Returns:
            One receipt, or none: look how the log stands.
        """
        # What stands as it did may be sealed as it was, but for the time.
        if self.marked() != first:
            return []
        hit("seal.begun")
        now = self._clock()
        try:
            issued_at = self.check_clock(standing, now, last_issued)
            settle_by = rules.promise(standing, issued_at, now, self._promise)
            if settle_by:
                if not self._promises.fresh(time.monotonic()):
                    return []
                self._check_room(self._promises.known(), standing, issued_at)
        except CounterfoilError:
            return []
        sealed, (row,) = self._signing.sign(drafts, first, issued_at, settle_by)
        hit("seal.signed")
        given = (*row[:3], self._number, first - 1, last_issued, *row[3:])
        if not transaction.alone(self._next_sql, given):
            return []
        hit("seal.inserted")
        self._marks.write(first + 1)
        self._last = standing, first + 1, issued_at
        if settle_by:
            self._promises.note(settle_by)
        hit("seal.committed")
        return sealed

    def _seal(
        self,
        transaction: Transaction,
        group: Sequence[Ticket],
        standing: rules.Standing,
        first: int,
        last_issued: int,
    ) -> tuple[list[Sealed], Seconds, set[bytes]]:
        """Sign and store, in a transaction; receipts, their promise, preimages stored."""
        cursor = transaction.cursor
        now = self._clock()
        issued_at = self.check_clock(standing, now, last_issued)
        settle_by = rules.promise(standing, issued_at, now, self._promise)
        if settle_by:  # what promises nothing may be sealed, however late others are
            self._check_promises(cursor.execute, standing, issued_at)
        drafts = [draft for ticket in group for draft in ticket.drafts]
        sealed, rows = self._signing.sign(drafts, first, issued_at, settle_by)
        hit("seal.signed")
        if len(rows) == 1:
            cursor.execute(self._sql.insert, rows[0])
        else:
            cursor.executemany(self._sql.insert, rows)
        at, known = first, set()
        for ticket in group:
            if ticket.extra:
                known |= self._store_extra(cursor, ticket.drafts, at)
            at += len(ticket.drafts)
        return sealed, settle_by, known

    def _is_there(self, sealed: Sealed) -> bool:
        """Whether a transaction was committed whose connection broke at the commit.

        Raises:
            JournalInDoubt: the server does not say within the time that callers wait.
        """
        deadline = time.monotonic() + self._store.wait
        while True:
            try:
                with self._store.writing() as transaction:  # the lock: that commit is over by now
                    at = (self._number, sealed.receipt.sequence)
                    row = transaction.cursor.execute(self._sql.digest, at).fetchone()
                return row is not None and bytes(row[0]) == sealed.digest
            except (JournalUnreachable, JournalLocked) as error:
                if time.monotonic() > deadline:
                    raise JournalInDoubt(
                        f"{error}; whether the receipts from number {sealed.receipt.sequence} on "
                        "are sealed is not known: look once the server is back"
                    ) from error
                time.sleep(0.1)

    def check_clock(self, standing: rules.Standing, now: float, last_issued: int = 0) -> Seconds:
        """`issuedAt` of the next receipt.

        Raises:
            ClockWrong: as `rules.issue_time`.
        """
        expected = None
        if self._chain_id not in rules.DEVELOPMENT:
            at, chain_time = standing.contact_at, standing.chain_time
            expected = self._contact.expected(at, chain_time, now, time.monotonic())
        return rules.issue_time(now, last_issued, standing.chain_time, expected)

    def _check_promises(self, ask: Ask, standing: rules.Standing, issued_at: Seconds) -> None:
        try:
            earliest = self._promises.earliest(ask, self._sql, time.monotonic())
            self._check_room(earliest, standing, issued_at)
        except PromiseInDanger:  # as of the last look: it may be kept meanwhile
            self._promises.forget()
            earliest = self._promises.earliest(ask, self._sql, 0.0)
            self._check_room(earliest, standing, issued_at)

    def _check_room(
        self, earliest: Seconds | None, standing: rules.Standing, issued_at: Seconds
    ) -> None:
        now = max(issued_at, standing.chain_time or 0)
        rules.check_promises(earliest, now, rules.span(self._promise, standing.max_delay))

    def _store_extra(self, cursor: Any, drafts: Sequence[Draft], first: int) -> set[bytes]:
        """Preimages not stored yet, and the tensors that are to be kept."""
        stored: set[bytes] = set()
        known = self._known
        for sequence, draft in enumerate(drafts, first):
            if draft.model not in known or draft.runtime not in known:
                self._store_preimages(cursor, draft, stored)
            if draft.summonable is not None:
                cursor.execute(
                    self._sql.summonable, (self._number, sequence, int(draft.summonable))
                )
            if draft.inputs_tensors is None and draft.outputs_tensors is None:
                continue
            for side, tensors in enumerate((draft.inputs_tensors, draft.outputs_tensors)):
                if tensors is None:
                    continue
                cursor.execute(
                    self._sql.kept_set,
                    (self._number, sequence, side, len(tensors), draft.keep_until),
                )
                for position, t in enumerate(tensors):
                    shape = ",".join(map(str, t.shape))
                    cursor.execute(
                        self._sql.tensor,
                        (self._number, sequence, side, position, t.name, t.dtype, shape, t.data,
                         draft.keep_until),
                    )  # fmt: skip
        return stored

    def _store_preimages(self, cursor: Any, draft: Draft, stored: set[bytes]) -> None:
        for digest, preimage in (
            (draft.model, Preimage(model=draft.model_preimage)),
            (draft.runtime, Preimage(runtime=draft.runtime_preimage)),
        ):
            empty = preimage.model is None and preimage.runtime is None
            if empty or digest in self._known or digest in stored:
                continue
            cursor.execute(self._sql.preimage, (digest, statements.preimage_body(preimage)))
            stored.add(digest)

    # What is remembered beside the receipts

    def _mark_boot(self) -> None:
        """Write down, durably, that from now on a power cut may take receipts away."""
        with self._store.writing(durable=True) as transaction:
            found = transaction.connection.execute(
                select(journals.c.dirty_boot).where(journals.c.number == self._number)
            ).scalar_one()
            if found is None:
                transaction.connection.execute(
                    journals.update()
                    .where(journals.c.number == self._number)
                    .values(dirty_boot=self._boot)
                )

    def settle_boot(self) -> None:
        """Make durable what was sealed, and take the note of `_mark_boot` away."""
        if not self._sealed_normal or self._pid != os.getpid():
            return
        with self._store.writing(durable=True) as transaction:
            transaction.connection.execute(
                journals.update()
                .where(journals.c.number == self._number, journals.c.dirty_boot == self._boot)
                .values(dirty_boot=None)
            )
        self._sealed_normal = False

    def _halt(self, transaction: Transaction, reason: str) -> None:
        transaction.connection.execute(
            journals.update()
            .where(journals.c.number == self._number, journals.c.halted.is_(None))
            .values(halted=reason)
        )

    def marked(self) -> int:
        """The number that comes next as far as the marks know; 0: they do not."""
        return self._marks.read()


def _lease(
    store: Store, number: int, signer: Address
) -> tuple[Lease | SharedLease, SharedLease | None]:
    """The journal's lease, and the same where machines share the database."""
    if store.backend.path is not None:
        return Lease(signer, store.backend.path), None
    shared = SharedLease(store, number, signer)
    return shared, shared


def _check(draft: Draft) -> None:
    for name in _DIGESTS:
        value = getattr(draft, name)
        if type(value) is not bytes or len(value) != 32:
            raise BadDraft(f"a draft's {name} is 32 bytes")
    for name in ("input_master", "output_master"):
        value = getattr(draft, name)
        if value is not None and (type(value) is not bytes or len(value) != 32):
            raise BadDraft(f"a draft's {name} is 32 bytes, or None")
