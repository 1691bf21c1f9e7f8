"""Bodies within bounds, codings, and a request's 32 bytes."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from counterfoil.errors import RequestRefused
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO
from counterfoil.server import bodies
from counterfoil.server.asking import request_of
from counterfoil.server.limits import Limits
from hypothesis import given
from hypothesis import strategies as st

SMALL = Limits(body=1000, upload=0.2)


def coming(*parts: bytes, stop: str = "http.request"):
    """A body in parts; then an end, or a client that goes away, or silence."""
    messages = [{"type": "http.request", "body": p, "more_body": True} for p in parts]
    messages.append({"type": stop, "body": b"", "more_body": False})

    async def receive():
        if messages[0]["type"] == "silence":
            await asyncio.sleep(60)
        return messages.pop(0)

    return receive


def read(receive, held=None):
    async def go():
        with (held or bodies.Held(10**6)).counting() as add:
            return await bodies.read(receive, SMALL, add)

    return asyncio.run(go())


def test_read__parts_joined():
    assert read(coming(b"a", b"", b"bc")) == b"abc"


def test_read__past_the_limit__413_at_once():
    with pytest.raises(RequestRefused) as refused:
        read(coming(*[b"x" * 400] * 1000))
    assert refused.value.status == 413


def test_read__too_slow__408():
    with pytest.raises(RequestRefused) as refused:
        read(coming(b"a", stop="silence"))
    assert refused.value.status == 408


def test_read__client_gone__no_answer():
    with pytest.raises(ConnectionResetError):
        read(coming(b"a", stop="http.disconnect"))


def test_held__full__503_and_given_back():
    held = bodies.Held(500)
    with pytest.raises(RequestRefused) as refused:
        read(coming(b"x" * 600), held)
    assert refused.value.status == 503 and "Retry-After" in refused.value.headers
    assert held.bytes == 0
    assert read(coming(b"x" * 400), held) == b"x" * 400
    assert held.bytes == 0


@given(st.binary(max_size=900), st.integers(1, 3))
def test_inflate__what_was_compressed(raw, members):
    cut = len(raw) // members or 1
    parts = [raw[i : i + cut] for i in range(0, len(raw), cut)] or [b""]
    assert bodies.inflate(b"".join(map(gzip.compress, parts)), "gzip", SMALL) == raw
    assert bodies.inflate(zlib.compress(raw), "deflate", SMALL) == raw


@given(st.binary(max_size=200))
def test_inflate__anything__bytes_or_a_refusal(raw):
    for name in ("gzip", "deflate"):
        try:
            assert len(bodies.inflate(raw, name, SMALL)) <= SMALL.body
        except RequestRefused as error:
            assert error.status in (400, 413)


def test_inflate__bomb__413_without_inflating_it():
    bomb = zlib.compress(bytes(10**8), 9)
    with pytest.raises(RequestRefused) as refused:
        bodies.inflate(bomb, "deflate", SMALL)
    assert refused.value.status == 413


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        (None, None),
        ("", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, gzip;q=0.5, deflate;q=0.8", "deflate"),
        ("GZIP; Q=1", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=..", None),
        ("*", None),
        ("identity", None),
    ],
)
def test_wanted_coding__best_of_ours(accepted, wanted):
    assert bodies.wanted_coding(accepted) == wanted


def test_request_of__documented_rule():
    assert request_of(None) == request_of("") == ZERO
    assert request_of("0x" + "aB" * 32) == bytes.fromhex("ab" * 32)
    for plain in ("ab" * 32, "0x12", "0X" + "ab" * 32, "0x" + "ab" * 32 + "\n", "für"):
        assert request_of(plain) == keccak(plain.encode())
