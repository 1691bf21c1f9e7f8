"""`revoke_log`: once, at once, by the operator alone; it extends nothing."""

from book import MAX_DELAY


def test_revoke_log__takes_effect_at_once_and_logs_it(ledger, signer, operator, opened):
    before = ledger.log_record(signer.address)
    revoked = ledger.revoke_log(signer.address, sender=operator)
    after = ledger.log_record(signer.address)

    assert after.revokedAt == revoked.timestamp
    assert ledger.log_end(signer.address) == after.revokedAt + MAX_DELAY + ledger.grace()
    assert tuple(after)[:3] == tuple(before)[:3]
    assert (after.maxDelay, after.nextSequence) == (MAX_DELAY, 0)
    assert revoked.events == [
        ledger.LogRevoked(
            signer=signer.address,
            operator=operator.address,
            revokedAt=revoked.timestamp,
        )
    ]
    assert len(revoked.logs) == 1


def test_revoke_log__keeps_the_next_sequence_and_what_was_posted(
    ledger, book, signer, operator, opened
):
    settled = book.settle(3)
    ledger.revoke_log(signer.address, sender=operator)
    assert ledger.next_sequence(signer.address) == 3
    assert ledger.verify(*settled.proof(2))


def test_revoke_log__after_closes_at__extends_nothing(ledger, signer, operator, closes_at, at):
    end = ledger.log_end(signer.address)
    at(closes_at + 1)
    revoked = ledger.revoke_log(signer.address, sender=operator)
    assert ledger.log_record(signer.address).revokedAt == revoked.timestamp
    assert ledger.log_end(signer.address) == end


def test_revoke_log__after_the_end__opens_nothing(
    ledger, book, signer, operator, closes_at, at, refused
):
    at(ledger.log_end(signer.address) + 1)
    ledger.revoke_log(signer.address, sender=operator)
    batch = book.batch([book.receipt(0)])
    with refused("ledger: log closed"):
        ledger.post_batch(batch.abi(), b"", sender=operator)


def test_revoke_log__a_closing_log__ends_earlier(ledger, signer, operator, opened):
    ledger.close_log(signer.address, sender=operator)
    revoked = ledger.revoke_log(signer.address, sender=operator)
    assert ledger.log_end(signer.address) == revoked.timestamp + MAX_DELAY + ledger.grace()


def test_revoke_log__never_opened__reverts(ledger, signer, operator, refused):
    with refused("ledger: log not open"):
        ledger.revoke_log(signer.address, sender=operator)


def test_revoke_log__by_a_stranger__reverts(ledger, signer, stranger, opened, refused):
    with refused("ledger: not the operator"):
        ledger.revoke_log(signer.address, sender=stranger)


def test_revoke_log__by_the_payer__reverts(ledger, signer, payer, opened, refused):
    with refused("ledger: not the operator"):
        ledger.revoke_log(signer.address, sender=payer)


def test_revoke_log__twice__reverts(ledger, signer, operator, opened, refused):
    ledger.revoke_log(signer.address, sender=operator)
    with refused("ledger: log revoked"):
        ledger.revoke_log(signer.address, sender=operator)


def test_revoke_log__then_opened_anew__reverts(ledger, book, signer, operator, opened, refused):
    ledger.revoke_log(signer.address, sender=operator)
    opening = book.opening()
    with refused("ledger: log already opened"):
        ledger.open_log(
            opening.signer,
            opening.closes_at,
            opening.max_delay,
            book.sign_opening(opening),
            sender=operator,
        )
