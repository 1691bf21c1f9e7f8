"""What one server consists of, and how it does an inference."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from counterfoil.config import Profile
from counterfoil.errors import CounterfoilError
from counterfoil.inference.sealed_receipt import SealedReceipt
from counterfoil.inference.sealing import shared_journal
from counterfoil.inference.served import Sealing, Stop
from counterfoil.settle.background import BackgroundSettling, settle_in_background

from . import answering, asking, bodies
from .access import Guard
from .bodies import Held
from .following import Following
from .gate import Gate, overloaded
from .limits import Limits
from .logs import Logs
from .metrics import Metrics
from .models import Models

READERS: Final = 4
READS: Final = 64
"""Threads that ask the journals, and questions under way."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How a request's body came, and how its answer is to go.

    Attributes:
        body: as it was sent.
        coding: its content coding; None: none.
        header_length: bytes of JSON in it; None: all.
        wanted: coding of the answer; None: none.
    """

    body: bytes
    coding: str | None
    header_length: str | None
    wanted: str | None


class Service:
    """A server's parts.

    Args:
        models: loaded.
        sealing: None: no receipts.
        settle: settle in the background.
    """

    def __init__(
        self,
        models: Models,
        *,
        limits: Limits,
        sealing: Sealing | None,
        secret: str | None,
        settle: bool = False,
    ) -> None:
        self.models = models
        self.limits = limits
        self.sealing = sealing
        self.guard = Guard(secret)
        self.gate = Gate(limits)
        self.held = Held(limits.held)
        self.metrics = Metrics(accepted=lambda: self.gate.accepted, held=lambda: self.held.bytes)
        self.stopping = False
        self._reading = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._reads = 0
        self.logs: Logs | None = None
        self.following: Following | None = None
        self.settling: BackgroundSettling | None = None
        if sealing is not None:
            self.logs = Logs(sealing.profile)
            following = self.following = Following(self.logs, limits.streams)
            self.metrics.follow(self.logs, lambda: following.listening)
        self._settle: Profile | None = sealing.profile if sealing is not None and settle else None

    def start(self) -> None:
        """Begin what goes on beside requests; called in the event loop.

        Raises:
            BadConfig: the profile names no node to settle on.
        """
        if self._settle is not None:
            settling = self.settling = settle_in_background(self._settle)
            self.metrics.settling(lambda: settling.problem is not None)
        if self.following is not None:
            self.following.start()

    def end_streams(self) -> None:
        """The server stops: it is not ready any more, and streams end."""
        self.stopping = True
        if self.following is not None:
            self.following.end_streams()

    def close(self) -> None:
        """End every thread and close the journals."""
        self.gate.close()
        self._reading.shutdown(wait=True)
        if self.following is not None:
            self.following.stop()
        if self.settling is not None:
            self.settling.stop()
        if self.logs is not None:
            self.logs.close()

    async def read(self, function: Callable[..., _T], *given: Any) -> _T:
        """Ask the journals, in threads of their own: probes and metrics need not wait for it.

        Raises:
            RequestRefused: 503, too many ask.
        """
        if self._reads >= READS:
            raise overloaded("too many ask about receipts")
        self._reads += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._reading, function, *given)
        finally:
            self._reads -= 1

    def unready(self) -> str | None:
        """Why the server takes no requests now; None: it does."""
        if self.stopping:
            return "the server stops"
        if self.sealing is None or self.sealing.on_seal_failure == "unsealed":
            return None
        try:
            refusal = shared_journal(self.sealing.profile).refusal()
        except CounterfoilError as error:
            refusal = error
        return None if refusal is None else f"no receipts: {' '.join(str(refusal).split())}"

    async def infer(
        self, name: str, version: str | None, sent: Sent, began: float
    ) -> tuple[answering.Reply, SealedReceipt | None, int]:
        """One inference.

        Returns:
            The answer, its receipt, and the version that ran.
        Raises:
            RequestRefused: the request is not right, or the server is at its limit.
            CounterfoilError: as `counterfoil.InferenceSession.run`.
        """
        number, served = self.models.get(name).version(version)

        def work(
            stop: Stop, told: Callable[[float], None]
        ) -> tuple[answering.Reply, SealedReceipt | None, int]:
            body = sent.body
            if sent.coding is not None:
                body = bodies.inflate(body, sent.coding, self.limits)
            asked = asking.read(body, sent.header_length, served, self.limits)
            if asked.seconds is not None:
                told(asked.seconds)
            answer = served.run(asked.inputs, asked.outputs, asked.request, stop)
            reply = answering.write(asked, answer, name, number)
            if sent.wanted is not None and len(reply.body) > bodies.SMALL:
                reply = answering.Reply(
                    body=bodies.deflate(reply.body, sent.wanted),
                    headers={**reply.headers, "Content-Encoding": sent.wanted},
                )
            return reply, answer.receipt, number

        done = await self.gate.work(work, began)
        self.metrics.inferences.labels(name, str(number)).observe(
            asyncio.get_running_loop().time() - began
        )
        self._count(done[1])
        return done

    def _count(self, receipt: SealedReceipt | None) -> None:
        if receipt is None:
            if self.sealing is not None:
                self.metrics.unsealed.inc()
            return
        self.metrics.receipts.inc()
        if self.logs is not None:
            place = receipt.receipt
            self.logs.remember(receipt.digest, place.signer, place.sequence)


def described(service: Service) -> dict[str, Any]:
    """What a server says of itself once, when it begins to listen."""
    return {
        "models": {m.name: [str(v) for v in m.versions] for m in service.models},
        "receipts": service.sealing is not None,
        "batching": sorted(m.name for m in service.models if m.batching is not None),
        "unread": {m.name: list(m.unread) for m in service.models if m.unread},
    }
