"""The recordings that are open here: in this thread, this task, and what they started.

A recording follows into tasks and `asyncio.to_thread` by their copied context, and into threads
that are started, and work that is handed to a thread pool, while it is open. onnxruntime is not
imported here.
"""

from __future__ import annotations

import functools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .runs import Policy
    from .sealed_receipt import SealedReceipt


class Recorder(Protocol):
    """What gets the receipts of the runs inside it."""

    closed: bool
    quiet: bool

    def policy(self) -> Policy:
        """How its runs are sealed."""

    def add(self, receipt: SealedReceipt) -> None:
        """A run got a receipt."""

    def failed(self, error: BaseException) -> None:
        """A run went through without one."""


_here: ContextVar[tuple[Recorder, ...]] = ContextVar("counterfoil_recordings", default=())
_everywhere: tuple[Recorder, ...] = ()
_open = 0
_lock = threading.Lock()


def _renew() -> None:
    global _lock  # noqa: PLW0603 (a fork's lock may be held by a thread that it has not)
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew)


def recorders() -> tuple[Recorder, ...]:
    """Open recordings that the caller is in, the innermost first."""
    if not _open:
        return ()
    here = _here.get()
    found = here + tuple(r for r in _everywhere if r not in here)
    return tuple(r for r in found if not r.closed)


def enter(recorder: Recorder, *, everywhere: bool) -> None:
    """Begin to record: in this context, or in the whole process."""
    global _open, _everywhere  # noqa: PLW0603 (a process has one set of recordings)
    with _lock:
        _open += 1
        if everywhere:
            _everywhere = (recorder, *_everywhere)
    if not everywhere:
        _follow_threads()
        _here.set((recorder, *_here.get()))


def leave(recorder: Recorder) -> None:
    """End a recording, in whichever context."""
    global _open, _everywhere  # noqa: PLW0603
    recorder.closed = True
    with _lock:
        _open -= 1
        _everywhere = tuple(r for r in _everywhere if r is not recorder)
    _here.set(tuple(r for r in _here.get() if r is not recorder))


def _within(recordings: tuple[Recorder, ...], function: Any, /, *args: Any, **kwargs: Any) -> Any:
    token = _here.set(recordings)
    try:
        return function(*args, **kwargs)
    finally:
        _here.reset(token)


def _follow_threads() -> None:
    """Have threads and pools carry recordings on. Does nothing the second time."""
    with _lock:
        if getattr(threading.Thread.start, "_counterfoil", False):
            return
        start: Any = threading.Thread.start
        submit: Any = ThreadPoolExecutor.submit

        @functools.wraps(start)
        def started(self: threading.Thread) -> None:
            here = _here.get() if _open else ()
            if here and not self._started.is_set():  # type: ignore[attr-defined]
                self.run = functools.partial(_within, here, self.run)  # type: ignore[method-assign]
            start(self)

        @functools.wraps(submit)
        def submitted(self: Any, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
            if _open:  # also with none here: the pool's thread may come from a recording
                return submit(self, _within, _here.get(), fn, *args, **kwargs)
            return submit(self, fn, *args, **kwargs)

        started._counterfoil = True  # type: ignore[attr-defined]
        threading.Thread.start = started  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = submitted  # type: ignore[method-assign]
