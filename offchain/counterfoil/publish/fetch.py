"""Fetching a batch file from where its `uri` says, bounded in size and time, checked always."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi

from counterfoil.errors import (
    BadBatchAddress,
    FetchFailed,
    FetchTooLarge,
    FetchTooSlow,
    OtherBatch,
)
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.types import Address, Digest

from .hosts import Hosts

PER_RECEIPT = 66
"""Bytes of a batch file a receipt: 64 hex digits, and a line's end where somebody folds them."""

MOST = 2**28
"""Bytes fetched of any batch: four million receipts. A larger file is taken from a folder alone, as
reading it takes several times its size of memory."""

BESIDE = 2**16
"""Bytes of a batch file beside its digests: a thousand are used."""

TIME = 20.0
PACE = 2**18
"""Seconds for a fetch, and one more for each so many bytes that it may have."""

REDIRECTS = 3
_READ = 2**16
_FOLLOWED = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the ledger says about a batch: all that a file is held against."""

    chain_id: int
    ledger: Address
    signer: Address
    first: int
    size: int
    root: Digest

    @property
    def limit(self) -> int:
        """Bytes that the file may have."""
        return min(MOST, PER_RECEIPT * self.size + BESIDE)

    def check(self, file: BatchFile) -> BatchFile:
        """The file, if it is this batch's.

        Raises:
            OtherBatch: it is another's.
        """
        batch = file.batch
        pairs = (
            ("chain", file.chain_id, self.chain_id),
            ("ledger", file.ledger, self.ledger),
            ("signer", batch.signer, self.signer),
            ("first number", batch.first, self.first),
            ("size", batch.size, self.size),
            ("root", batch.root, self.root),
        )
        for what, found, wanted in pairs:
            if found != wanted:
                raise OtherBatch(
                    f"the batch file has another {what} than the ledger's batch at {self.first}"
                )
        return file


def fetch_batch(
    uri: str, expected: Expected, *, hosts: Hosts | None = None, time_limit: float | None = None
) -> BatchFile:
    """The batch file at a `uri`, if it is the one that the ledger has the root of.

    Args:
        hosts: what may be spoken to; public addresses alone where it is None.
        time_limit: seconds for all of it; by the batch's size where it is None.
    Raises:
        BadBatchAddress, ForbiddenAddress, FetchFailed, FetchTooLarge, FetchTooSlow: as they say.
        FormatError: what was sent is no batch file, or its digests do not give its root.
        OtherBatch: it is another batch's.
    """
    raw = fetch(uri, expected.limit, hosts=hosts, time_limit=time_limit)
    return expected.check(BatchFile.parse(raw))


def fetch(
    uri: str, limit: int, *, hosts: Hosts | None = None, time_limit: float | None = None
) -> bytes:
    """What is at a `uri`, unchecked.

    Args:
        limit: bytes.
        hosts: what may be spoken to; public addresses alone where it is None.
        time_limit: seconds for all of it; by the limit where it is None.
    Raises:
        BadBatchAddress, ForbiddenAddress, FetchFailed, FetchTooLarge, FetchTooSlow: as they say.
    """
    seconds = TIME + limit / PACE if time_limit is None else time_limit
    return _fetch(uri, limit, time.monotonic() + seconds, hosts or Hosts())


def _fetch(uri: str, limit: int, deadline: float, hosts: Hosts) -> bytes:
    for _ in range(REDIRECTS + 1):
        parts = _parts(uri)
        with _answer(parts, deadline, hosts) as answer:
            if answer.status not in _FOLLOWED:
                return _body(answer, parts, limit, deadline)
            location = answer.headers.get("Location", "")
        try:
            uri = urljoin(uri, location)
        except ValueError as error:
            raise BadBatchAddress(f"{parts.hostname} redirects to what is no URL") from error
    raise FetchFailed(f"{parts.hostname} redirects more than {REDIRECTS} times")


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise BadBatchAddress("the batch's uri is no URL") from error
    plain = uri.isascii() and uri.isprintable() and " " not in uri
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username is not None
        or port == 0
        or not plain
    ):
        raise BadBatchAddress("the batch's uri is no plain http or https URL")
    return parts


@contextmanager
def _answer(
    parts: SplitResult, deadline: float, hosts: Hosts
) -> Iterator[http.client.HTTPResponse]:
    """The answer to one GET, from an address that was looked at; the deadline cuts it off."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = hosts.resolve(host, port, _left(host, deadline))
    connection = http.client.HTTPConnection(host, port)
    late = threading.Event()
    timer: threading.Timer | None = None
    try:
        held = [_connected(addresses, host, port, deadline)]
        connection.sock = held[0]
        # a recv may wait for each byte anew: the socket itself ends when the time is over
        timer = threading.Timer(_left(host, deadline), _cut_off, (held, late))
        timer.daemon = True
        timer.start()
        if parts.scheme == "https":
            # wrapping moves the descriptor, so the handshake comes after the exchange
            secured = _tls().wrap_socket(
                held[0], server_hostname=host, do_handshake_on_connect=False
            )
            connection.sock = held[0] = secured
            secured.do_handshake()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"Accept-Encoding": "identity"})
        yield connection.getresponse()
        if late.is_set():  # a socket that is cut off looks like an answer that ended
            raise _slow(host)
    except FetchFailed as error:
        if late.is_set():
            raise _slow(host) from error
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set() or time.monotonic() > deadline or isinstance(error, TimeoutError):
            raise _slow(host) from error
        raise FetchFailed(f"{host} cannot be fetched from ({_cause(error)})") from error
    finally:
        if timer is not None:
            timer.cancel()
        connection.close()


def _connected(addresses: list[str], host: str, port: int, deadline: float) -> socket.socket:
    for place, address in enumerate(addresses):
        try:
            return socket.create_connection((address, port), _left(host, deadline))
        except OSError:
            if place == len(addresses) - 1:
                raise
    raise AssertionError("a host without an address was refused before")


def _body(
    answer: http.client.HTTPResponse, parts: SplitResult, limit: int, deadline: float
) -> bytes:
    host = parts.hostname
    if answer.status != 200:
        raise FetchFailed(f"{host} answers with HTTP status {answer.status}")
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise FetchFailed(f"{host} sends the file packed, which was not asked for")
    found = bytearray()
    while piece := answer.read1(_READ):
        found += piece
        if len(found) > limit:
            raise FetchTooLarge(f"{host} sends over {limit} bytes, more than the batch can need")
        if time.monotonic() > deadline:
            raise _slow(host)
    if answer.length:
        raise FetchFailed(f"{host} broke off {answer.length} bytes before the end: try again")
    return bytes(found)


def _slow(host: str | None) -> FetchTooSlow:
    return FetchTooSlow(f"{host} takes too long: try again later")


def _left(host: str, deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise _slow(host)
    return left


def _cut_off(held: list[socket.socket], late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        socket.socket.shutdown(held[0], socket.SHUT_RDWR)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _cause(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return text or type(error).__name__
