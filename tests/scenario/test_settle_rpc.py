"""Settling and verifying through an RPC that fails, or lies: a real socket before a real node."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace

import pytest
from counterfoil import artefacts
from counterfoil.chain import Chain
from counterfoil.errors import (
    BadAnswer,
    ChainBusy,
    ChainTimeout,
    ChainUnavailable,
    ChainUnreachable,
    NotInBatch,
    NotSettled,
    WrongChain,
)
from counterfoil.hashing.eip712 import word
from counterfoil.settle import Settler
from counterfoil.verify import verify
from rpc import passing

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

TIMEOUT = 1.0


@pytest.fixture
def through(faulty, on_anvil):
    """A settler that knows the chain through the faulty RPC alone."""
    return on_anvil.settler(Chain.connect(faulty.url, timeout=TIMEOUT))


def busy(exchange):
    exchange.raw(429, b"")


def garbage(exchange):
    exchange.raw(200, b"<html>maintenance</html>")


def half(exchange):
    exchange.raw(200, b'{"jsonrpc": "2.0", "id"', {"Content-Length": "300"})
    exchange.handler.close_connection = True


def empty_results(exchange):
    exchange.result(None)


FAULTS = {
    "busy": (busy, ChainBusy),
    "garbage": (garbage, BadAnswer),
    "half answers": (half, ChainUnreachable),
    "empty results": (empty_results, BadAnswer),
    "hanging": (None, ChainTimeout),
}


@pytest.mark.parametrize("name", FAULTS)
def test_step__rpc_fails_from_the_start__nothing_lost(faulty, on_anvil, through, name):
    answer, kind = FAULTS[name]
    on_anvil.seal(4)
    faulty.answer = answer or faulty.hang
    start = time.monotonic()
    with pytest.raises(kind) as found:
        through.step()
    assert isinstance(found.value, ChainUnavailable) and "\n" not in str(found.value)
    assert time.monotonic() - start < 3 * TIMEOUT
    assert on_anvil.journal.batches() == []
    faulty.answer = passing
    assert through.step().final == (0,)


METHODS = (
    "eth_getBlockByNumber",
    "eth_call",
    "eth_estimateGas",
    "eth_getTransactionCount",
    "eth_getBalance",
    "eth_sendRawTransaction",
    "eth_getLogs",
    "eth_getTransactionReceipt",
    "eth_blockNumber",
)


@pytest.mark.parametrize("method", METHODS)
def test_step__one_method_fails__the_next_step_goes_on(faulty, on_anvil, through, method):
    """Whichever request of a step fails, the batch is posted once and confirmed later."""
    on_anvil.seal(4)

    def answer(exchange):
        garbage(exchange) if exchange.method == method else passing(exchange)

    faulty.answer = answer
    with pytest.raises(BadAnswer):
        through.step()
    faulty.answer = passing
    through.step()
    assert on_anvil.journal.state(3) == "final"
    found = [each.first for each in on_anvil.ledger.batches(on_anvil.journal.signer)]
    assert found == [0]


@pytest.mark.parametrize("lost", [1, 100])
def test_step__answer_to_the_send_is_lost__not_sent_twice(faulty, on_anvil, through, lost):
    """The node took the transaction, and the connection broke before it said so."""
    on_anvil.seal(4)
    sends = []

    def answer(exchange):
        if exchange.method == "eth_sendRawTransaction":
            sends.append(exchange.forward())
            if len(sends) <= lost:
                exchange.handler.close_connection = True
                return
            exchange.json(sends[-1])
        else:
            passing(exchange)

    faulty.answer = answer
    nonce = on_anvil.chain.web3.eth.get_transaction_count(on_anvil.payer.address)
    if lost == 1:  # the second try finds the transaction known or mined: it had arrived
        assert through.step().final == (0,)
    else:
        with pytest.raises(ChainUnreachable):
            through.step()
        assert on_anvil.journal.batches()[0].state == "sent"
        faulty.answer = passing
        done = through.step()
        assert done.final == (0,) and done.sent == ()
    assert len(sends) > 1
    assert on_anvil.chain.web3.eth.get_transaction_count(on_anvil.payer.address) == nonce + 1


def test_step__rpc_now_serves_another_chain__refused(start_anvil, faulty, on_anvil, through):
    on_anvil.seal(4)
    through.step()
    other = start_anvil("--chain-id", "11155111")

    def elsewhere(exchange):
        exchange._upstream = other.url
        passing(exchange)

    on_anvil.seal(4)
    faulty.answer = elsewhere
    with pytest.raises(WrongChain, match="now serves chain 11155111, before it was 31337"):
        through.step()
    assert on_anvil.journal.pending().count == 4
    faulty.answer = passing
    assert through.step().final == (4,)


def test_step__rpc_now_serves_a_chain_of_the_same_id__refused(
    start_anvil, faulty, on_anvil, through
):
    on_anvil.seal(4)
    through.step()
    other = start_anvil("--timestamp", "1700000000")

    def elsewhere(exchange):
        exchange._upstream = other.url
        passing(exchange)

    faulty.answer = elsewhere
    with pytest.raises(WrongChain, match="started anew"):
        through.step()


def test_step__event_invented__not_believed(faulty, on_anvil, through):
    """An event whose time differs from the ledger's word is no inclusion."""
    on_anvil.seal(4)

    def answer(exchange):
        value = exchange.forward()
        if exchange.method == "eth_getLogs":
            for entry in value["result"]:
                data = entry["data"][2:]
                entry["data"] = "0x" + data[:128] + word(5).hex() + data[192:]
        exchange.json(value)

    faulty.answer = answer
    with pytest.raises(BadAnswer, match="word contradicts"):
        through.step()
    assert on_anvil.journal.batches()[0].state == "sent"


