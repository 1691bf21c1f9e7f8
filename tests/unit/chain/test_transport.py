"""Every way in which an RPC can fail, over a real socket."""

from __future__ import annotations

import sys
import time
from typing import Any

import pytest
from counterfoil.chain import Chain
from counterfoil.chain import transport as transport_module
from counterfoil.chain.transport import HttpTransport, host_of
from counterfoil.errors import (
    AccessDenied,
    BadAnswer,
    BadRpcAddress,
    ChainBusy,
    ChainTimeout,
    ChainUnreachable,
    WrongChain,
)

TIMEOUT = 0.5
SECRET = "key-in-the-path"


def ask(rpc: Any, timeout: float = TIMEOUT) -> Any:
    return HttpTransport(f"{rpc.url}/{SECRET}", timeout=timeout).make_request("eth_chainId", [])


@pytest.fixture
def fails(rpc):
    """The request fails so, in bounded time, in one line, and without showing the URL's key."""

    def check(kind: type[Exception], *words: str) -> str:
        start = time.monotonic()
        with pytest.raises(kind) as found:
            ask(rpc)
        assert time.monotonic() - start < 2 * TIMEOUT + 0.5
        message = str(found.value)
        assert "\n" not in message and SECRET not in message
        assert type(found.value) is kind
        for word in words:
            assert word in message
        return message

    return check


def test_make_request__answer__given(rpc):
    rpc.answer = lambda exchange: exchange.result("0x7a69")
    assert ask(rpc)["result"] == "0x7a69"


def test_make_request__nobody_listens__unreachable(rpc, fails):
    rpc.close()
    fails(ChainUnreachable, "start the node", "Connection refused")


def test_make_request__hangs__timeout(rpc, fails):
    rpc.answer = rpc.hang
    fails(ChainTimeout, "0.5 s")


def test_make_request__drips__timeout(rpc, fails):
    rpc.answer = rpc.drip
    fails(ChainTimeout)


@pytest.mark.parametrize("status", [429, 503])
def test_make_request__always_busy__busy_after_tries(rpc, fails, status):
    rpc.answer = lambda exchange: exchange.raw(status, b"slow down")
    fails(ChainBusy, str(status))
    assert 2 <= len(rpc.methods) <= transport_module.ATTEMPTS


def test_make_request__busy_twice__answered(rpc):
    def answer(exchange):
        if len(rpc.methods) < 3:
            exchange.raw(429, b"", {"Retry-After": "0"})
        else:
            exchange.result("0x1")

    rpc.answer = answer
    assert ask(rpc, timeout=5)["result"] == "0x1"


def test_make_request__retry_after_past_the_timeout__no_second_try(rpc, fails):
    rpc.answer = lambda exchange: exchange.raw(429, b"", {"Retry-After": "60"})
    fails(ChainBusy)
    assert len(rpc.methods) == 1


def test_make_request__rate_limit_as_an_error__busy(rpc, fails):
    rpc.answer = lambda exchange: exchange.error(-32005, "daily request rate limit reached")
    fails(ChainBusy, "limits its requests")


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>gateway</html>", b'{"jsonrpc": "2.0"', b"[]", b"null", b'{"id": 0}', b"\xff\xfe"],
)
def test_make_request__no_json_rpc__bad_answer(rpc, fails, body):
    rpc.answer = lambda exchange: exchange.raw(200, body)
    fails(BadAnswer, "no JSON-RPC")


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"result":' * 200_000, b"[" * 65])
def test_make_request__deep_json__bad_answer(rpc, fails, body):
    """Also where something has raised Python's recursion limit, as py-evm does."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        rpc.answer = lambda exchange: exchange.raw(200, body)
        fails(BadAnswer, "no JSON-RPC")
    finally:
        sys.setrecursionlimit(before)


def test_make_request__brackets_in_a_string__given(rpc):
    rpc.answer = lambda exchange: exchange.result("[{" * 1000 + '"\\')
    assert ask(rpc)["result"] == "[{" * 1000 + '"\\'


def test_make_request__server_error__bad_answer(rpc, fails):
    rpc.answer = lambda exchange: exchange.raw(500, b"oops")
    fails(BadAnswer, "HTTP status 500")


def test_make_request__redirect__not_followed(rpc, fails):
    rpc.answer = lambda exchange: exchange.raw(302, b"", {"Location": "http://127.0.0.1:9/"})
    fails(BadAnswer, "302")


def test_make_request__answer_to_another_request__bad_answer(rpc, fails):
    rpc.answer = lambda exchange: exchange.json({"jsonrpc": "2.0", "id": 99, "result": "0x1"})
    fails(BadAnswer, "another request")


def test_make_request__half_an_answer__unreachable(rpc, fails):
    def answer(exchange):
        exchange.raw(200, b'{"jsonrpc"', {"Content-Length": "500"})
        exchange.handler.close_connection = True

    rpc.answer = answer
    fails(ChainUnreachable)


def test_make_request__closed_before_the_answer__unreachable(rpc, fails):
    def answer(exchange):
        exchange.handler.close_connection = True

    rpc.answer = answer
    fails(ChainUnreachable)


def test_make_request__too_large__bad_answer(rpc, fails, monkeypatch):
    monkeypatch.setattr(transport_module, "MAX_ANSWER", 2**20)
    rpc.answer = lambda exchange: exchange.result("0x" + "0" * 2**21)
    fails(BadAnswer, "1 MiB")


@pytest.mark.parametrize("status", [401, 403])
def test_make_request__no_access__said_at_once(rpc, fails, status):
    rpc.answer = lambda exchange: exchange.raw(status, b"who are you")
    fails(AccessDenied, "check the key")
    assert len(rpc.methods) == 1


@pytest.mark.parametrize("url", ["", "localhost:8545", "ftp://node", "http://", "http://[::1"])
def test_host_of__no_http_url__refused(url):
    with pytest.raises(BadRpcAddress):
        host_of(url)


def test_host_of__keys__left_out():
    shown = host_of("https://user:password@node.example:8545/v3/key?token=1")
    assert shown == "https://node.example:8545"


def test_connect__another_chain__refused(rpc):
    rpc.answer = lambda exchange: exchange.result("0x1")
    with pytest.raises(WrongChain, match="serves chain 1, not 31337"):
        Chain.connect(rpc.url, expect_chain_id=31337)


@pytest.mark.parametrize("result", [None, "one", {}, "0x", [], "0xzz"])
def test_connect__chain_id_of_another_type__bad_answer(rpc, result):
    rpc.answer = lambda exchange: exchange.result(result)
    with pytest.raises(BadAnswer):
        Chain.connect(rpc.url, timeout=TIMEOUT)


def test_check__chain_id_changes__refused(rpc):
    rpc.answer = lambda exchange: exchange.result("0x7a69")
    chain = Chain.connect(rpc.url, timeout=TIMEOUT)
    rpc.answer = lambda exchange: exchange.result("0x1")
    with pytest.raises(WrongChain, match="now serves chain 1"):
        chain.check()


@pytest.mark.parametrize("block", [None, {}, {"hash": "0x12"}, "0x", {"hash": None}, []])
def test_latest__no_block__bad_answer(rpc, block):
    rpc.answer = lambda exchange: exchange.result("0x7a69")
    chain = Chain.connect(rpc.url, timeout=TIMEOUT)
    rpc.answer = lambda exchange: exchange.result(block)
    with pytest.raises(BadAnswer):
        chain.latest()
