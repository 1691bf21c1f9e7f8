"""Which addresses a batch file may be fetched from: public ones, as resolved, and no others.

A `uri` is a stranger's word. It must not make this program speak to the machine's own
services, its network's, or a cloud's metadata: the host is resolved here, every address is
looked at, and the connection goes to an address that was looked at.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from counterfoil.errors import FetchFailed, FetchTooSlow, ForbiddenAddress

NAT64 = ip_network("64:ff9b::/96")
"""Holds an IPv4 address in its last 32 bits. Source: RFC 6052 §2.1."""

METADATA = frozenset({ip_address("168.63.129.16")})
"""A cloud's own service at an address that looks public (Azure's)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """What may be spoken to.

    Attributes:
        loopback: whether this machine itself may, for the local profile alone.
    """

    loopback: bool = False

    def resolve(self, host: str, port: int, timeout: float) -> list[str]:
        """The addresses of a host, each looked at.

        Args:
            timeout: seconds.
        Raises:
            ForbiddenAddress: one of them is not public.
            FetchFailed: there is none.
            FetchTooSlow: the resolver takes longer.
        """
        found: list[str] = []
        failed: list[OSError | UnicodeError] = []

        def ask() -> None:
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                found.extend(dict.fromkeys(str(info[4][0]) for info in infos))
            except (OSError, UnicodeError) as error:
                failed.append(error)

        asking = threading.Thread(target=ask, name="resolve", daemon=True)
        asking.start()
        asking.join(timeout)
        if asking.is_alive():
            raise FetchTooSlow(f"the name {host!r} is not resolved in time: try again")
        if failed or not found:
            raise FetchFailed(f"the name {host!r} leads to no address: is it spelt right?")
        for address in found:
            if not self.allows(address):
                raise ForbiddenAddress(
                    f"{host!r} leads to {address}, which is not public: it is not fetched from"
                )
        return found

    def allows(self, address: str) -> bool:
        """Whether an address may be connected to."""
        try:
            found = ip_address(address)
        except ValueError:  # with a scope, such as fe80::1%eth0
            return False
        inner = _inner(found)
        if inner.is_loopback:
            return self.loopback
        return inner.is_global and not inner.is_multicast and inner not in METADATA


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that packets end at: one inside another counts as itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return IPv4Address("127.0.0.1") if address.teredo[1].is_loopback else IPv4Address(0)
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
