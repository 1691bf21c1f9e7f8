"""The settler: it takes receipts from the journal to the ledger and brings inclusions back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from eth_account.signers.local import LocalAccount

from counterfoil.chain import Chain, CourtClient, LedgerClient, LogRecord
from counterfoil.config import Profile
from counterfoil.duties import Duty, duties_of
from counterfoil.errors import (
    BatchRefused,
    BatchUnseen,
    ChainError,
    ChainUnavailable,
    CounterfoilError,
    ForeignBatch,
    JournalError,
    JournalFailed,
    JournalFull,
    JournalLocked,
    JournalUnreachable,
    OperatorNeeded,
    PayerNeeded,
    RestoredBackup,
    SettlingError,
    TransactionLost,
)
from counterfoil.formats.receipt import POSTING_TOLERANCE
from counterfoil.hashing.types import Address, Seconds
from counterfoil.journal import Journal, Pending, StoredBatch
from counterfoil.journal.batches import CUT_LIMIT
from counterfoil.keys import account

from .answering import Answerer
from .observing import Observer, observe
from .points import hit
from .posting import Poster, under_way
from .publishing import Publisher
from .settlement import Settlement, Step
from .timing import danger, is_due, pause_after

_HEALING = (
    ChainError, BatchUnseen, BatchRefused, ForeignBatch, OperatorNeeded,
    JournalFull, JournalLocked, JournalFailed, JournalUnreachable,
)  # fmt: skip
"""With what `run` goes on: time, another answer, a refill or room on the disk heals it; or it ends
no more than posting, and who demands a path gets it all the same."""

log = logging.getLogger(__name__)


class Settler:
    """Settles one journal's receipts.

    It keeps nothing in memory that it needs: another process may go on where it stopped, at any
    point. Several settlers on one log waste gas but break nothing, as the ledger takes a
    batch once and inclusion is read from the batch's own event.

    Args:
        chain: the chain, or what connects to it: then an RPC that is down at first is waited for.
        payer: pays gas; None: nothing can be posted, only watched.
        operator: posts after a revoke; None: taken from the profile when needed.
        clock: Unix seconds.
    """

    def __init__(
        self,
        journal: Journal,
        chain: Chain | Callable[[], Chain],
        payer: LocalAccount | None,
        profile: Profile,
        *,
        operator: LocalAccount | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._connect = chain if callable(chain) else None
        self._payer = payer
        self._operator = operator
        self._profile = profile
        self._clock = clock
        self._chain: Chain | None = None if callable(chain) else chain
        self._ledger: LedgerClient | None = None
        self._observer: Observer | None = None
        self._publisher = Publisher(journal, profile)
        self._answerer: Answerer | None = None
        self._duties: list[Duty] | None = None

    def step(self, *, force: bool = False) -> Settlement:
        """Look at the chain, cut what is due, post what is cut, confirm what is posted.

        Nothing is cut while a batch was never sent: what waits joins the next one. Demands are
        answered also where nothing can be posted, and by a journal that was restored from a
        backup, of which the notes say so.

        Args:
            force: cut a batch of whatever waits by now, due or not.
        Raises:
            ChainUnavailable: no usable answer from the RPC; nothing is lost, try again.
            WrongChain, OtherGenesis: not this journal's chain, or not this chain's journal.
            ForeignBatch, BatchRefused, BatchUnseen, OperatorNeeded, PayerNeeded, OutOfFunds:
                the operator must act.
        """
        chain, ledger = self._connected()
        chain.check()
        record = ledger.log_record(self._journal.signer)
        now = Seconds(int(self._clock()))
        chain_time = chain.now()
        step = Step(log=record, now=Seconds(max(now, chain_time)))
        try:
            self._journal.note_chain(chain.genesis, record, chain_time)
        except RestoredBackup as error:
            step.behind = True
            step.notes.append(str(error))
        hit("settle.contacted")
        try:
            if record is None:
                self._observe(step, record)
                step.notes.append(
                    "the log is not open, so nothing is posted: `counterfoil log open`"
                )
            else:
                self._settle(step, record, ledger, now, force=force)
        except CounterfoilError as error:
            if record is not None and not isinstance(error, ChainUnavailable):
                self._answer_in_trouble(step, record)
            raise
        if record is not None:
            try:
                self._answer(step, record)
            finally:
                self._do_duties(step, record)
        self._assess(step)
        waiting = self._pending(step).count + sum(b.batch.size for b in step.unposted)
        return step.result(waiting)

    def drain(
        self, *, timeout: float = 300, on_step: Callable[[Settlement], None] | None = None
    ) -> Settlement:
        """Step until every receipt that now waits is in a final batch.

        Raises:
            TransactionLost: not within `timeout` seconds.
            As `step`.
        """
        deadline = time.monotonic() + timeout
        pause = 0.05
        elsewhere = self._journal.key_is_elsewhere  # then others cut, and what they cut is drained
        stop = self._journal.pending().first if elsewhere else self._journal.next_sequence()
        while True:
            done = self.step(force=self._journal.pending().first < stop)
            if on_step is not None:
                on_step(done)
            if done.log is None or done.done or self._is_final(stop):
                return done
            if time.monotonic() > deadline:
                why = f" ({done.notes[-1]})" if done.notes else ""
                raise TransactionLost(
                    f"not everything is settled after {timeout:g} s{why}: "
                    "run `counterfoil settle` again, it goes on where it stopped"
                )
            time.sleep(pause)
            pause = 0.05 if done.moved else min(2 * pause, 2.0)

    def run(
        self,
        stop: threading.Event,
        interval: float = 5.0,
        *,
        on_step: Callable[[Settlement], None] | None = None,
        on_error: Callable[[ChainError | SettlingError], None] | None = None,
    ) -> None:
        """Step every `interval` seconds until `stop` is set. No fault of RPC or disk ends it.

        Args:
            on_error: called after a step that the chain, or what is posted there, made fail.
        Raises:
            CounterfoilError: what neither time nor another answer can heal.
        """
        pause = interval
        said = ""
        while not stop.is_set():
            try:
                done = self.step()
            except _HEALING as error:
                if str(error) != said:
                    said = str(error)
                    log.warning("settling waits: %s", error)
                if on_error is not None and isinstance(error, ChainError | SettlingError):
                    on_error(error)
                left = self._warn_without_chain()
                stop.wait(pause)
                pause = pause_after(pause, interval, left)
                continue
            pause, said = interval, ""
            for note in done.notes:
                log.info("%s", note)
            if done.danger is not None:
                log.warning("%s", done.danger)
            if on_step is not None:
                on_step(done)
            stop.wait(interval)

    # One step's parts

    def _observe(self, step: Step, record: LogRecord | None) -> None:
        observer = self._observer
        assert observer is not None
        following = 0 if record is None else record.next_sequence
        observe(self._journal, observer, step, following, self._profile.confirmations)

    def _settle(
        self, step: Step, record: LogRecord, ledger: LedgerClient, now: Seconds, *, force: bool
    ) -> None:
        """Observe, cut, publish, post, and observe what was posted."""
        self._observe(step, record)
        self._cut(step, force=force)
        self._assess(step)
        step.notes += self._publisher.publish()
        self._post(step, record, now)
        if step.sent:  # on a chain that mines at once the event is there already
            again = ledger.log_record(self._journal.signer)
            if again is not None:
                step.log = again
                self._observe(step, again)

    def _cut(self, step: Step, *, force: bool) -> None:
        journal = self._journal
        if journal.key_is_elsewhere:
            pending = self._pending(step)
            if pending.count:
                step.notes.append(
                    f"receipts from number {pending.first} on are cut by the machine that has the "
                    f"key of {journal.signer}: run `counterfoil settle` there"
                )
            return
        if step.behind or any(stored.state == "cut" for stored in step.unposted):
            return
        # no further than by now: who seals meanwhile could keep this cutting for ever
        stop = journal.next_sequence()
        while True:
            pending = journal.pending()
            if pending.first >= stop or not (force or is_due(pending, self._profile, step.now)):
                break
            limit = min(CUT_LIMIT, stop - pending.first)
            file = journal.cut_batch(self._publisher.uri, limit, issued_by=self._latest())
            if file is None:
                step.notes.append(
                    f"receipts from number {pending.first} on are issued later than the chain's "
                    "clock allows: they are cut then; set this machine's clock"
                )
                break
            hit("settle.cut")
            step.cut.append(file.batch.first)
        if step.cut:
            known = {stored.batch.first for stored in step.unposted}
            step.unposted += [
                stored
                for stored in journal.unsettled_batches()
                if stored.batch.first in step.cut and stored.batch.first not in known
            ]

    def _pending(self, step: Step) -> Pending:
        """What is to be cut; nothing where the log is past all numbers that the journal holds."""
        if not step.behind:
            return self._journal.pending()
        first = self._journal.next_sequence()
        return Pending(first=first, count=0, oldest_issued_at=None, earliest_settle_by=None)

    def _is_final(self, stop: int) -> bool:
        """Whether the receipts before `stop` are in final batches."""
        unsettled = self._journal.unsettled_batches()
        return (unsettled[0].batch if unsettled else self._journal.pending()).first >= stop

    def _assess(self, step: Step) -> None:
        pending = self._pending(step)
        delay = None if step.log is None else step.log.max_delay
        step.danger = danger(pending, step.unposted, self._profile, step.now, delay)

    def _post(self, step: Step, record: LogRecord, now: Seconds) -> None:
        chain, ledger = self._connected()
        ready = self._not_from_the_future(step)
        if not ready:
            return
        signed = record.revoked_at == 0
        poster = Poster(self._journal, chain, ledger, self._account(record, signed=signed))
        slot = poster.slot(under_way(step.unposted), now, hurry=step.danger is not None)
        if isinstance(slot, str):
            step.notes.append(slot)
            return
        done = poster.post(ready, slot, now, signed=signed)
        if isinstance(done, str):
            step.notes.append(done)
        else:
            step.transaction, step.sent = done

    def _answer(self, step: Step, record: LogRecord) -> None:
        """Give out the paths that the court was asked for."""
        court = self._profile.court
        if court is None:
            return
        if self._answerer is None:
            chain, ledger = self._connected()
            client = CourtClient(chain, court)
            client.require(ledger.address)
            observer = self._observer
            assert observer is not None
            self._answerer = Answerer(self._journal, chain, client, self._clock, observer)
        step.answered, notes = self._answerer.answer(record, self._payer)
        step.notes += notes

    def _do_duties(self, step: Step, record: LogRecord) -> None:
        """What the log owes besides; its faults are notes, as batches must not wait for it."""
        try:
            chain, _ = self._connected()
            if self._duties is None:
                self._duties = duties_of(self._journal, chain, self._profile, self._clock)
            for duty in self._duties:
                sent, notes = duty.step(record, self._payer)
                step.duties += sent
                step.notes += notes
        except CounterfoilError as error:
            step.notes.append(f"the log's duties wait: {error}")

    def _answer_in_trouble(self, step: Step, record: LogRecord) -> None:
        """As `_answer`, where the step fails already: its own error is what the caller gets."""
        try:
            self._answer(step, record)
        except CounterfoilError as error:
            log.warning("the log's demands cannot be answered: %s", error)
        if step.answered:
            log.warning("answers were sent for the numbers %s", ", ".join(map(str, step.answered)))
        self._do_duties(step, record)
        for line in (*step.duties, *step.notes):
            log.warning("%s", line)

    def _latest(self) -> Seconds:
        """Until when receipts may be issued to be posted now: later ones could not be verified.

        A batch ends there, so that receipts which a clock dated too late hold up no others.
        """
        chain, _ = self._connected()
        return Seconds(chain.next_time() + POSTING_TOLERANCE)

    def _not_from_the_future(self, step: Step) -> Sequence[StoredBatch]:
        """Batches whose receipts the chain's clock allows: others could never be verified."""
        if not step.unposted:
            return ()
        limit = self._latest()
        for place, stored in enumerate(step.unposted):
            newest = self._journal.get(stored.batch.first + stored.batch.size - 1)
            ahead = newest.receipt.issued_at - limit
            if ahead > 0:
                step.notes.append(
                    f"the batch at {stored.batch.first} has receipts issued {ahead} s later than "
                    "the chain's clock allows: it is posted then; set this machine's clock"
                )
                return step.unposted[:place]
        return step.unposted

    def _account(self, record: LogRecord, *, signed: bool) -> LocalAccount:
        """Who sends: the payer, or the operator after a revoke."""
        if signed:
            if self._payer is None:
                raise PayerNeeded(
                    "nobody pays for posting: set `payer` in the profile to a funded account"
                )
            return self._payer
        if self._operator is None and self._profile.operator is not None:
            self._operator = account(self._profile.operator)
        if self._operator is None or Address(self._operator.address) != record.operator:
            raise OperatorNeeded(
                f"the key is revoked, so only the operator {record.operator} can post what was "
                "promised: run `counterfoil settle` with `operator` set in the profile"
            )
        return self._operator

    def _connected(self) -> tuple[Chain, LedgerClient]:
        if self._chain is None:
            assert self._connect is not None
            self._chain = self._connect()
        if self._ledger is None:
            self._chain.require_id(self._journal.chain_id)
            ledger = LedgerClient(self._chain, self._journal.ledger)
            ledger.require()
            self._ledger = ledger
            self._observer = Observer(self._chain, ledger, self._journal.signer, time.monotonic)
        return self._chain, self._ledger

    def _warn_without_chain(self) -> int | None:
        """Say that a promise is in danger also while the chain, or the disk, is out of reach.

        Returns:
            Seconds until the earliest promise is due; None: there is none, or it is not known.
        """
        now = int(self._clock())
        try:
            record = self._journal.log_state()
            pending, batches = self._journal.pending(), self._journal.unsettled_batches()
        except JournalError:
            return None
        unposted = [b for b in batches if b.state in ("cut", "sent")]
        delay = None if record is None else record.max_delay
        found = danger(pending, unposted, self._profile, now, delay)
        if found is not None:
            log.warning("%s", found)
        promises = [pending.earliest_settle_by, *(b.earliest_settle_by for b in unposted)]
        return min((promise - now for promise in promises if promise), default=None)
