"""Settling on the chain inside this process: what is cut when, and what the operator is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil.chain import EMBEDDED_CHAIN_ID
from counterfoil.config import Profile
from counterfoil.errors import (
    BatchRefused,
    ForeignBatch,
    OperatorNeeded,
    OtherGenesis,
    OutOfFunds,
    PayerNeeded,
    Refused,
    SealingRefused,
    TransactionLost,
    WrongChain,
)
from counterfoil.formats.batch import Batch
from counterfoil.hashing.types import Seconds
from counterfoil.journal import Journal
from counterfoil.settle import Settler, close_log, open_log, revoke_log
from counterfoil.verify import verify
from eth_account import Account
from world import draft, world


def all_verify(log, count: int) -> None:
    for sequence in range(count):
        file = log.journal.receipt_file(sequence)
        verify(file, trust=log.trust, chain=log.chain).require_anchored()


def test_step__full_batch__cut_posted_and_final(in_process):
    in_process.seal(4)
    done = in_process.settler().step()
    assert (done.cut, done.sent, done.posted, done.final) == ((0,), (0,), (0,), (0,))
    assert done.done and done.danger is None
    assert in_process.journal.state(3) == "final"
    all_verify(in_process, 4)


def test_step__neither_full_nor_old__waits(in_process):
    in_process.seal(3)
    done = in_process.settler().step()
    assert not done.moved and done.waiting == 3
    assert in_process.settler().step(force=True).cut == (0,)


def test_step__old__cut(in_process):
    settler = in_process.settler(batch_age=Seconds(100))
    in_process.seal(1)
    assert not settler.step().moved
    chains.travel(in_process.chain, Seconds(in_process.chain.now() + 110))
    assert settler.step().cut == (0,)


def test_step__a_third_of_the_promise_gone__cut(in_process):
    settler = in_process.settler(batch_age=Seconds(10**6))
    (sealed,) = in_process.seal(1)
    assert sealed.receipt.settle_by == sealed.receipt.issued_at + 600
    chains.travel(in_process.chain, Seconds(sealed.receipt.issued_at + 150))
    assert not settler.step().moved
    chains.travel(in_process.chain, Seconds(sealed.receipt.issued_at + 205))
    assert settler.step().cut == (0,)
    assert in_process.journal.receipt_file(0).inclusion.posted_at < sealed.receipt.settle_by


def test_step__several_batches_wait__one_transaction(in_process):
    for _ in range(3):
        in_process.seal(2)
        in_process.journal.cut_batch()
    done = in_process.settler().step()
    assert done.sent == done.posted == done.final == (0, 2, 4)
    assert len({b.transaction for b in in_process.journal.batches()}) == 1
    all_verify(in_process, 6)


def test_step__no_log__nothing_posted_and_said(embedded, roles, tmp_path):
    log = world(embedded, tmp_path, roles, open_=False)
    log.seal(5)
    done = log.settler().step(force=True)
    assert done.log is None and not done.moved and done.waiting == 5
    assert any("not open" in note for note in done.notes)
    log.open()
    assert log.settler().step(force=True).final == (0,)
    all_verify(log, 5)
    log.journal.close()


def test_step__nothing_to_do__nothing_sent(in_process):
    done = in_process.settler().step(force=True)
    assert done.done and not done.moved


def test_step__posted_by_a_stranger__inclusion_by_its_event(in_process):
    in_process.seal(3)
    file = in_process.journal.cut_batch()
    transaction = in_process.ledger.post_batch(file, in_process.stranger)
    done = in_process.settler().step()
    assert (done.sent, done.posted, done.final) == ((), (0,), (0,))
    assert in_process.journal.receipt_file(1).inclusion.transaction == transaction
    all_verify(in_process, 3)


def test_step__other_batch_under_our_number__foreign(in_process):
    """Who holds the key, or the operator after a revoke, posts something else."""
    in_process.seal(3)
    ours = in_process.journal.cut_batch()
    revoke_log(in_process.journal, in_process.chain, in_process.operator)
    other = replace(ours, batch=replace(ours.batch, size=2))
    in_process.ledger.post_batch(other, in_process.operator, signed=False)
    with pytest.raises(ForeignBatch, match="another batch at number 0"):
        in_process.settler().step()


def test_step__a_batch_that_starts_elsewhere_covers_ours__foreign(in_process):
    in_process.seal(2)
    in_process.settler().step(force=True)
    in_process.seal(4)
    first = in_process.journal.cut_batch(limit=2)
    second = in_process.journal.cut_batch()
    revoke_log(in_process.journal, in_process.chain, in_process.operator)
    wide = Batch(signer=in_process.journal.signer, first=2, size=4, root=first.batch.root)
    in_process.ledger.post_batch(replace(first, batch=wide), in_process.operator, signed=False)
    assert second.batch.first == 4
    with pytest.raises(ForeignBatch):
        in_process.settler().step()


def test_step__revoked__the_operator_posts_without_a_signature(in_process):
    in_process.seal(3)
    revoke_log(in_process.journal, in_process.chain, in_process.operator)
    without = Settler(in_process.journal, in_process.chain, in_process.payer, in_process.profile)
    with pytest.raises(OperatorNeeded, match=in_process.operator.address):
        without.step(force=True)
    done = in_process.settler().step(force=True)
    assert done.final == (0,)
    found = verify(
        in_process.journal.receipt_file(2), trust=in_process.trust, chain=in_process.chain
    )
    assert found.require_anchored().standing == "revoked"
    assert any("the key was revoked" in note for note in found.notes)


def test_step__several_after_a_revoke__one_transaction(in_process):
    for _ in range(2):
        in_process.seal(2)
        in_process.journal.cut_batch()
    revoke_log(in_process.journal, in_process.chain, in_process.operator)
    assert in_process.settler().step().final == (0, 2)
    all_verify(in_process, 4)


def test_step__closed_and_past_its_end__refused(in_process):
    record, _ = close_log(in_process.journal, in_process.chain, in_process.operator)
    in_process.seal(1)
    end = in_process.ledger.log_end(in_process.journal.signer)
    assert record.closes_at < end
    chains.travel(in_process.chain, Seconds(end + 1))
    with pytest.raises(BatchRefused, match="ledger: log closed"):
        in_process.settler().step(force=True)


def test_step__closed_within_its_end__posted(in_process):
    record, _ = close_log(in_process.journal, in_process.chain, in_process.operator)
    in_process.seal(1)
    chains.travel(in_process.chain, Seconds(record.closes_at + 1))
    assert in_process.settler().step(force=True).final == (0,)
    found = verify(
        in_process.journal.receipt_file(0), trust=in_process.trust, chain=in_process.chain
    )
    assert found.require_anchored().standing == "closed"


def test_step__confirmations__final_when_deep(in_process):
    settler = in_process.settler(confirmations=3)
    in_process.seal(1)
    done = settler.step(force=True)
    assert done.posted == (0,) and done.final == () and done.unconfirmed == 1
    assert in_process.journal.state(0) == "posted"
    blocks = 0
    while not settler.step().final:
        chains.funded_account(in_process.chain)
        blocks += 1
    assert blocks == 2


def test_step__nobody_pays__said(in_process):
    in_process.seal(1)
    settler = Settler(in_process.journal, in_process.chain, None, in_process.profile)
    with pytest.raises(PayerNeeded, match="funded account"):
        settler.step(force=True)
    assert in_process.settler().step().final == (0,)


def test_step__receipts_from_the_future__held_until_the_chain_is_there(in_process):
    ahead = Journal.open(in_process.profile, clock=lambda: in_process.chain.next_time() + 200)
    ahead.seal(draft(0))
    settler = in_process.settler()
    done = settler.step(force=True)
    assert done.cut == () and done.sent == ()
    assert any("set this machine's clock" in note for note in done.notes)
    chains.travel(in_process.chain, Seconds(in_process.chain.now() + 200))
    assert settler.step(force=True).final == (0,)
    all_verify(in_process, 1)
    ahead.close()


def test_drain__never_done__says_what_it_waited_for(in_process):
    ahead = Journal.open(in_process.profile, clock=lambda: in_process.chain.next_time() + 200)
    ahead.seal(draft(0))
    with pytest.raises(TransactionLost, match=r"after 0 s \(.*set this machine's clock\): run"):
        in_process.settler().drain(timeout=0)
    ahead.close()


def test_step__payer_without_money__said(in_process):
    in_process.seal(1)
    poor = Settler(in_process.journal, in_process.chain, Account.create(), in_process.profile)
    with pytest.raises(OutOfFunds):
        poor.step(force=True)
    assert in_process.settler().step().final == (0,)


def test_step__another_genesis__refused(in_process):
    in_process.seal(1)
    other = chains.embedded()
    payer = chains.funded_account(other)
    chains.deploy(other, payer, grace=Seconds(3600))
    settler = Settler(in_process.journal, other, payer, in_process.profile)
    with pytest.raises(OtherGenesis):
        settler.step(force=True)
    assert in_process.journal.batches() == []


def test_step__another_chain_id__refused(in_process):
    profile = replace(in_process.profile, chain_id=1, journal=in_process.profile.journal + "2")
    with (
        Journal.open(profile) as journal,
        pytest.raises(WrongChain, match=f"serves chain {EMBEDDED_CHAIN_ID}, not 1"),
    ):
        Settler(journal, in_process.chain, in_process.payer, profile).step()


def test_step__journal_behind_the_chain__inclusions_read_and_refused(in_process, tmp_path):
    """A backup from before: what it holds gets its inclusions, and it seals no more."""
    in_process.seal(2)
    in_process.journal.cut_batch()
    copy = in_process.journal.backup(tmp_path / "backup")
    in_process.settler().step()
    in_process.seal(3)
    in_process.settler().step(force=True)
    profile: Profile = replace(in_process.profile, journal=f"sqlite:///{copy}")
    with Journal.open(profile) as restored:
        settler = Settler(restored, in_process.chain, in_process.payer, profile)
        done = settler.drain(timeout=10)
        assert any("backup" in note for note in done.notes) and done.danger is None
        assert restored.state(1) == "final"
        assert restored.batches()[-1].batch.first == 0
        with pytest.raises(SealingRefused):
            restored.seal(draft(0))


def test_step__behind_the_chain_with_receipts_in_no_batch__signs_none_anew(in_process, tmp_path):
    """The original has batches at those numbers: another signature there would contradict it."""
    in_process.seal(2)
    copy = in_process.journal.backup(tmp_path / "backup")
    in_process.seal(2)
    in_process.settler().step()
    profile: Profile = replace(in_process.profile, journal=f"sqlite:///{copy}")
    with Journal.open(profile) as restored:
        done = Settler(restored, in_process.chain, in_process.payer, profile).step(force=True)
        assert done.cut == () and restored.batches() == []


def moved(log, settler) -> None:
    """A re-org that takes the last post back and mines it again, half a minute later."""
    tester = log.chain.web3.provider.ethereum_tester
    file = log.journal.cut_batch()
    before = tester.take_snapshot()
    assert settler.step().final == (file.batch.first,)
    tester.revert_to_snapshot(before)
    chains.travel(log.chain, Seconds(log.chain.now() + 30))
    log.ledger.post_batch(file, log.stranger)


def test_step__final_batch_mined_again_at_another_time__corrected(in_process):
    in_process.seal(2)
    settler = in_process.settler(confirmations=1)
    moved(in_process, settler)
    wrong = in_process.journal.receipt_file(0).inclusion
    done = settler.step()
    assert (done.reorged, done.final) == ((0,), (0,))
    assert any("set more confirmations" in note for note in done.notes)
    assert in_process.journal.receipt_file(0).inclusion.posted_at > wrong.posted_at
    all_verify(in_process, 2)
    assert settler.step().reorged == ()


def test_step__final_batch_deep_in_the_chain__not_looked_at_again(in_process, monkeypatch):
    in_process.seal(2)
    settler = in_process.settler()
    settler.step(force=True)
    in_process.chain.web3.provider.ethereum_tester.mine_blocks(130)
    monkeypatch.setattr(type(in_process.ledger), "batch_word", None)
    assert settler.step().done


def test_step__unsent_batch_waits__nothing_else_is_cut(in_process):
    """An outage makes one batch late, not one for every age that passes."""
    in_process.seal(4)
    poor = Settler(in_process.journal, in_process.chain, Account.create(), in_process.profile)
    for _ in range(3):
        with pytest.raises(OutOfFunds):
            poor.step()
        in_process.seal(4)
    assert [b.batch.size for b in in_process.journal.batches()] == [4]
    settler = in_process.settler()
    assert settler.step().final == (0,)
    assert settler.step().final == (4,)
    assert [b.batch.size for b in in_process.journal.batches()] == [4, 12]
    all_verify(in_process, 16)


def busy(log, monkeypatch, calls: list[int]) -> None:
    """Somebody seals whenever a batch is cut."""
    cut = log.journal.cut_batch

    def and_seal(*arguments, **named):
        calls.append(1)
        assert len(calls) < 20
        done = cut(*arguments, **named)
        log.seal(1)
        return done

    monkeypatch.setattr(log.journal, "cut_batch", and_seal)


def test_step__forced_beside_a_busy_sealer__ends(in_process, monkeypatch):
    in_process.seal(2)
    calls: list[int] = []
    busy(in_process, monkeypatch, calls)
    done = in_process.settler().step(force=True)
    assert (done.cut, done.final, done.waiting, len(calls)) == ((0,), (0,), 1, 1)


def test_drain__busy_sealer__ends_when_what_waited_is_final(in_process, monkeypatch):
    in_process.seal(2)
    busy(in_process, monkeypatch, [])
    done = in_process.settler().drain(timeout=20)
    assert in_process.journal.state(1) == "final" and done.waiting == 1


def test_open_log__again__refused_with_the_reason(in_process):
    with pytest.raises(Refused) as refused:
        open_log(
            in_process.journal,
            in_process.chain,
            in_process.operator,
            closes_at=Seconds(in_process.chain.now() + 10_000),
            max_delay=Seconds(600),
        )
    assert refused.value.reason == "ledger: log already opened"


def test_revoke_log__by_a_stranger__refused_with_the_reason(in_process):
    with pytest.raises(Refused) as refused:
        revoke_log(in_process.journal, in_process.chain, in_process.stranger)
    assert refused.value.reason == "ledger: not the operator"


def test_drain__receipts_wait__all_final(in_process):
    in_process.seal(9)
    steps = []
    done = in_process.settler().drain(timeout=60, on_step=steps.append)
    assert done.done and steps[-1] is done
    all_verify(in_process, 9)
