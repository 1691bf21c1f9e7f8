"""JSON-RPC over HTTP: bounded in time and size, and every failure one of our errors."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any, cast
from urllib.parse import urlsplit

import requests
import urllib3
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from counterfoil.errors import (
    AccessDenied,
    BadAnswer,
    BadRpcAddress,
    ChainBusy,
    ChainTimeout,
    ChainUnavailable,
    ChainUnreachable,
)

MAX_ANSWER = 32 * 2**20
"""Bytes of one answer, at most: 10,000 events of a batch are some 10 MB."""

MAX_DEPTH = 64
"""Deepest nesting of an answer; a block with its transactions needs 6."""

ATTEMPTS = 4
"""Tries of one request, all inside the one timeout."""

PAUSE = 0.2
"""Seconds before the second try, doubled before each further one."""

_READ = 2**16
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_BUSY_CODES = (-32005, -32029, 429)
_BUSY_WORDS = ("rate limit", "too many requests", "capacity", "throughput")

log = logging.getLogger(__name__)


def host_of(url: str) -> str:
    """The part of an RPC address that messages may show: paths and queries often hold keys.

    Raises:
        BadRpcAddress: no http or https URL.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError as error:
        raise BadRpcAddress("the RPC address is no URL: write http://host:port") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRpcAddress("the RPC address is no http or https URL: write http://host:port")
    return f"{parts.scheme}://{parts.hostname}{port}"


class HttpTransport(JSONBaseProvider):
    """A web3 provider that ends: `timeout` seconds for a request with all its tries.

    What is sent may be sent twice: reads are harmless, and a raw transaction is the same
    transaction however often it comes.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        super().__init__()
        self.host = host_of(url)
        # a contract's answer must not make this program fetch addresses of its choice
        self.global_ccip_read_enabled = False
        self._url = url
        self._timeout = timeout
        self._session = requests.Session()
        self._session.headers.update(
            {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One request.

        Raises:
            ChainUnreachable, ChainTimeout, ChainBusy, BadAnswer: after all tries.
            AccessDenied: at once.
        """
        body = self.encode_rpc_request(method, params)
        number = json.loads(body)["id"]
        deadline = time.monotonic() + self._timeout
        pause = PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._parsed(self._fetch(body, deadline), number)
            except ChainUnavailable as error:
                wait = max(pause, getattr(error, "retry_after", 0.0))
                if attempt == ATTEMPTS or time.monotonic() + wait >= deadline:
                    raise
                log.debug("%s: %s; try %d", method, error, attempt + 1)
            time.sleep(wait)
            pause *= 2
        raise AssertionError("the last try raises or returns")

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Whether the RPC answers at all."""
        try:
            self.make_request(RPCEndpoint("eth_chainId"), [])
        except ChainUnavailable:
            if show_traceback:
                raise
            return False
        return True

    def _fetch(self, body: bytes, deadline: float) -> tuple[int, bytes]:
        """Status and body of one answer."""
        left = max(deadline - time.monotonic(), 0.001)
        try:
            with self._session.post(
                self._url, data=body, timeout=left, stream=True, allow_redirects=False
            ) as answer:
                if answer.status_code in (429, 503):
                    busy = ChainBusy(
                        f"{self.host} answers {answer.status_code}: it is asked too much, "
                        "wait or use another RPC"
                    )
                    busy.retry_after = _retry_after(answer)  # type: ignore[attr-defined]
                    raise busy
                return answer.status_code, self._read(answer, deadline)
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise self._late() from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise ChainUnreachable(
                f"{self.host} cannot be reached ({_cause(error)}): start the node, or set "
                "another rpc in the profile"
            ) from error

    def _read(self, answer: requests.Response, deadline: float) -> bytes:
        """The body, by whatever pieces come: one that drips ends at the deadline too."""
        expected = answer.headers.get("Content-Length", "")
        found = bytearray()
        while piece := answer.raw.read1(_READ, decode_content=True):
            found += piece
            if len(found) > MAX_ANSWER:
                raise BadAnswer(f"{self.host} sent over {MAX_ANSWER // 2**20} MiB in one answer")
            if time.monotonic() > deadline:
                raise self._late()
        if (
            expected.isdecimal()
            and "Content-Encoding" not in answer.headers
            and len(found) != int(expected)
        ):
            raise ChainUnreachable(
                f"{self.host} broke off after {len(found)} of {expected} bytes: try again"
            )
        return bytes(found)

    def _parsed(self, fetched: tuple[int, bytes], number: int) -> RPCResponse:
        """The answer to request `number`, or why it is none."""
        status, raw = fetched
        try:
            value: Any = None if _too_deep(raw) else json.loads(raw)
        except (ValueError, RecursionError):
            value = None
        is_answer = isinstance(value, dict) and ("result" in value or bool(value.get("error")))
        if status in (401, 403) and not is_answer:
            raise AccessDenied(
                f"{self.host} answers {status}: check the key in the profile's rpc address"
            )
        if not is_answer:
            what = "no JSON-RPC" if status == 200 else f"HTTP status {status}"
            raise BadAnswer(f"{self.host} answers with {what}: check the profile's rpc address")
        error = value.get("error")
        if error:
            if not isinstance(error, dict) or not isinstance(error.get("message", ""), str):
                raise BadAnswer(f"{self.host} answers with a malformed error")
            text = error.get("message", "").lower()
            if error.get("code") in _BUSY_CODES and any(w in text for w in _BUSY_WORDS):
                raise ChainBusy(f"{self.host} limits its requests: wait or use another RPC")
        elif value.get("id") != number:
            raise BadAnswer(f"{self.host} answers another request than the one that was sent")
        return cast(RPCResponse, value)

    def _late(self) -> ChainTimeout:
        return ChainTimeout(
            f"{self.host} gave no answer in {self._timeout:g} s: try again or use another RPC"
        )


def _too_deep(raw: bytes) -> bool:
    """Whether JSON nests deeper than any answer.

    Python's own guard does not hold here: py-evm raises the recursion limit for the whole
    process, past what the stack bears.
    """
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in _BRACKETS.finditer(raw):
        first = token.group()[0]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


def _retry_after(answer: requests.Response) -> float:
    """Seconds that the server asks to wait; 0 where it does not say."""
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else 0.0


def _cause(error: BaseException) -> str:
    """A few words on why: the innermost error without its address."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    text = error.strerror if isinstance(error, OSError) and error.strerror else ""
    return text or type(error).__name__
