"""`post_group`: what would be refused is skipped and reported; it stops none of the others."""

from dataclasses import replace

import ape
import pytest
from book import MAX_DELAY, key
from counterfoil.formats.batch import batch_word


@pytest.fixture
def row(book):
    """Three batches of one log, 2 receipts each, in order."""
    return [book.batch([book.receipt(n), book.receipt(n + 1)]) for n in (0, 2, 4)]


def skipped(ledger, batch, reason):
    return ledger.BatchSkipped(
        signer=batch.signer, first=batch.first, root=batch.root, reason=reason
    )


def posted(ledger, batch, at):
    return ledger.BatchPosted(
        signer=batch.signer,
        first=batch.first,
        size=batch.size,
        root=batch.root,
        postedAt=at,
        uri=batch.uri,
    )


@pytest.fixture
def post(ledger):
    """Post a group, and hold what it returns against its events."""

    def send(group, sender):
        # a transaction's return value needs a tracing node: ask beforehand
        count = ledger.post_group.call(group, sender=sender)
        transaction = ledger.post_group(group, sender=sender)
        assert count == len(list(transaction.decode_logs(ledger.BatchPosted)))
        return transaction

    return send


def test_post_group__posts_all_in_order(ledger, post, book, payer, signer, opened, row):
    transaction = post([book.signed(b) for b in row], sender=payer)
    assert ledger.next_sequence(signer.address) == 6
    for batch in row:
        assert ledger.batch_word(signer.address, batch.first) == batch_word(
            batch.root, 2, transaction.timestamp
        )
    assert transaction.events == [posted(ledger, b, transaction.timestamp) for b in row]
    assert len(transaction.logs) == 3


def test_post_group__of_several_logs(ledger, post, book, payer, signer, other_signer, opened, row):
    book.open(by=other_signer)
    theirs = book.batch([book.receipt(0, signer=other_signer.address)])
    group = [book.signed(row[0]), book.signed(theirs, other_signer), book.signed(row[1])]
    assert len(post(group, sender=payer).logs) == 3
    assert ledger.next_sequence(signer.address) == 4
    assert ledger.next_sequence(other_signer.address) == 1


def test_post_group__empty__does_nothing(ledger, post, payer, opened, state):
    before = state()
    transaction = post([], sender=payer)
    assert transaction.logs == []
    assert state() == before


def test_post_group__already_posted_by_another_settler__is_skipped(
    ledger, post, book, payer, stranger, signer, opened, row
):
    ledger.post_batch(*book.signed(row[0]), sender=stranger)
    before = ledger.batch_word(signer.address, 0)
    transaction = post([book.signed(b) for b in row], sender=payer)
    assert transaction.events == [
        skipped(ledger, row[0], "ledger: first already posted"),
        posted(ledger, row[1], transaction.timestamp),
        posted(ledger, row[2], transaction.timestamp),
    ]
    assert ledger.batch_word(signer.address, 0) == before
    assert ledger.next_sequence(signer.address) == 6


def test_post_group__a_batch_twice__is_posted_once(ledger, post, book, payer, signer, opened, row):
    signed = book.signed(row[0])
    transaction = post([signed, signed], sender=payer)
    assert transaction.events == [
        posted(ledger, row[0], transaction.timestamp),
        skipped(ledger, row[0], "ledger: first already posted"),
    ]


def test_post_group__a_gap__skips_what_follows_in_that_log(
    ledger, post, book, payer, signer, opened, row
):
    spoilt = (row[1].abi(), book.signed(row[1])[1][:64])
    group = [book.signed(row[0]), spoilt, book.signed(row[2])]
    transaction = post(group, sender=payer)
    assert transaction.events == [
        posted(ledger, row[0], transaction.timestamp),
        skipped(ledger, row[1], "signature: not 65 bytes"),
        skipped(ledger, row[2], "ledger: gap before first"),
    ]
    assert ledger.next_sequence(signer.address) == 2


def test_post_group__every_refusal__is_reported_and_the_last_still_posted(
    ledger, post, book, payer, signer, other_signer, opened, row
):
    good = row[0]
    signature = book.sign_batch(good)
    upper = signature[:32] + b"\xff" * 32 + signature[64:]
    refusals = [
        (replace(good, signer=other_signer.address), signature, "ledger: log not open"),
        (replace(good, size=0), signature, "ledger: batch is empty"),
        (replace(good, size=2**32 + 1), signature, "ledger: batch too large"),
        (replace(good, first=2**64 - 1), signature, "ledger: sequence past 2^64"),
        (replace(good, first=1), signature, "ledger: gap before first"),
        (good, b"", "signature: not 65 bytes"),
        (good, signature[:64] + b"\0", "signature: v is neither 27 nor 28"),
        (good, upper, "signature: s in the upper half"),
        (good, bytes(64) + b"\x1b", "signature: recovers to nobody"),
        (good, book.sign_batch(good, key("somebody")), "signature: not by the signer"),
    ]
    group = [(batch.abi(), sign) for batch, sign, _ in refusals]
    transaction = post([*group, book.signed(good)], sender=payer)
    assert transaction.events == [
        *(skipped(ledger, batch, reason) for batch, _, reason in refusals),
        posted(ledger, good, transaction.timestamp),
    ]
    assert ledger.next_sequence(signer.address) == 2


def test_post_group__revoked_and_closed_logs__are_skipped(
    ledger, post, book, payer, operator, signer, other_signer, closes_at, at, row
):
    end = closes_at + MAX_DELAY + ledger.grace()
    book.open(by=other_signer, closes_at=end + 10)
    theirs = book.batch([book.receipt(0, signer=other_signer.address)])
    ours, others = book.signed(row[0]), book.signed(theirs, other_signer)
    at(end + 1)
    ledger.revoke_log(other_signer.address, sender=operator)
    transaction = post([ours, others], sender=payer)
    assert transaction.events == [
        skipped(ledger, row[0], "ledger: log closed"),
        skipped(ledger, theirs, "ledger: log revoked"),
    ]
    assert ledger.next_sequence(signer.address) == 0
    by_operator = post([others, (theirs.abi(), b"")], sender=operator)
    assert by_operator.events == [
        skipped(ledger, theirs, "ledger: signature after a revoke"),
        posted(ledger, theirs, by_operator.timestamp),
    ]


def test_post_group__of_32__is_posted(ledger, post, book, payer, signer, opened):
    row = [book.batch([book.receipt(n)]) for n in range(32)]
    post([book.signed(b) for b in row], sender=payer)
    assert ledger.next_sequence(signer.address) == 32


def test_post_group__of_33__the_decoder_reverts(ledger, post, book, payer, opened, state):
    row = [book.batch([book.receipt(n)]) for n in range(33)]
    before = state()
    with pytest.raises(ape.exceptions.ContractLogicError):
        ledger.post_group([book.signed(b) for b in row], sender=payer)
    assert state() == before


def test_post_group__an_overlong_signature__harms_its_sender_alone(
    ledger, post, book, payer, stranger, signer, opened, state, row
):
    batch, signature = book.signed(row[0])
    before = state()
    with pytest.raises(ape.exceptions.ContractLogicError):
        ledger.post_group([(batch, signature + b"\0")], sender=stranger)
    assert state() == before
    post([(batch, signature)], sender=payer)
    assert ledger.next_sequence(signer.address) == 2
