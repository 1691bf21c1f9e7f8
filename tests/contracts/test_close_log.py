"""`close_log`: early, by the operator alone, after `maxDelay`'s notice."""

import pytest
from book import MAX_DELAY


def test_close_log__takes_effect_after_the_notice_and_logs_it(ledger, signer, operator, opened):
    before = ledger.log_record(signer.address)
    closed = ledger.close_log(signer.address, sender=operator)
    after = ledger.log_record(signer.address)

    assert after.closesAt == closed.timestamp + MAX_DELAY
    assert ledger.log_end(signer.address) == after.closesAt + MAX_DELAY + ledger.grace()
    assert (after.operator, after.openedAt, after.maxDelay) == (
        before.operator,
        before.openedAt,
        before.maxDelay,
    )
    assert (after.revokedAt, after.nextSequence) == (0, 0)
    assert closed.events == [
        ledger.LogClosed(signer=signer.address, operator=operator.address, closesAt=after.closesAt)
    ]
    assert len(closed.logs) == 1


def test_close_log__keeps_the_next_sequence(ledger, book, signer, operator, opened):
    book.settle(3)
    ledger.close_log(signer.address, sender=operator)
    assert ledger.next_sequence(signer.address) == 3


def test_close_log__batches_are_taken_until_its_end(
    ledger, book, signer, operator, opened, at, refused, payer
):
    ledger.close_log(signer.address, sender=operator)
    end = ledger.log_end(signer.address)
    signed = [book.signed(book.batch([book.receipt(n)])) for n in (0, 1)]
    at(end)
    ledger.post_batch(*signed[0], sender=payer)
    at(end + 1)
    with refused("ledger: log closed"):
        ledger.post_batch(*signed[1], sender=payer)


def test_close_log__never_opened__reverts(ledger, signer, operator, refused):
    with refused("ledger: log not open"):
        ledger.close_log(signer.address, sender=operator)


def test_close_log__by_a_stranger__reverts(ledger, signer, stranger, opened, refused):
    with refused("ledger: not the operator"):
        ledger.close_log(signer.address, sender=stranger)


def test_close_log__twice__reverts(ledger, signer, operator, opened, refused):
    ledger.close_log(signer.address, sender=operator)
    with refused("ledger: log closes earlier"):
        ledger.close_log(signer.address, sender=operator)


@pytest.mark.parametrize("later", [0, 1])
def test_close_log__when_the_notice_is_no_earlier__reverts(
    ledger, signer, operator, closes_at, at, refused, later
):
    at(closes_at - MAX_DELAY + later)
    with refused("ledger: log closes earlier"):
        ledger.close_log(signer.address, sender=operator)


def test_close_log__a_second_before_the_notice_is_too_late__closes(
    ledger, signer, operator, closes_at, at
):
    at(closes_at - MAX_DELAY - 1)
    ledger.close_log(signer.address, sender=operator)
    assert ledger.log_record(signer.address).closesAt == closes_at - 1


def test_close_log__after_closes_at__reverts(ledger, signer, operator, closes_at, at, refused):
    at(closes_at + 1)
    with refused("ledger: log closes earlier"):
        ledger.close_log(signer.address, sender=operator)


def test_close_log__revoked__reverts(ledger, signer, operator, opened, refused):
    ledger.revoke_log(signer.address, sender=operator)
    with refused("ledger: log revoked"):
        ledger.close_log(signer.address, sender=operator)
