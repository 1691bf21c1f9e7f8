"""Batches: cut once, posted by whomever, taken back by a reorg, final."""

from __future__ import annotations

import pytest
from counterfoil.errors import BadDraft, NoSuchBatch
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing import merkle
from counterfoil.hashing.signature import recover
from support.journals import GENESIS, NOW, OPERATOR, digest, draft, log

TRANSACTION = digest("transaction")


@pytest.fixture
def filled(journal):
    journal.seal_many([draft(i) for i in range(5)])
    return journal


def posted(journal, first, at=NOW + 5):
    journal.mark_sent(first, TRANSACTION, 3, NOW + 1)
    journal.mark_posted(first, at, TRANSACTION, 12)


def test_pending__empty__nothing(journal):
    pending = journal.pending()
    assert (pending.first, pending.count) == (0, 0)
    assert pending.oldest_issued_at is None
    assert pending.earliest_settle_by is None
    assert journal.cut_batch() is None


def test_pending__promises__the_earliest(journal, clock):
    journal.seal(draft(0))
    journal.note_chain(GENESIS, log(max_delay=7200), NOW)
    clock.at = NOW + 10
    journal.seal(draft(1))
    journal.note_chain(GENESIS, log(max_delay=60), NOW)
    journal.seal(draft(2))
    pending = journal.pending()
    assert (pending.first, pending.count) == (0, 3)
    assert pending.oldest_issued_at == NOW
    assert pending.earliest_settle_by == NOW + 70
    journal.cut_batch(limit=2)
    assert journal.unsettled_batches()[0].earliest_settle_by == NOW + 10 + 3600


def test_cut_batch__pending__signed_over_their_leaves(filled):
    file = filled.cut_batch("https://a/b")
    assert (file.batch.first, file.batch.size, file.batch.uri) == (0, 5, "https://a/b")
    leaves = [merkle.leaf(s.digest) for s in filled.iterate()]
    assert file.batch.root == merkle.root_of(leaves)
    assert recover(file.batch.digest(filled.chain_id, filled.ledger), file.signature) == (
        filled.signer
    )
    assert BatchFile.parse(file.dump()).batch == file.batch
    again = filled.batch_file(0)
    assert (again.batch, again.signature, again.digests) == (
        file.batch, file.signature, file.digests,
    )  # fmt: skip


def test_cut_batch__again__only_what_came_since(filled):
    filled.cut_batch()
    assert filled.cut_batch() is None
    filled.seal(draft(9))
    assert filled.cut_batch().batch.first == 5
    assert [b.batch.size for b in filled.batches()] == [5, 1]


def test_cut_batch__limit__in_pieces(filled):
    sizes = [filled.cut_batch(limit=2).batch.size for _ in range(3)]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(("uri", "limit"), [("x" * 257, 1), ("", 0), ("", 2**32 + 1)])
def test_cut_batch__out_of_bounds__refused(filled, uri, limit):
    with pytest.raises(BadDraft):
        filled.cut_batch(uri, limit)
    assert filled.batches() == []


def test_cut_batch__two_objects__never_twice(opened, profile, filled):
    other = opened(profile)
    assert filled.cut_batch() is not None
    assert other.cut_batch() is None


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 4097])
def test_receipt_file__posted__path_leads_to_root(journal, size):
    sealed = journal.seal_many([draft(i) for i in range(size)])
    root = journal.cut_batch().batch.root
    posted(journal, 0)
    for n in {0, 1, size // 2, size - 1}:
        if n < size:
            file = journal.receipt_file(n)
            leaf = merkle.leaf(sealed[n].digest)
            assert file.inclusion.root(leaf, n) == root
            assert file.inclusion.posted_at == NOW + 5
            assert file.inclusion.transaction == TRANSACTION


def test_receipt_file__cut_only__no_inclusion(filled):
    filled.cut_batch()
    assert filled.receipt_file(2).inclusion is None


def test_states__the_way_of_a_batch(filled):
    filled.cut_batch()
    assert [b.state for b in filled.unsettled_batches()] == ["cut"]
    filled.mark_sent(0, TRANSACTION, 3, NOW)
    stored = filled.unsettled_batches()[0]
    assert (stored.state, stored.transaction, stored.nonce) == ("sent", TRANSACTION, 3)
    filled.mark_sent(0, digest("replacement"), 3, NOW + 9)
    filled.mark_posted(0, NOW + 20, digest("another's"), 7)
    stored = filled.unsettled_batches()[0]
    assert (stored.state, stored.posted_at, stored.block) == ("posted", NOW + 20, 7)
    assert stored.transaction == digest("another's")
    assert filled.state(1) == "posted"
    filled.mark_final(0)
    assert filled.unsettled_batches() == []
    assert filled.state(1) == "final"


def test_mark_reorged__posted__sent_again_and_no_inclusion(filled):
    filled.cut_batch()
    posted(filled, 0)
    filled.mark_reorged(0)
    stored = filled.unsettled_batches()[0]
    assert (stored.state, stored.posted_at, stored.block) == ("sent", None, None)
    assert filled.receipt_file(0).inclusion is None
    assert filled.state(0) == "sealed"
    posted(filled, 0, at=NOW + 50)
    assert filled.receipt_file(0).inclusion.posted_at == NOW + 50


def test_mark_posted__by_another_before_ours_was_sent__taken(filled):
    filled.cut_batch()
    filled.mark_posted(0, NOW + 5, None, 7)
    assert filled.receipt_file(0).inclusion.transaction is None


def test_marks__wrong_state_or_number__refused(filled):
    filled.cut_batch()
    for move in (
        lambda: filled.mark_final(0),
        lambda: filled.mark_reorged(0),
        lambda: filled.mark_posted(1, NOW, None, 1),
        lambda: filled.batch_file(1),
    ):
        with pytest.raises(NoSuchBatch):
            move()
    posted(filled, 0)
    with pytest.raises(NoSuchBatch):
        filled.mark_sent(0, TRANSACTION, 1, NOW)


def test_state__promise_passed_unposted__broken(journal, clock):
    journal.note_chain(GENESIS, log(), NOW)
    journal.seal(draft())
    clock.at = NOW + 3600
    assert journal.state(0) == "sealed"
    clock.at = NOW + 3601
    assert journal.state(0) == "broken"
    journal.cut_batch()
    posted(journal, 0, at=NOW + 3601)
    assert journal.state(0) == "broken"
    journal.mark_reorged(0)
    posted(journal, 0, at=NOW + 3600)
    assert journal.state(0) == "posted"


def test_sign_log_opening__by_the_logs_key(journal):
    opening, signature = journal.sign_log_opening(OPERATOR, NOW + 1000, 3600)
    assert recover(opening.digest(journal.chain_id, journal.ledger), signature) == journal.signer
    assert (opening.operator, opening.signer) == (OPERATOR, journal.signer)


def test_cut__issued_by__ends_before_what_a_clock_dated_too_late(opened, profile, clock):
    journal = opened(profile)
    journal.seal_many([draft(n) for n in range(3)])
    clock.at += 3600
    journal.seal_many([draft(n) for n in range(3, 5)])
    assert journal.cut_batch(issued_by=NOW - 1) is None
    assert journal.cut_batch(issued_by=NOW).batch.size == 3
    assert journal.cut_batch(issued_by=NOW) is None
    assert journal.pending().count == 2
    assert journal.cut_batch(issued_by=NOW + 3600).batch.size == 2
