"""Group commit: callers of one process share transactions, with no thread of its own.

Whoever finds no leader leads: takes all that waits, commits it at once, hands the lead to the
first of those who came meanwhile, and wakes its group. The others sleep until their receipts
are durable, or the lead is theirs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from counterfoil.errors import CounterfoilError, JournalFailed

from .values import Draft, Sealed

LIMIT: Final = 1024
"""Receipts in one transaction, at most; one call's receipts are never torn apart."""


class Ticket:
    """One call's drafts, waiting to be sealed.

    Attributes:
        extra: whether there are preimages or tensors among them.
        results, error: one of them, once `done`.
        leads: whether the lead was handed to this call.
        wake: held by a call that waits, until its receipts are durable or the lead is its.
    """

    __slots__ = ("done", "drafts", "error", "extra", "leads", "results", "wake")

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.drafts = drafts
        self.extra = False
        for d in drafts:  # no `any`, which takes longer than one draft's look
            if (
                d.model_preimage is not None
                or d.runtime_preimage is not None
                or d.inputs_tensors is not None
                or d.outputs_tensors is not None
                or d.summonable is not None
            ):
                self.extra = True
                break
        self.results: Sequence[Sealed] = ()
        self.error: Exception | None = None
        self.done = self.leads = False
        self.wake: threading.Lock | None = None

    def wait_for(self) -> None:
        """Be woken by `wake` from now on; under the group's lock."""
        self.wake = threading.Lock()
        self.wake.acquire()

    def woken(self) -> None:
        """Wake the call; it waits, or is about to."""
        if self.wake is not None:
            self.wake.release()


class Group:
    """The queue in front of one sealer.

    Args:
        commit: seals the drafts of all tickets in one transaction; its receipts are durable
            when it returns, and none is sealed when it raises.
    """

    def __init__(self, commit: Callable[[Sequence[Ticket]], Sequence[Sealed]]) -> None:
        self._commit = commit
        self.reset()

    def reset(self) -> None:
        """Forget who waits: in a forked child nobody does."""
        self._lock = threading.Lock()
        self._waiting: deque[Ticket] = deque()
        self._led = self._crowded = False

    def seal(self, drafts: Sequence[Draft]) -> Sequence[Sealed]:
        """Have drafts sealed, together with those of other callers.

        Raises:
            CounterfoilError: what `commit` raised; none of the drafts is sealed.
        """
        ticket = Ticket(drafts)
        with self._lock:
            if self._led:
                ticket.wait_for()
                self._waiting.append(ticket)
            else:
                self._led = ticket.leads = True
        if not ticket.leads:
            self._wait(ticket)
        if not ticket.done:
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.results

    def _wait(self, ticket: Ticket) -> None:
        try:
            if ticket.wake is not None:
                ticket.wake.acquire()
        except BaseException:  # interrupted: nobody may be left waiting for us
            with self._lock:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                abandoned = ticket.leads and not ticket.done
            if abandoned:
                self._hand_over()
            raise

    def _lead(self, own: Ticket) -> None:
        if self._crowded:
            time.sleep(0)  # those whom the last group woke come back: let them join this one
        group = [own]
        count = len(own.drafts)
        with self._lock:
            while self._waiting and count + len(self._waiting[0].drafts) <= LIMIT:
                group.append(self._waiting.popleft())
                count += len(group[-1].drafts)
        self._crowded = len(group) > 1
        results: Sequence[Sealed] | None = None
        try:
            results = self._commit(group)
        except Exception as error:
            if len(group) > 1 and _may_be_of_one(error):
                self._one_by_one(group)
            else:
                for ticket in group:
                    ticket.error = error if ticket is own else _again(error)
        except BaseException:
            # Our own thread was interrupted: the others' drafts are for the next leader.
            with self._lock:
                self._waiting.extendleft(reversed(group[1:]))
            self._hand_over()
            raise
        try:
            _give_out(group, results)
        except BaseException:  # interrupted after the commit: the others have their receipts
            _give_out(group, results)
            raise
        finally:
            self._hand_over()
            for ticket in group[1:]:
                ticket.woken()

    def _one_by_one(self, group: Sequence[Ticket]) -> None:
        for ticket in group:
            try:
                ticket.results = self._commit([ticket])
            except Exception as error:
                ticket.error = error

    def _hand_over(self) -> None:
        with self._lock:
            self._led = bool(self._waiting)
            if not self._led:
                return
            following = self._waiting.popleft()
            following.leads = True
        following.woken()


def _give_out(group: Sequence[Ticket], results: Sequence[Sealed] | None) -> None:
    """What was sealed to whoever asked for it; None: each call has its results, or an error."""
    at = 0
    for ticket in group:
        if results is not None:
            end = at + len(ticket.drafts)
            ticket.results = results if len(results) == end - at else results[at:end]
            at = end
        ticket.done = True


def _may_be_of_one(error: Exception) -> bool:
    """Whether one call's drafts may be to blame, and the others' be sealed without them."""
    return not isinstance(error, CounterfoilError) or type(error) is JournalFailed


def _again(error: Exception) -> Exception:
    """A second exception like `error`, for another thread to raise."""
    if isinstance(error, CounterfoilError):
        twin: Exception = type(error)(*error.args)
    else:
        twin = JournalFailed(f"sealing failed: {type(error).__name__}: {error}")
    twin.__cause__ = error
    return twin
