"""How many inferences run and wait at once, and for how long; they run in threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from counterfoil.errors import InputRefused, RequestRefused
from counterfoil.inference.served import Stop

from .limits import Limits

_T = TypeVar("_T")


def overloaded(message: str = "the server is at its limit") -> RequestRefused:
    """503, to be tried again in a second."""
    return RequestRefused(503, message, {"Retry-After": "1"})


class Gate:
    """Accepts requests up to a bound, and runs their work. For one event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.running, thread_name_prefix="infer")
        self.accepted = 0

    @contextmanager
    def accept(self) -> Iterator[None]:
        """Take a request in, or refuse it before anything of it is read.

        Raises:
            RequestRefused: 503.
        """
        if self.accepted >= self._limits.running + self._limits.waiting:
            raise overloaded()
        self.accepted += 1
        try:
            yield
        finally:
            self.accepted -= 1

    async def work(
        self, function: Callable[[Stop, Callable[[float], None]], _T], began: float
    ) -> _T:
        """Do a request's work in a thread; its outcome is what became of the work.

        Args:
            function: gets what ends its run, and a callable for the seconds that the client
                gives it.
            began: when the request was accepted, on the loop's clock.
        Raises:
            RequestRefused: 503: it waited too long and was not begun; 504: its run was ended.
            Exception: the work's own.
        """
        loop = asyncio.get_running_loop()
        stop = Stop()
        limit = self._limits.seconds
        timer: asyncio.TimerHandle = loop.call_at(began + limit, stop)

        def sooner(seconds: float) -> None:
            nonlocal timer, limit
            if seconds < limit:
                limit = seconds
                timer.cancel()
                timer = loop.call_at(began + seconds, stop)

        def told(seconds: float) -> None:
            loop.call_soon_threadsafe(sooner, seconds)

        future = self._pool.submit(function, stop, told)
        queued = loop.call_at(began + self._limits.seconds, future.cancel)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.cancelled() and loop.time() >= began + self._limits.seconds:
                raise overloaded("the request waited too long and was not begun") from None
            raise
        except InputRefused as error:
            if stop.stopped:
                raise RequestRefused(504, f"the run took over {limit:g} s and was ended") from error
            raise
        finally:
            timer.cancel()
            queued.cancel()

    def close(self) -> None:
        """End the threads, after what they have begun."""
        self._pool.shutdown(wait=True)
