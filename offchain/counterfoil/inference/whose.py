"""Whose last receipt: of a thread, or of an asyncio task whose runs are in other threads."""

from __future__ import annotations

import asyncio
import functools
import threading
import types
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sealed_receipt import SealedReceipt


class Slot:
    """Last receipts of one task, by session."""

    __slots__ = ("last", "task")

    def __init__(self, task: Any) -> None:
        self.task = weakref.ref(task)
        self.last: weakref.WeakKeyDictionary[LastReceipt, SealedReceipt | None]
        self.last = weakref.WeakKeyDictionary()


_slot: ContextVar[Slot | None] = ContextVar("counterfoil_slot", default=None)


def _task() -> Any:
    if asyncio._get_running_loop() is None:
        return None
    return asyncio.current_task()


def _slot_of(task: Any) -> Slot:
    slot = _slot.get()
    if slot is None or slot.task() is not task:  # none yet, or that of the task that made this one
        slot = Slot(task)
        _slot.set(slot)
    return slot


class LastReceipt:
    """A session's last receipt, as each thread and each task sees it."""

    def __init__(self) -> None:
        self._mine = threading.local()
        self._latest: SealedReceipt | None = None

    def get(self) -> SealedReceipt | None:
        """In a task that task's, else the thread's; in a thread that ran nothing any thread's."""
        task = _task()
        if task is not None:
            return _slot_of(task).last.get(self)
        last: SealedReceipt | None = getattr(self._mine, "receipt", self._latest)
        return last

    def slot(self) -> Slot | None:
        """Where the task on whose behalf this thread runs will look."""
        task = _task()
        return _slot.get() if task is None else _slot_of(task)

    def set(self, receipt: SealedReceipt | None, slot: Slot | None) -> None:
        """The receipt of a run that this thread did for `slot`'s task."""
        self._mine.receipt = self._latest = receipt
        if slot is not None:
            slot.last[self] = receipt


class for_task:  # noqa: N801 (a decorator)
    """A method that, taken from a session inside a task, runs on behalf of that task anywhere.

    So `await asyncio.to_thread(session.run, …)` and `loop.run_in_executor(None, session.run, …)`
    give their receipt to the task that awaits them.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        functools.update_wrapper(self, function)  # type: ignore[arg-type]

    def __get__(self, session: Any, owner: Any = None) -> Any:
        """The function itself from a class, a method from a session."""
        if session is None:
            return self._function
        task = _task()
        if task is None:
            return types.MethodType(self._function, session)
        function, slot = self._function, _slot_of(task)

        @functools.wraps(function)
        def carried(self: Any, *args: Any, **kwargs: Any) -> Any:
            token = _slot.set(slot)
            try:
                return function(self, *args, **kwargs)
            finally:
                _slot.reset(token)

        return types.MethodType(carried, session)
