"""`make_bond` and `add_bond`."""

import pytest
from docket import CAP, UNIT

MOST = 2**96 - 1
ETHER = 10**18


def test_make_bond__keeps_amount_and_unit_and_logs_them(court, log, operator, balance):
    transaction = court.make_bond(log, UNIT, sender=operator, value=3 * UNIT)

    assert tuple(court.bond(log)) == (3 * UNIT, UNIT, 0, 0)
    assert balance(court.address) == 3 * UNIT
    assert transaction.events == [
        court.BondMade(signer=log, operator=operator, unit=UNIT, amount=3 * UNIT)
    ]
    assert len(transaction.logs) == 1


def test_make_bond__exactly_a_unit__makes_it(court, log, operator):
    court.make_bond(log, UNIT, sender=operator, value=UNIT)
    assert court.bond(log).amount == UNIT


def test_make_bond__by_a_stranger__reverts(court, log, stranger, denied):
    with denied("bond: not the operator"):
        court.make_bond(log, 1, sender=stranger, value=1)


def test_make_bond__log_never_opened__reverts(court, signer, operator, denied):
    with denied("bond: not the operator"):
        court.make_bond(signer.address, UNIT, sender=operator, value=UNIT)


def test_make_bond__a_second_time__reverts(court, bonded, operator, denied):
    with denied("bond: already made"):
        court.make_bond(bonded, 1, sender=operator, value=UNIT)


def test_make_bond__unit_is_zero__reverts(court, log, operator, denied):
    with denied("bond: unit is zero"):
        court.make_bond(log, 0, sender=operator, value=UNIT)


def test_make_bond__unit_too_large__reverts(court, log, operator, denied):
    with denied("bond: unit too large"):
        court.make_bond(log, MOST + 1, sender=operator, value=UNIT)


def test_make_bond__unit_under_20_rewards__reverts(court, log, operator, denied):
    with denied("bond: unit under 20 rewards"):
        court.make_bond(log, 20 * CAP - 1, sender=operator, value=UNIT)


def test_make_bond__unit_of_20_rewards__makes(court, log, operator):
    court.make_bond(log, 20 * CAP, sender=operator, value=UNIT)
    assert court.bond(log).unit == 20 * CAP


def test_make_bond__less_than_a_unit__reverts(court, log, operator, denied):
    with denied("bond: less than a unit"):
        court.make_bond(log, UNIT, sender=operator, value=UNIT - 1)


def test_make_bond__amount_too_large__reverts(court, log, operator, denied, enrich):
    enrich(operator, 2**100)
    with denied("bond: amount too large"):
        court.make_bond(log, UNIT, sender=operator, value=MOST + 1)


def test_add_bond__by_anybody__adds_and_logs(court, bonded, stranger, balance):
    before = court.bond(bonded).amount
    transaction = court.add_bond(bonded, sender=stranger, value=7)

    assert tuple(court.bond(bonded)) == (before + 7, UNIT, 0, 0)
    assert balance(court.address) == before + 7
    assert transaction.events == [
        court.BondAdded(signer=bonded, giver=stranger, added=7, amount=before + 7)
    ]


def test_add_bond__never_resets_a_pending_withdrawal(court, bonded, operator, stranger):
    court.ask_withdrawal(bonded, sender=operator)
    asked_at, after = court.bond(bonded).askedAt, court.withdrawable_after(bonded)
    court.add_bond(bonded, sender=stranger, value=1)

    assert court.bond(bonded).askedAt == asked_at != 0
    assert court.withdrawable_after(bonded) == after


def test_add_bond__not_made__reverts(court, log, stranger, denied):
    with denied("bond: not made"):
        court.add_bond(log, sender=stranger, value=1)


def test_add_bond__nothing__reverts(court, bonded, stranger, denied):
    with denied("bond: nothing added"):
        court.add_bond(bonded, sender=stranger)


@pytest.mark.parametrize("over", [0, 1])
def test_add_bond__to_the_most_that_fits(court, bonded, stranger, denied, enrich, over):
    enrich(stranger, 2**100)
    value = MOST - court.bond(bonded).amount + over
    if not over:
        court.add_bond(bonded, sender=stranger, value=value)
        assert tuple(court.bond(bonded)) == (MOST, UNIT, 0, 0)
        return
    with denied("bond: amount too large"):
        court.add_bond(bonded, sender=stranger, value=value)


def test_ether__sent_without_a_call__is_refused(court, stranger):
    import ape

    with ape.reverts():
        stranger.transfer(court, 1)
