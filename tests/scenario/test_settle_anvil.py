"""Settling on a real node, under what happens to transactions and blocks there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from counterfoil import chain as chains
from counterfoil import keys
from counterfoil.chain import Chain, LedgerClient
from counterfoil.chain.under_way import BEHIND, STUCK_AFTER
from counterfoil.hashing.types import Address
from counterfoil.journal import Journal
from counterfoil.settle import Settler
from counterfoil.settle.points import NAMES
from counterfoil.settle.posting import HURRY_AFTER, Poster, under_way
from counterfoil.verify import verify
from world import World, draft, world

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

GWEI = 10**9


def all_verify(log: World, count: int) -> None:
    for sequence in range(count):
        file = log.journal.receipt_file(sequence)
        verify(file, trust=log.trust, chain=log.chain).require_anchored()


def later(log: World, seconds: int, **changes: object) -> Settler:
    """A settler whose clock is so much later: it has waited for a transaction that long."""
    profile = replace(log.profile, **changes)
    return Settler(log.journal, log.chain, log.payer, profile, clock=lambda: time.time() + seconds)


def posts_of(log: World) -> int:
    """Transactions that the payer has in blocks."""
    return log.chain.web3.eth.get_transaction_count(log.payer.address, "latest")


def test_step__one_batch__final_and_verified(on_anvil):
    on_anvil.seal(5)
    assert on_anvil.settler().step().final == (0,)
    all_verify(on_anvil, 5)


def test_step__confirmations__counted_in_blocks(anvil, on_anvil):
    on_anvil.seal(4)
    settler = on_anvil.settler(confirmations=3)
    assert settler.step().posted == (0,)
    anvil.mine(1)
    assert settler.step().final == ()
    anvil.mine(1)
    assert settler.step().final == (0,)


def test_step__pending__waited_for_and_not_sent_twice(anvil, on_anvil):
    anvil.automine(False)
    on_anvil.seal(4)
    first = on_anvil.settler().step()
    second = on_anvil.settler().step()
    assert first.sent == (0,) and second.sent == ()
    assert any("waits for a block" in note for note in second.notes)
    assert on_anvil.journal.batches()[0].transaction == first.transaction
    anvil.mine(1)
    assert on_anvil.settler().step().final == (0,)


def test_step__dropped__sent_again_under_its_nonce(anvil, on_anvil):
    anvil.automine(False)
    on_anvil.seal(4)
    sent = on_anvil.settler().step()
    nonce = on_anvil.journal.batches()[0].nonce
    anvil.ask("anvil_dropTransaction", "0x" + sent.transaction.hex())
    again = on_anvil.settler().step()
    assert again.sent == (0,)
    assert on_anvil.journal.batches()[0].nonce == nonce
    anvil.mine(1)
    assert on_anvil.settler().step().final == (0,)
    all_verify(on_anvil, 4)


def test_step__stuck_below_the_base_fee__replaced_for_more(anvil, on_anvil):
    anvil.automine(False)
    on_anvil.seal(4)
    sent = on_anvil.settler().step()
    nonce = on_anvil.journal.batches()[0].nonce
    offered = on_anvil.chain.transaction(sent.transaction)["maxFeePerGas"]
    base = 3 * offered
    anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(base))
    anvil.mine(1)
    assert on_anvil.chain.transaction_receipt(sent.transaction) is None
    on_anvil.seal(4)
    again = on_anvil.settler().step()
    assert again.sent == (0, 4)
    stored = on_anvil.journal.batches()
    assert {b.nonce for b in stored} == {nonce}
    raised = on_anvil.chain.transaction(again.transaction)
    assert 8 * raised["maxFeePerGas"] >= 9 * offered and raised["maxFeePerGas"] > base
    assert on_anvil.chain.transaction(sent.transaction) is None
    anvil.mine(1)
    done = on_anvil.settler().step()
    assert done.final == (0, 4)
    all_verify(on_anvil, 8)


def test_step__not_mined_for_long__replaced_for_an_eighth_more(anvil, on_anvil):
    anvil.automine(False)
    on_anvil.seal(4)
    sent = on_anvil.settler().step()
    before = on_anvil.chain.transaction(sent.transaction)
    again = later(on_anvil, 61).step()
    assert again.sent == (0,) and again.transaction != sent.transaction
    after = on_anvil.chain.transaction(again.transaction)
    assert after["nonce"] == before["nonce"]
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert 8 * after[fee] >= 9 * before[fee]
    anvil.mine(1)
    assert on_anvil.settler().step().final == (0,)


def test_step__not_mined_and_the_clock_set_back__replaced(anvil, on_anvil):
    """Its age is not known: it would otherwise be waited for as long as the clock jumped."""
    anvil.automine(False)
    on_anvil.seal(4)
    sent = on_anvil.settler().step()
    nonce = on_anvil.journal.batches()[0].nonce
    again = later(on_anvil, -3600).step()
    assert again.sent == (0,) and again.transaction != sent.transaction
    assert on_anvil.journal.batches()[0].nonce == nonce
    anvil.mine(1)
    assert on_anvil.settler().step().final == (0,)


@pytest.mark.parametrize(("hurry", "patience"), [(False, STUCK_AFTER), (True, HURRY_AFTER)])
def test_slot__behind_one_that_nobody_replaces__its_nonce(anvil, on_anvil, hurry, patience):
    anvil.automine(False)
    payer = Address(on_anvil.payer.address)
    before = chains.next_nonce(on_anvil.chain, payer)
    chains.send(on_anvil.chain, chains.Call(to=payer, data=b"", value=1), on_anvil.payer)
    on_anvil.seal(4)
    assert on_anvil.settler().step().sent == (0,)
    last = under_way(on_anvil.journal.unsettled_batches())
    assert last.nonce == before + 1
    poster = Poster(on_anvil.journal, on_anvil.chain, on_anvil.ledger, on_anvil.payer)
    at = int(last.sent_at)
    assert "waits for a block" in poster.slot(last, at + BEHIND * patience - 1, hurry=hurry)
    assert poster.slot(last, at + BEHIND * patience, hurry=hurry).nonce == before


def test_step__nonce_taken_by_another_program__next_one(anvil, on_anvil):
    anvil.automine(False)
    on_anvil.seal(4)
    sent = on_anvil.settler().step()
    anvil.ask("anvil_dropTransaction", "0x" + sent.transaction.hex())
    anvil.automine(True)
    nonce = on_anvil.journal.batches()[0].nonce
    other = on_anvil.payer.sign_transaction(
        {
            "nonce": nonce, "to": on_anvil.stranger.address, "value": 1, "gas": 21_000,
            "maxFeePerGas": 100 * GWEI, "maxPriorityFeePerGas": GWEI,
            "chainId": on_anvil.chain.chain_id,
        }
    )  # fmt: skip
    on_anvil.chain.web3.eth.send_raw_transaction(other.raw_transaction)
    done = on_anvil.settler().step()
    assert done.final == (0,)
    assert posts_of(on_anvil) == nonce + 2


def test_step__another_settler_first__ours_reverts_and_nothing_is_lost(anvil, on_anvil):
    """Both have sent; the stranger's is mined first, in the same block."""
    anvil.automine(False)
    on_anvil.seal(4)
    sent = on_anvil.settler().step()
    file = on_anvil.journal.batch_file(0)
    call = on_anvil.ledger.contract.web3.functions.post_batch(file.batch.abi(), file.signature)
    high = call.build_transaction(
        {
            "from": on_anvil.stranger.address, "gas": 300_000, "nonce": 0,
            "maxFeePerGas": 1000 * GWEI, "maxPriorityFeePerGas": 500 * GWEI,
        }
    )  # fmt: skip
    raw = on_anvil.stranger.sign_transaction(high).raw_transaction
    theirs = bytes(on_anvil.chain.web3.eth.send_raw_transaction(raw))
    anvil.mine(1)
    assert on_anvil.chain.transaction_receipt(sent.transaction)["status"] == 0
    anvil.automine(True)
    done = on_anvil.settler().step()
    assert done.final == (0,) and done.sent == ()
    assert on_anvil.journal.receipt_file(0).inclusion.transaction == theirs
    on_anvil.seal(4)
    assert on_anvil.settler().step().final == (4,)
    all_verify(on_anvil, 8)


