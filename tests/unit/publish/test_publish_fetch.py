"""Fetching batch files over real sockets, from hosts that mean no good."""

from __future__ import annotations

import gzip
import socket
import time
from dataclasses import replace

import pytest
from conftest import batch_file, expected
from counterfoil.errors import (
    BadBatchAddress,
    FetchFailed,
    FetchTooLarge,
    FetchTooSlow,
    ForbiddenAddress,
    MalformedFile,
    OtherBatch,
)
from counterfoil.publish import Hosts, fetch_batch
from static_host import leading, sending

LOOPBACK = Hosts(loopback=True)
FILE = batch_file()


def fetch(host, path="/f", **changes):
    given = {"hosts": LOOPBACK, "time_limit": 2.0, **changes}
    return fetch_batch(f"{host.url}{path}", expected(FILE), **given)


def test_fetch__the_batch__given(host):
    host.answers["/f"] = sending(FILE.dump())
    assert fetch(host).digests == FILE.digests


def test_fetch__redirected__followed(host):
    host.answers["/f"] = leading("/g?x=1")
    host.answers["/g?x=1"] = sending(FILE.dump())
    assert fetch(host).batch == FILE.batch


def test_fetch__redirected_for_ever__refused(host):
    host.answers["/f"] = leading("/f")
    with pytest.raises(FetchFailed, match="more than 3 times"):
        fetch(host)
    assert len(host.asked) == 4


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[fe80::1]/",
        "http://[::ffff:192.168.0.1]/",
        "http://224.0.0.1/",
        "http://0.0.0.0/",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
    ],
)
def test_fetch__redirected_to_an_address_that_is_not_public__refused(host, to):
    host.answers["/f"] = leading(to)
    with pytest.raises(ForbiddenAddress, match="not public"):
        fetch(host)


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://a/b", "gopher://a", "http://u:p@a/b"])
def test_fetch__redirected_to_another_scheme_or_a_user__refused(host, to):
    host.answers["/f"] = leading(to)
    with pytest.raises(BadBatchAddress):
        fetch(host)


def test_fetch__loopback_under_another_profile__refused_before_a_connection(host):
    for uri in (host.url, f"http://localhost:{host.port}/", f"http://[::1]:{host.port}/"):
        with pytest.raises(ForbiddenAddress):
            fetch_batch(uri, expected(FILE), hosts=Hosts())
    assert host.asked == []


def test_fetch__the_name_changes_its_address__the_looked_at_one_is_used(host, monkeypatch):
    """DNS rebinding: the second look would lead elsewhere, so there is none."""
    real, looks = socket.getaddrinfo, []

    def rebinding(name, port, *rest, **more):
        if name == "rebinding.example":
            looks.append(name)
            name = "127.0.0.1" if len(looks) == 1 else "169.254.169.254"
        return real(name, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    host.answers["/f"] = sending(FILE.dump())
    found = fetch_batch(f"http://rebinding.example:{host.port}/f", expected(FILE), hosts=LOOPBACK)
    assert found.batch == FILE.batch and looks == ["rebinding.example"]


def test_fetch__one_of_the_addresses_is_private__refused(host, monkeypatch):
    info = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
        for address in ("93.184.215.14", "192.168.1.1")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: info)
    with pytest.raises(ForbiddenAddress, match=r"192\.168\.1\.1"):
        fetch_batch("http://two.example/", expected(FILE))


def test_fetch__no_such_name__failed():
    with pytest.raises(FetchFailed):
        fetch_batch("http://no-such-name.invalid/", expected(FILE), time_limit=5)


def test_fetch__resolver_hangs__too_slow(monkeypatch):
    def hang(*_, **__):
        time.sleep(2)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = time.monotonic()
    with pytest.raises(FetchTooSlow):
        fetch_batch("http://slow.example/", expected(FILE), time_limit=0.3)
    assert time.monotonic() - start < 1


