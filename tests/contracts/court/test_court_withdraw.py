"""`ask_withdrawal` and `withdraw`: late, once asked, with no case open."""

import pytest
from book import GRACE, MAX_DELAY
from docket import ANSWER_WINDOW, CLAIM_WINDOW, UNIT

BENEFICIARY = "0x" + "be" * 20
LINGER = MAX_DELAY + GRACE + CLAIM_WINDOW + ANSWER_WINDOW


@pytest.fixture
def asked(court, bonded, operator):
    court.ask_withdrawal(bonded, sender=operator)
    return bonded


def test_ask_withdrawal__keeps_the_time_and_logs_it(court, bonded, operator, now):
    asked_at = now()
    transaction = court.ask_withdrawal(bonded, sender=operator)
    assert court.bond(bonded).askedAt == asked_at
    assert transaction.events == [
        court.WithdrawalAsked(signer=bonded, operator=operator, askedAt=asked_at)
    ]


def test_ask_withdrawal__by_a_stranger__reverts(court, bonded, stranger, denied):
    with denied("bond: not the operator"):
        court.ask_withdrawal(bonded, sender=stranger)


def test_ask_withdrawal__no_bond__reverts(court, log, operator, denied):
    with denied("bond: not made"):
        court.ask_withdrawal(log, sender=operator)


def test_ask_withdrawal__twice__reverts(court, asked, operator, denied):
    with denied("bond: withdrawal already asked"):
        court.ask_withdrawal(asked, sender=operator)


def test_withdraw__after_everything__pays_the_operator(
    court, asked, closes_at, operator, at, balance
):
    assert court.withdrawable_after(asked) == closes_at + LINGER
    amount, before = court.bond(asked).amount, balance(operator.address)
    at(closes_at + LINGER + 1)
    transaction = court.withdraw(asked, sender=operator)

    assert balance(operator.address) == before + amount - transaction.total_fees_paid
    assert balance(court.address) == 0
    assert tuple(court.bond(asked)) == (0, UNIT, 0, 0)
    assert transaction.events == [
        court.BondWithdrawn(signer=asked, operator=operator, amount=amount)
    ]


def test_withdraw__a_second_too_early__reverts(court, asked, closes_at, operator, at, denied):
    at(closes_at + LINGER)
    with denied("bond: withdrawal too early"):
        court.withdraw(asked, sender=operator)


def test_withdraw__not_asked__reverts(court, bonded, closes_at, operator, at, denied):
    at(closes_at + LINGER + 1)
    with denied("bond: withdrawal not asked"):
        court.withdraw(bonded, sender=operator)


def test_withdraw__by_a_stranger__reverts(court, asked, closes_at, stranger, at, denied):
    at(closes_at + LINGER + 1)
    with denied("bond: not the operator"):
        court.withdraw(asked, sender=stranger)


def test_withdraw__asked_late__waits_for_a_window(court, bonded, closes_at, operator, at, denied):
    asked_at = closes_at + LINGER + 50_000
    at(asked_at)
    court.ask_withdrawal(bonded, sender=operator)
    assert court.withdrawable_after(bonded) == asked_at + ANSWER_WINDOW
    at(asked_at + ANSWER_WINDOW)
    with denied("bond: withdrawal too early"):
        court.withdraw(bonded, sender=operator)
    at(asked_at + ANSWER_WINDOW + 1)
    court.withdraw(bonded, sender=operator)


def test_withdraw__after_a_close__counts_from_the_notice(court, asked, ledger, operator, now):
    closed_at = now()
    ledger.close_log(asked, sender=operator)
    assert court.withdrawable_after(asked) == closed_at + MAX_DELAY + LINGER


def test_withdraw__after_a_revoke__counts_from_the_revoke(court, asked, ledger, operator, now, at):
    revoked_at = now()
    ledger.revoke_log(asked, sender=operator)
    assert court.withdrawable_after(asked) == revoked_at + LINGER
    at(revoked_at + LINGER + 1)
    court.withdraw(asked, sender=operator)


def test_withdraw__revoked_after_its_end__counts_from_the_end(
    court, asked, ledger, operator, closes_at, at
):
    at(closes_at + 50)
    ledger.revoke_log(asked, sender=operator)
    assert court.withdrawable_after(asked) == closes_at + LINGER


def test_withdraw__demand_open__reverts(court, asked, book, docket, operator, at, denied, now):
    settled = book.settle(2)
    docket.demand(settled, 1)
    at(court.withdrawable_after(asked) + 1)
    with denied("bond: case open"):
        court.withdraw(asked, sender=operator)

    docket.answer(settled, 1)
    court.withdraw(asked, sender=operator)
    assert court.bond(asked).amount == 0


def test_withdraw__twice__reverts(court, asked, closes_at, operator, at, denied):
    at(closes_at + LINGER + 1)
    court.withdraw(asked, sender=operator)
    with denied("bond: withdrawal not asked"):
        court.withdraw(asked, sender=operator)


def test_withdraw__keeps_the_mark(court, asked, docket, closes_at, operator, at):
    docket.double_sign(docket.promised(1), docket.promised(1, settle_by=0))
    mark = tuple(court.standing(asked))
    at(closes_at + LINGER + 1)
    court.withdraw(asked, sender=operator)
    assert tuple(court.standing(asked)) == mark
    assert mark[2] == 1


def test_withdraw__operator_that_refuses_ether__keeps_a_credit(
    court, ledger, book, payee, stranger, at, balance
):
    signature = book.sign_opening(opening := book.opening(operator=payee.address))
    fields = opening.signer, opening.closes_at, opening.max_delay
    log = opening.signer

    def by_payee(contract, function, *arguments, value=0):
        data = getattr(contract, function).encode_input(*arguments)
        payee.execute([(contract, data, value)], sender=stranger, value=value)

    by_payee(ledger, "open_log", *fields, signature)
    by_payee(court, "make_bond", log, UNIT, value=UNIT)
    by_payee(court, "ask_withdrawal", log)
    payee.behave(2, sender=stranger)
    at(court.withdrawable_after(log) + 1)
    by_payee(court, "withdraw", log)

    assert court.credit(payee) == UNIT
    before = balance(BENEFICIARY)
    by_payee(court, "collect", BENEFICIARY)
    assert balance(BENEFICIARY) == before + UNIT
    assert balance(court.address) == 0
