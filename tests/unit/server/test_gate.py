"""How many inferences are taken, and what becomes of them."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from counterfoil.errors import InputRefused, RequestRefused
from counterfoil.server.gate import Gate
from counterfoil.server.limits import Limits


def run(limits, story):
    async def go():
        gate = Gate(limits)
        try:
            return await story(gate)
        finally:
            gate.close()

    return asyncio.run(go())


def now():
    return asyncio.get_running_loop().time()


def test_accept__as_many_as_run_and_wait():
    async def story(gate):
        with gate.accept(), gate.accept(), gate.accept():
            with pytest.raises(RequestRefused) as refused, gate.accept():
                pass
            assert refused.value.status == 503 and refused.value.headers["Retry-After"] == "1"
        with gate.accept():
            assert gate.accepted == 1

    run(Limits(running=1, waiting=2), story)


def test_work__event_loop_goes_on():
    async def story(gate):
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        task = asyncio.create_task(tick())
        assert await gate.work(lambda stop, told: time.sleep(0.5) or 7, now()) == 7
        task.cancel()
        assert ticks > 10

    run(Limits(), story)


def test_work__too_long__ended_and_504():
    ended = threading.Event()

    def work(stop, told):
        while not stop.stopped:
            time.sleep(0.01)
        ended.set()
        raise InputRefused("as the engine says it")

    async def story(gate):
        with pytest.raises(RequestRefused) as refused:
            await gate.work(work, now())
        assert refused.value.status == 504 and ended.is_set()

    run(Limits(seconds=0.2), story)


def test_work__done_though_late__its_outcome_counts():
    """A run that was told to stop and had ended, sealed, is answered."""

    async def story(gate):
        assert await gate.work(lambda stop, told: time.sleep(0.4) or "sealed", now()) == "sealed"

    run(Limits(seconds=0.2), story)


def test_work__client_gives_less_time():
    def work(stop, told):
        told(0.1)
        began = time.monotonic()
        while not stop.stopped:
            time.sleep(0.01)
        raise InputRefused(f"{time.monotonic() - began}")

    async def story(gate):
        with pytest.raises(RequestRefused, match=r"over 0\.1 s"):
            await gate.work(work, now())

    run(Limits(seconds=30), story)


def test_work__waited_too_long__never_begun_and_503():
    begun = []

    async def story(gate):
        release = threading.Event()
        first = asyncio.create_task(gate.work(lambda stop, told: release.wait(5), now() + 60))
        await asyncio.sleep(0.05)
        with pytest.raises(RequestRefused, match="not begun") as refused:
            await gate.work(lambda stop, told: begun.append(1), now())
        assert refused.value.status == 503 and "Retry-After" in refused.value.headers
        release.set()
        assert await first

    run(Limits(running=1, seconds=0.2), story)
    assert not begun


def test_work__its_own_error_as_it_is():
    def work(stop, told):
        raise InputRefused("no such input")

    async def story(gate):
        with pytest.raises(InputRefused, match="no such input"):
            await gate.work(work, now())

    run(Limits(), story)
