"""`open_log`: every rule of docs/format.md, section 8, has its own reason."""

import pytest
from book import MAX_DELAY, key, sign


def fields(opening):
    return opening.signer, opening.closes_at, opening.max_delay


def test_open_log__keeps_the_record_and_logs_it(ledger, book, operator, signer, now):
    opening = book.opening()
    opened_at = now()
    transaction = ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)

    record = ledger.log_record(signer.address)
    assert tuple(record) == (
        operator.address,
        opened_at,
        opening.closes_at,
        0,
        MAX_DELAY,
        0,
    )
    assert transaction.events == [
        ledger.LogOpened(
            signer=signer.address,
            operator=operator.address,
            openedAt=opened_at,
            closesAt=opening.closes_at,
            maxDelay=MAX_DELAY,
        )
    ]
    assert transaction.timestamp == opened_at
    assert len(transaction.logs) == 1


def test_open_log__signer_is_zero__reverts(ledger, book, operator, refused, now):
    zero = "0x" + "00" * 20
    opening = book.opening(signer=zero)
    with refused("ledger: signer is zero"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)


def test_open_log__signer_is_the_operator__reverts(ledger, book, operator, refused):
    opening = book.opening(signer=operator.address)
    with refused("ledger: signer is the operator"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)


def test_open_log__closes_now__reverts(ledger, book, operator, refused, at, now):
    moment = now() + 100
    opening = book.opening(closes_at=moment)
    signature = book.sign_opening(opening)
    at(moment)
    with refused("ledger: closes in the past"):
        ledger.open_log(*fields(opening), signature, sender=operator)


def test_open_log__closes_a_second_later__opens(ledger, book, operator, signer, at, now):
    moment = now() + 100
    opening = book.opening(closes_at=moment + 1)
    signature = book.sign_opening(opening)
    at(moment)
    ledger.open_log(*fields(opening), signature, sender=operator)
    assert ledger.log_record(signer.address).closesAt == moment + 1


@pytest.mark.parametrize("closes_at", [2**63, 2**64 - 1])
def test_open_log__closes_too_late__reverts(ledger, book, operator, refused, closes_at):
    opening = book.opening(closes_at=closes_at)
    with refused("ledger: closes too late"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)


def test_open_log__closes_at_the_last_second_allowed__opens(book, ledger, signer):
    book.open(closes_at=2**63 - 1, max_delay=30 * 86_400)
    assert ledger.log_record(signer.address).closesAt == 2**63 - 1
    assert ledger.log_end(signer.address) == 2**63 - 1 + 30 * 86_400 + ledger.grace()


@pytest.mark.parametrize("max_delay", [0, 59])
def test_open_log__delay_under_60_seconds__reverts(ledger, book, operator, refused, max_delay):
    opening = book.opening(max_delay=max_delay)
    with refused("ledger: delay under 60 seconds"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)


@pytest.mark.parametrize("max_delay", [30 * 86_400 + 1, 2**32 - 1])
def test_open_log__delay_over_30_days__reverts(ledger, book, operator, refused, max_delay):
    opening = book.opening(max_delay=max_delay)
    with refused("ledger: delay over 30 days"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)


@pytest.mark.parametrize("max_delay", [60, 30 * 86_400])
def test_open_log__delay_at_its_bounds__opens(book, ledger, signer, max_delay):
    book.open(max_delay=max_delay)
    assert ledger.log_record(signer.address).maxDelay == max_delay


def test_open_log__twice__reverts(book, ledger, operator, opened, refused):
    opening = book.opening()
    with refused("ledger: log already opened"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=operator)


def test_open_log__by_another_operator_after_the_end__reverts(
    book, ledger, signer, other_operator, opened, at, refused
):
    at(ledger.log_end(signer.address) + 1)
    opening = book.opening(operator=other_operator.address)
    with refused("ledger: log already opened"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=other_operator)


def test_open_log__signed_for_another_operator__reverts(book, ledger, stranger, refused):
    opening = book.opening()
    with refused("signature: not by the signer"):
        ledger.open_log(*fields(opening), book.sign_opening(opening), sender=stranger)


@pytest.mark.parametrize("change", [{"closes_at": 1}, {"max_delay": 1}])
def test_open_log__other_terms_than_signed__reverts(book, ledger, operator, refused, change):
    signed = book.opening()
    asked = book.opening(
        closes_at=signed.closes_at + change.get("closes_at", 0),
        max_delay=signed.max_delay + change.get("max_delay", 0),
    )
    with refused("signature: not by the signer"):
        ledger.open_log(*fields(asked), book.sign_opening(signed), sender=operator)


def test_open_log__signed_by_another_key__reverts(book, ledger, operator, refused):
    opening = book.opening()
    with refused("signature: not by the signer"):
        ledger.open_log(
            *fields(opening),
            book.sign_opening(opening, key("somebody")),
            sender=operator,
        )


def test_open_log__signed_for_another_chain__reverts(
    book, ledger, signer, operator, refused, chain_id
):
    opening = book.opening()
    signature = sign(opening.digest(chain_id + 1, ledger.address), signer)
    with refused("signature: not by the signer"):
        ledger.open_log(*fields(opening), signature, sender=operator)


@pytest.mark.parametrize("length", [0, 1, 64])
def test_open_log__signature_too_short__reverts(book, ledger, operator, refused, length):
    opening = book.opening()
    with refused("signature: not 65 bytes"):
        ledger.open_log(*fields(opening), book.sign_opening(opening)[:length], sender=operator)


def test_open_log__two_logs_of_one_operator__are_apart(book, ledger, signer, other_signer, opened):
    book.open(by=other_signer, max_delay=60)
    assert ledger.log_record(signer.address).maxDelay == MAX_DELAY
    assert ledger.log_record(other_signer.address).maxDelay == 60
