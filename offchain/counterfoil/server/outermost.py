"""Around every request: access, errors as JSON, the log, the count. Plain ASGI."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from counterfoil.errors import (
    BadTensor,
    CounterfoilError,
    InputRefused,
    RequestRefused,
    SealFailed,
)

from .bodies import read_away
from .service import Service

log = logging.getLogger("counterfoil.server")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

NOTED = "counterfoil.noted"
"""Key of a request's scope: what its line in the log has besides the usual."""


def refusal_of(error: Exception) -> RequestRefused:
    """The answer to an error: what a client did, what passes, and what nobody foresaw."""
    if isinstance(error, RequestRefused):
        return error
    line = " ".join(str(error).split())
    if isinstance(error, SealFailed):
        return RequestRefused(503, f"no receipt, so no answer: {line}", {"Retry-After": "10"})
    if isinstance(error, BadTensor | InputRefused):
        return RequestRefused(400, line)
    if isinstance(error, CounterfoilError):
        return RequestRefused(503, line, {"Retry-After": "10"})
    return RequestRefused(500, "the server failed; its log says where")


def body_of(message: str) -> bytes:
    """Every error's body."""
    return json.dumps({"error": message}, ensure_ascii=False).encode("utf-8", "replace")


class Outermost:
    """The application with all this around it."""

    def __init__(self, app: App, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request, or the application's life."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope[NOTED] = {}
        began = time.perf_counter()
        exchange = _Exchange(scope, receive, send)
        try:
            exchange.check()
            self._service.guard.check(scope["path"], exchange.headers)
            await self._app(scope, exchange.receive, exchange.send)
        except ConnectionResetError:
            exchange.status = 499
        except Exception as error:
            await self._failed(error, exchange)
        finally:
            self._tell(scope, exchange, time.perf_counter() - began)

    async def _failed(self, error: Exception, exchange: _Exchange) -> None:
        refusal = refusal_of(error)
        if isinstance(error, SealFailed):
            self._service.metrics.seal_failures.inc()
        if refusal.status == 500:
            log.error("a request failed", exc_info=error)
        if exchange.status:
            raise error
        await exchange.refuse(refusal)

    def _tell(self, scope: Mapping[str, Any], exchange: _Exchange, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._service.metrics.requests.labels(route, str(exchange.status)).inc()
        fields = {
            "method": scope["method"][:20],
            "route": route,
            "path": scope["path"][:200],
            "status": exchange.status,
            "milliseconds": round(seconds * 1000, 2),
            "received": exchange.received,
            "sent": exchange.sent,
            "client": (scope.get("client") or ["?"])[0],
            **scope[NOTED],
        }
        log.info("request", extra=fields)


class _Exchange:
    """One request's messages, watched."""

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self.headers = dict(scope["headers"])
        self._receive = receive
        self._send = send
        self.status = 0
        self.received = 0
        self.sent = 0
        self._ended = self.headers.get(b"content-length", b"0") == b"0" and (
            b"transfer-encoding" not in self.headers
        )

    def check(self) -> None:
        """Refuse a body whose length another server may read otherwise (RFC 9112 §6.3)."""
        if b"content-length" in self.headers and b"transfer-encoding" in self.headers:
            raise RequestRefused(400, "the body has two lengths", {"Connection": "close"})

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
            self._ended = self._ended or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), (b"x-content-type-options", b"nosniff")]
            if self.status >= 400 and not self._ended:
                waits = self.headers.get(b"expect", b"").lower() == b"100-continue"
                closes = (b"connection", b"close")
                if (waits or not await read_away(self.receive)) and closes not in headers:
                    headers.append(closes)
            message = {**message, "headers": headers}
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, refusal: RequestRefused) -> None:
        body = body_of(str(refusal))
        await self.send(
            {
                "type": "http.response.start",
                "status": refusal.status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                    *_raw(refusal.headers.items()),
                ],
            }
        )
        await self.send({"type": "http.response.body", "body": body})


def _raw(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
