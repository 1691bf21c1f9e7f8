"""Request bodies in, within bounds, whatever a client says of their length; answers compressed."""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from counterfoil.errors import RequestRefused

from .limits import MIB, Limits

Receive = Callable[[], Awaitable[Any]]

_WINDOW: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""zlib's window bits. HTTP's deflate is the zlib format. Source: RFC 9110 §8.4.1."""

SMALL: Final = 1024
"""Bytes of an answer that are not worth compressing."""

SPILL: Final = MIB
"""Bytes of a refused body that are read away, so that the client sees the answer."""


class Held:
    """Bytes of bodies under way, in the server's one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.bytes = 0

    @contextmanager
    def counting(self) -> Iterator[Callable[[int], None]]:
        """Count what is read inside, until the end of the block.

        Raises:
            RequestRefused: 503, more is under way than the server holds.
        """
        mine = 0

        def add(size: int) -> None:
            nonlocal mine
            if self.bytes + size > self._limit:
                raise RequestRefused(503, "the server holds too many bodies", {"Retry-After": "1"})
            self.bytes += size
            mine += size

        try:
            yield add
        finally:
            self.bytes -= mine


def declared_length(value: str | None, limits: Limits) -> None:
    """Hold Content-Length against the limit, before anything is read.

    Raises:
        RequestRefused: 413.
    """
    if value is not None and value.isascii() and value.isdigit() and len(value) < 20:
        if int(value) > limits.body:
            raise too_large(limits)
    elif value is not None:
        raise RequestRefused(400, "Content-Length is a whole number")


def too_large(limits: Limits) -> RequestRefused:
    """The answer to a body past the limit."""
    return RequestRefused(413, f"a request's body has at most {limits.body} bytes")


async def read(receive: Receive, limits: Limits, add: Callable[[int], None]) -> bytes:
    """A request's body, as it was sent.

    Raises:
        RequestRefused: 413; 408: it came too slowly; 503: the server holds too much.
        ConnectionResetError: the client went away.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(limits.upload):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionResetError
                part = message.get("body", b"")
                size += len(part)
                if size > limits.body:
                    raise too_large(limits)
                add(len(part))
                parts.append(part)
                more = message.get("more_body", False)
    except TimeoutError:
        raise RequestRefused(
            408, f"the body did not come within {limits.upload:g} s", {"Connection": "close"}
        ) from None
    return b"".join(parts)


async def read_away(receive: Receive) -> bool:
    """Read what is left of a body that nobody wants, within bounds.

    Returns:
        Whether its end was reached; if not, the connection is of no more use.
    """
    size = 0
    try:
        async with asyncio.timeout(1.0):
            while size <= SPILL:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return True
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return True
    except TimeoutError:
        pass
    return False


def coding(value: str | None) -> str | None:
    """The one content coding of a request that is taken; None: the body is as it is.

    Raises:
        RequestRefused: 415.
    """
    found = (value or "").strip().lower()
    if found in ("", "identity"):
        return None
    if found not in _WINDOW:
        raise RequestRefused(
            415, "Content-Encoding is gzip or deflate", {"Accept-Encoding": "gzip, deflate"}
        )
    return found


def inflate(raw: bytes, name: str, limits: Limits) -> bytes:
    """A compressed body inflated, never past the limit.

    Raises:
        RequestRefused: 400: it is not what it says; 413: it is too large.
    """
    out: list[bytes] = []
    size = 0
    try:
        while raw:
            stream = zlib.decompressobj(_WINDOW[name])
            out.append(stream.decompress(raw, limits.body - size + 1))
            size += len(out[-1])
            if size > limits.body:
                raise too_large(limits)
            if not stream.eof:
                raise RequestRefused(400, f"the body's {name} ends too early")
            raw = stream.unused_data
            if raw and name != "gzip":
                raise RequestRefused(400, f"the body goes on after its {name}")
            if not out[-1] and raw:  # empty members in number would cost time and no bytes
                raise RequestRefused(400, f"the body's {name} has an empty member")
    except zlib.error as error:
        raise RequestRefused(400, f"the body is no {name}") from error
    return b"".join(out)


def wanted_coding(value: str | None) -> str | None:
    """The coding in which a client wants its answer, from its Accept-Encoding."""
    best: tuple[float, str] | None = None
    for part in (value or "").lower().split(","):
        name, _, rest = part.strip().partition(";")
        weight = re.search(r"\bq=([0-9.]{1,6})", rest)
        try:
            q = float(weight[1]) if weight else 1.0
        except ValueError:
            continue
        if name.strip() in _WINDOW and q > 0 and (best is None or q > best[0]):
            best = (q, name.strip())
    return None if best is None else best[1]


def deflate(body: bytes, name: str) -> bytes:
    """An answer compressed."""
    return gzip.compress(body, 1, mtime=0) if name == "gzip" else zlib.compress(body, 1)