def test_step__events_lag_behind__waited_for(faulty, on_anvil, through):
    on_anvil.seal(4)

    def answer(exchange):
        exchange.result([]) if exchange.method == "eth_getLogs" else passing(exchange)

    faulty.answer = answer
    done = through.step()
    assert done.posted == () and done.unconfirmed == 1
    assert any("not visible yet" in note for note in done.notes)
    faulty.answer = passing
    assert through.step().final == (0,)


def test_run__rpc_down_from_the_start__settles_once_it_is_up(faulty, on_anvil, caplog):
    on_anvil.seal(4)
    faulty.answer = busy
    errors, stop = [], threading.Event()
    settler = Settler(
        on_anvil.journal,
        lambda: Chain.connect(faulty.url, timeout=0.3),
        on_anvil.payer,
        on_anvil.profile,
    )
    thread = threading.Thread(
        target=settler.run, args=(stop, 0.05), kwargs={"on_error": errors.append}
    )
    with caplog.at_level(logging.WARNING, logger="counterfoil"):
        thread.start()
        for answer in (garbage, half, empty_results, faulty.hang):
            seen = len(errors)
            deadline = time.monotonic() + 15
            while len(errors) == seen and time.monotonic() < deadline:
                time.sleep(0.02)
            faulty.answer = answer
        faulty.answer = passing
        deadline = time.monotonic() + 30
        while on_anvil.journal.state(3) != "final" and time.monotonic() < deadline:
            time.sleep(0.05)
        stop.set()
        thread.join(15)
    assert not thread.is_alive()
    assert on_anvil.journal.state(3) == "final"
    assert len({type(error) for error in errors}) >= 3
    assert any("settling waits" in record.message for record in caplog.records)


# Verifying


@pytest.fixture
def settled(on_anvil):
    on_anvil.seal(4)
    on_anvil.settler().step()
    return on_anvil.journal.receipt_file(2)


def test_verify__through_a_working_rpc__anchored(faulty, on_anvil, settled):
    chain = Chain.connect(faulty.url, timeout=TIMEOUT)
    found = verify(settled, trust=on_anvil.trust, chain=chain)
    assert found.require_anchored().first == 0
    assert any(faulty.url in note and "was believed" in note for note in found.notes)


@pytest.mark.parametrize("name", FAULTS)
def test_verify__rpc_fails__said_and_not_anchored(faulty, on_anvil, settled, name):
    answer, kind = FAULTS[name]
    chain = Chain.connect(faulty.url, timeout=TIMEOUT)
    faulty.answer = answer or faulty.hang
    with pytest.raises(kind):
        verify(settled, trust=on_anvil.trust, chain=chain)


def lying(function, value):
    """Answers calls of one ledger function with `value`, all else truly."""
    identifiers = artefacts.load("ReceiptLedger")["methodIdentifiers"]
    selector = next(found for name, found in identifiers.items() if name.split("(")[0] == function)

    def answer(exchange):
        if exchange.method == "eth_call" and (
            exchange.request["params"][0].get("data") or exchange.request["params"][0]["input"]
        ).startswith(selector):
            exchange.result("0x" + value.hex())
        else:
            passing(exchange)

    return answer


@pytest.mark.parametrize(
    ("function", "value", "error"),
    [
        ("batch_word", bytes(32), NotSettled),
        ("batch_word", b"\x01" * 32, NotInBatch),
        ("verify", bytes(32), BadAnswer),
        ("verify", b"\x01", BadAnswer),
        ("log_record", b"\x01" * 31, BadAnswer),
    ],
)
def test_verify__rpc_lies_about_the_receipt__not_anchored(
    faulty, on_anvil, settled, function, value, error
):
    chain = Chain.connect(faulty.url, timeout=TIMEOUT)
    faulty.answer = lying(function, value)
    with pytest.raises(error):
        verify(settled, trust=on_anvil.trust, chain=chain)


def test_verify__rpc_vouches_for_a_made_up_word__contradicts_itself(faulty, on_anvil, settled):
    """It gives the word that the forged path needs; its other answers give it away."""
    from counterfoil.formats.batch import batch_word

    (sealed,) = on_anvil.seal(1)
    waiting = on_anvil.journal.receipt_file(sealed.receipt.sequence)
    path = replace(settled.inclusion, first=4, size=1, path=())
    forged = replace(waiting, inclusion=path)
    root = path.root(sealed.receipt.leaf(sealed.chain_id, sealed.ledger), 4)
    chain = Chain.connect(faulty.url, timeout=TIMEOUT)
    faulty.answer = lying("batch_word", batch_word(root, 1, path.posted_at))
    with pytest.raises(BadAnswer, match="contradicts itself"):
        verify(forged, trust=on_anvil.trust, chain=chain)