def test_fetch__without_an_end__stopped_at_what_the_batch_can_need(host):
    host.answers["/f"] = host.flood
    with pytest.raises(FetchTooLarge, match="more than the batch can need"):
        fetch(host, time_limit=20)


@pytest.mark.parametrize("way", ["drip", "drip_headers"])
def test_fetch__drips__stopped_at_the_deadline(host, way):
    host.answers["/f"] = getattr(host, way)
    start = time.monotonic()
    with pytest.raises(FetchTooSlow):
        fetch(host, time_limit=0.6)
    assert time.monotonic() - start < 1.5


def test_fetch__packed__refused_whatever_is_inside(host):
    bomb = gzip.compress(bytes(2**24))
    host.answers["/f"] = sending(bomb, Content_Encoding="gzip")
    with pytest.raises(FetchFailed, match="packed"):
        fetch(host)


def test_fetch__cut_off__failed(host):
    body = FILE.dump()
    host.answers["/f"] = sending(body[:-9], Content_Length=str(len(body)))
    with pytest.raises(FetchFailed):
        fetch(host)


@pytest.mark.parametrize("status", [404, 500, 206])
def test_fetch__another_status__failed(host, status):
    host.answers["/f"] = sending(FILE.dump(), status)
    with pytest.raises(FetchFailed, match=str(status)):
        fetch(host)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"\xff\xfe", b"[" * 20_000])
def test_fetch__no_batch_file__malformed(host, body):
    host.answers["/f"] = sending(body)
    with pytest.raises(MalformedFile):
        fetch(host)


def test_fetch__digests_of_another_root__malformed(host):
    host.answers["/f"] = sending(replace(FILE, digests=bytes(160)).dump())
    with pytest.raises(MalformedFile, match=r"do not give batch\.root"):
        fetch(host)


@pytest.mark.parametrize(
    "other",
    [
        batch_file(of=b"other"),
        batch_file(first=9),
        batch_file(size=4),
        replace(FILE, chain_id=1),
        replace(FILE, batch=replace(FILE.batch, signer=FILE.ledger)),
    ],
)
def test_fetch__another_batch__refused(host, other):
    host.answers["/f"] = sending(other.dump())
    with pytest.raises(OtherBatch):
        fetch(host)


def test_fetch__nobody_listens__failed(host):
    host.close()
    with pytest.raises(FetchFailed):
        fetch(host)


@pytest.mark.parametrize(
    "uri",
    ["", "a/b", "//a/b", "http://", "http://a:99999/", "http://a/ b", "http://a/\nb", "http://[a"],
)
def test_fetch__no_plain_url__refused(uri):
    with pytest.raises(BadBatchAddress):
        fetch_batch(uri, expected(FILE))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("1.1.1.1", True), ("2606:4700:4700::1111", True), ("64:ff9b::101:101", True),
        ("127.0.0.1", False), ("::1", False), ("10.1.2.3", False), ("172.16.0.1", False),
        ("192.168.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("100.100.100.200", False), ("168.63.129.16", False), ("224.0.0.1", False),
        ("ff02::1", False), ("fe80::1", False), ("fe80::1%eth0", False), ("fd00:ec2::254", False),
        ("0.0.0.0", False), ("::", False), ("255.255.255.255", False), ("240.0.0.1", False),
        ("192.0.2.1", False), ("2001:db8::1", False), ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:1.1.1.1", True), ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::", False), ("64:ff9b::a9fe:a9fe", False), ("no address", False),
    ],
)  # fmt: skip
def test_allows__public_addresses_alone(address, allowed):
    assert Hosts().allows(address) is allowed


def test_allows__loopback_when_said__and_nothing_else():
    hosts = Hosts(loopback=True)
    assert hosts.allows("127.0.0.1") and hosts.allows("::1") and hosts.allows("127.8.8.8")
    assert not hosts.allows("10.0.0.1") and not hosts.allows("169.254.169.254")