def test_step__two_settlers_take_turns__every_batch_once(on_anvil):
    one, two = on_anvil.settler(), on_anvil.settler()
    for _ in range(3):
        on_anvil.seal(4)
        one.step()
        two.step()
    assert [e.first for e in on_anvil.ledger.batches(on_anvil.journal.signer)] == [8, 4, 0]
    all_verify(on_anvil, 12)


def test_step__two_settlers_at_once__every_batch_once(on_anvil):
    stop = threading.Event()
    errors: list[BaseException] = []

    def settle() -> None:
        try:
            chain = Chain.connect(on_anvil.chain.web3.provider._url)
            on_anvil.settler(chain).run(stop, 0.02)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=settle) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        on_anvil.seal(4)
        time.sleep(0.05)
    deadline = time.monotonic() + 30
    while any(on_anvil.journal.state(i) != "final" for i in range(20)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert errors == []
    found = [e.first for e in on_anvil.ledger.batches(on_anvil.journal.signer)]
    assert len(found) == len(set(found))
    all_verify(on_anvil, 20)


def test_run__two_logs_on_one_payer__neither_takes_the_others_nonce(anvil, on_anvil, tmp_path):
    accounts = (on_anvil.operator, on_anvil.payer, on_anvil.stranger)
    (tmp_path / "other").mkdir()
    logs = [on_anvil, world(anvil.chain, tmp_path / "other", accounts)]
    nonce = posts_of(on_anvil)
    stop = threading.Event()
    threads = []
    for log in logs:
        settler = log.settler(Chain.connect(anvil.url))
        threads.append(threading.Thread(target=settler.run, args=(stop, 0.02)))
        log.seal(4)
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while any(log.journal.state(3) != "final" for log in logs):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    for thread in threads:
        thread.join(20)
    assert posts_of(on_anvil) == nonce + 2
    for log in logs:
        all_verify(log, 4)
    logs[1].journal.close()


def test_step__another_settler_between_look_and_mark__left_to_it(on_anvil, monkeypatch):
    """One settler makes the batch final while another has just read it as sent."""
    on_anvil.seal(4)
    file = on_anvil.journal.cut_batch()
    on_anvil.ledger.post_batch(file, on_anvil.stranger)
    whole = LedgerClient.batch_word

    def slowly(self, signer, first):
        monkeypatch.setattr(LedgerClient, "batch_word", whole)
        assert on_anvil.settler().step().final == (0,)
        return whole(self, signer, first)

    monkeypatch.setattr(LedgerClient, "batch_word", slowly)
    done = on_anvil.settler().step()
    assert done.final == () and any("another settler was quicker" in n for n in done.notes)
    assert on_anvil.settler().step().done


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_step__reorged_before_final__posted_again(anvil, on_anvil, depth):
    on_anvil.seal(4)
    settler = on_anvil.settler(confirmations=10)
    settler.step()
    anvil.mine(depth - 1)
    anvil.ask("anvil_reorg", depth, [])
    done = settler.step()
    assert done.reorged == (0,) and done.posted == (0,)
    assert on_anvil.ledger.next_sequence(on_anvil.journal.signer) == 4
    anvil.mine(10)
    assert settler.step().final == (0,)
    all_verify(on_anvil, 4)


@pytest.mark.parametrize("depth", [2, 5])
def test_step__reorged_after_final__posted_again_and_said(anvil, on_anvil, depth):
    """A re-org deeper than the confirmations: two final batches go, the log stays."""
    anvil.mine(3)
    settler = on_anvil.settler(confirmations=1)
    for _ in range(2):
        on_anvil.seal(4)
        assert settler.step().final
    anvil.mine(depth - 2)
    anvil.ask("anvil_reorg", depth, [])
    assert on_anvil.ledger.next_sequence(on_anvil.journal.signer) == 0
    done = settler.step()
    assert done.reorged == (0, 4) and done.final == (0, 4)
    assert any("set more confirmations" in note for note in done.notes)
    all_verify(on_anvil, 8)


def test_step__reorged_after_final_and_mined_again_at_once__corrected(anvil, on_anvil):
    """The log's next sequence is as before; only the batch's time tells."""
    settler = on_anvil.settler(confirmations=1)
    on_anvil.seal(4)
    final = settler.step()
    assert final.final == (0,)
    before = on_anvil.journal.receipt_file(0).inclusion
    raw = on_anvil.chain.web3.eth.get_raw_transaction(final.transaction)
    anvil.ask("anvil_reorg", 1, [])
    anvil.ask("evm_increaseTime", 60)
    if on_anvil.chain.transaction(final.transaction) is None:
        on_anvil.chain.web3.eth.send_raw_transaction(raw)
    anvil.mine(1)
    assert on_anvil.ledger.next_sequence(on_anvil.journal.signer) == 4
    done = settler.step()
    assert done.reorged == (0,) and done.final == (0,)
    after = on_anvil.journal.receipt_file(0).inclusion
    assert after.transaction == before.transaction
    assert after.posted_at >= before.posted_at + 30
    all_verify(on_anvil, 4)


def test_step__promise_in_danger__said(anvil, on_anvil):
    anvil.automine(False)
    (sealed,) = on_anvil.seal(1)
    assert sealed.receipt.settle_by == sealed.receipt.issued_at + 600
    on_anvil.settler().step(force=True)
    assert on_anvil.settler().step().danger is None
    late = later(on_anvil, 400).step()
    assert late.danger is not None and 190 <= late.danger.left <= 200
    anvil.mine(1)
    assert on_anvil.settler().step().danger is None


def test_run__until_stopped__settles_in_the_background(anvil, on_anvil):
    stop, steps = threading.Event(), []
    thread = threading.Thread(
        target=on_anvil.settler().run, args=(stop, 0.05), kwargs={"on_step": steps.append}
    )
    thread.start()
    on_anvil.seal(9)
    deadline = time.monotonic() + 20
    while on_anvil.journal.state(7) != "final" and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert on_anvil.journal.state(7) == "final"
    assert steps


# Killed at each point, in a process of its own


CHILD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from counterfoil import keys
from counterfoil.chain import Chain, LedgerClient
from counterfoil.config import load_profile
from counterfoil.journal import Journal
from counterfoil.settle import Settler
profile = load_profile("test")
journal = Journal.open(profile, create=False)
Settler(
    journal, Chain.connect(profile.rpc), keys.account("env:PAYER"), profile
).step(force=True)
"""


SEEN = ("settle.seen", "settle.posted", "settle.final")


@pytest.mark.parametrize(
    ("point", "mining"),
    [(n, "at once") for n in NAMES if n != "settle.reorged"]
    + [(n, "later") for n in NAMES if n != "settle.reorged" and n not in SEEN],
)
def test_step__killed__the_next_process_goes_on(
    anvil, on_anvil, tmp_path, monkeypatch, point, mining
):
    from counterfoil.config import save_profile

    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    save_profile(replace(on_anvil.profile, rpc=anvil.url))
    on_anvil.seal(4)
    anvil.automine(mining == "at once")
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(Path(keys.__file__).parents[1])],
        env={
            **os.environ,
            "COUNTERFOIL_FAILPOINT": point,
            "PAYER": on_anvil.payer.key.hex(),
        },
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    on_anvil.settler().step(force=True)
    anvil.automine(True)
    anvil.mine(1)
    on_anvil.settler().step(force=True)
    assert on_anvil.journal.state(3) == "final"
    found = list(on_anvil.ledger.batches(on_anvil.journal.signer))
    assert [(e.first, e.size) for e in found] == [(0, 4)]
    assert on_anvil.chain.web3.eth.get_transaction_count(
        on_anvil.payer.address, "pending"
    ) == posts_of(on_anvil)
    all_verify(on_anvil, 4)


def test_step__journal_closed_between_send_and_confirm__goes_on(anvil, on_anvil):
    anvil.automine(False)
    on_anvil.journal.seal(draft(0))
    on_anvil.settler().step(force=True)
    on_anvil.journal.close()
    anvil.mine(1)
    on_anvil.journal = Journal.open(on_anvil.profile)
    assert on_anvil.settler().step().final == (0,)
    all_verify(on_anvil, 1)
