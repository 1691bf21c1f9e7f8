"""Who may speak to the server: holders of its token, and on loopback this machine's programs."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from counterfoil.errors import AddressTaken, BadToken, KeyFileOpen, RequestRefused

TOKEN: Final = "COUNTERFOIL_TOKEN"  # noqa: S105 (a name)
"""Variable with the token, where no file is named."""

SHORTEST: Final = 16
"""Characters of a token, at least."""

OPEN_PATHS: Final = ("/v2/health/live", "/v2/health/ready")
"""Paths that want no token: probes hold none. So does the page under /explorer."""

LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def token(path: Path | None) -> str | None:
    """The token from a file of its owner's alone, or from the environment; None: there is none.

    Raises:
        BadToken: too short, or not of letters, digits and the signs of RFC 6750's tokens.
        KeyFileOpen: others may read the file.
    """
    if path is not None:
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise KeyFileOpen(f"others may read {path}: run `chmod 600 {path}`")
            found = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadToken(f"cannot read the token in {path}") from error
    else:
        found = os.environ.get(TOKEN, "")
        if not found:
            return None
    if len(found) < SHORTEST or not re.fullmatch(r"[A-Za-z0-9._~+/=-]+", found):
        raise BadToken(
            f"a token has at least {SHORTEST} letters, digits and signs of ._~+/=-: "
            "`openssl rand -hex 32` gives one"
        )
    return found


def resolve(host: str) -> str:
    """The address to listen at, IPv4 where a name has both.

    Raises:
        AddressTaken: the name has no address.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressTaken(f"{host!r} is no address of this machine") from error
    return str(min(found, key=lambda info: info[0] != socket.AF_INET)[4][0])


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


class Guard:
    """Holds each request against the rules of access.

    Args:
        secret: the token; None: on loopback, for this machine's programs.
    """

    def __init__(self, secret: str | None) -> None:
        self._wanted = None if secret is None else _digest(secret.encode())

    def check(self, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Let a request pass.

        A page in a browser must not reach a server that asks for no token: its requests bear
        its own origin, or, if it had its name point here, that name as host.

        Raises:
            RequestRefused: 401 or 403.
        """
        origin, host = headers.get(b"origin"), headers.get(b"host", b"")
        if origin is not None and not _same(origin, host):
            raise RequestRefused(403, "requests of other sites' pages are refused")
        if self._wanted is None:
            if _name(host) not in LOCAL_NAMES:
                raise RequestRefused(403, "without a token the host is localhost or 127.0.0.1")
            return
        if path in OPEN_PATHS or path == "/explorer" or path.startswith("/explorer/"):
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        right = hmac.compare_digest(_digest(given.strip()), self._wanted)
        if scheme.lower() != b"bearer" or not right:
            raise RequestRefused(
                401, "a token is wanted: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"}
            )


def _digest(raw: bytes) -> bytes:
    """Of one length whatever was given, so that comparing takes one time."""
    return hashlib.sha256(raw).digest()


def _name(host: bytes) -> str:
    try:
        return (urlsplit("//" + host.decode("ascii")).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _same(origin: bytes, host: bytes) -> bool:
    return origin.partition(b"://")[2].lower() == host.lower()
