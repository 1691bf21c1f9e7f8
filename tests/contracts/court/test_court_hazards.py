"""What an attacker with code, or too little money in the bond, can do to the accounts."""

import pytest
from docket import BURN, CAP, SALT, UNIT, Docket, posted

BENEFICIARY = "0x" + "be" * 20
REFUSE, WASTE = 2, 4


@pytest.fixture
def claim(court, docket, payee, stranger):
    """Let `payee` prove that `number` was signed twice."""

    def claim(number: int = 9):
        one, other = docket.promised(number), docket.promised(number, settle_by=0)
        pair = [*docket.shown(one), *docket.shown(other)]
        evidence = court.evidence_of_two(*pair)
        commit = court.commit.encode_input(docket.commitment(payee, evidence))
        payee.execute([(court, commit, 0)], sender=stranger)
        prove = court.prove_double_sign.encode_input(*pair, SALT)
        return payee.execute([(court, prove, 0)], sender=stranger)

    return claim


@pytest.fixture
def collect(court, payee, stranger):
    """Let `payee` send its credit to somebody else."""

    def collect(to: str = BENEFICIARY):
        call = court.collect.encode_input(to)
        return payee.execute([(court, call, 0)], sender=stranger)

    return collect


@pytest.mark.parametrize("manner", [REFUSE, WASTE], ids=["refuses", "burns its gas"])
def test_payment__to_a_payee_that_fails__is_kept_as_credit(
    court, bonded, payee, stranger, claim, collect, balance, burnt, manner
):
    payee.behave(manner, sender=stranger)
    held, before = balance(court.address), burnt()
    transaction = claim()

    assert court.credit(payee) == CAP
    assert burnt() == before + UNIT - CAP
    assert balance(court.address) == held - UNIT + CAP
    assert court.standing(bonded).count == 1
    assert court.PaymentCredited(beneficiary=payee, amount=CAP) in transaction.events

    transaction = collect()
    assert balance(BENEFICIARY) == CAP
    assert court.credit(payee) == 0
    assert (
        court.CreditCollected(beneficiary=payee, to=BENEFICIARY, amount=CAP) in transaction.events
    )


def test_collect__no_credit__reverts(court, stranger, denied):
    with denied("bond: no credit"):
        court.collect(stranger, sender=stranger)


def test_collect__to_who_refuses__reverts_and_keeps_the_credit(
    court, bonded, payee, stranger, claim, collect, denied
):
    payee.behave(REFUSE, sender=stranger)
    claim()
    with denied("bond: payment refused"):
        collect(payee.address)
    assert court.credit(payee) == CAP


def test_payment__payee_that_calls_back__finds_the_court_locked(
    court, bonded, payee, stranger, claim, project, balance
):
    """It has a credit and asks for it again while it is paid: the lock refuses."""
    payee.behave(REFUSE, sender=stranger)
    claim(8)
    payee.call_back(court, court.collect.encode_input(payee.address), sender=stranger)
    held = balance(court.address)
    transaction = claim(9)

    assert [each.succeeded for each in transaction.events if each.event_name == "CalledBack"] == [
        False
    ]
    assert court.credit(payee) == CAP
    assert balance(payee.address) == CAP
    assert balance(court.address) == held - UNIT

    payee.behave(1, sender=stranger)
    assert court.credit(payee) == CAP


def test_collect__payee_that_calls_back__is_paid_once(
    court, bonded, payee, stranger, claim, collect, balance
):
    payee.behave(REFUSE, sender=stranger)
    claim()
    payee.call_back(court, court.collect.encode_input(payee.address), sender=stranger)
    held = balance(court.address)
    transaction = collect(payee.address)
    assert [each.succeeded for each in transaction.events if each.event_name == "CalledBack"] == [
        False
    ]
    assert balance(payee.address) == CAP
    assert balance(court.address) == held - CAP
    assert court.credit(payee) == 0


def test_answer__payee_that_calls_back__is_paid_once(
    court, book, docket, bonded, payee, stranger, balance
):
    settled = book.settle(2)
    docket.demand(settled, 0, fee=10**17)
    docket.demand(settled, 1, fee=10**17)
    payee.call_back(court, court.time_out.encode_input(bonded, 1)[:68], sender=stranger)
    leaf = settled.receipts[0].leaf(book.chain_id, book.ledger.address)
    call = court.answer.encode_input(bonded, 0, leaf, settled.inclusion(0).abi())
    transaction = payee.execute([(court, call, 0)], sender=stranger)
    assert [each.succeeded for each in transaction.events if each.event_name == "CalledBack"] == [
        False
    ]
    assert balance(payee.address) == 10**17
    assert court.bond(bonded).cases == 1


def test_time_out__demander_that_refuses__blocks_nobody(
    court, book, docket, bonded, payee, stranger, at, balance
):
    settled = book.settle(2)
    call = court.demand.encode_input(bonded, 1, posted(settled))
    payee.execute([(court, call, 10**17)], sender=stranger, value=10**17)
    payee.behave(WASTE, sender=stranger)
    at(court.demand_of(bonded, 1).deadline + 1)
    transaction = docket.time_out(1, sender=stranger)
    assert court.credit(payee) == 10**17 + CAP
    assert transaction.gas_used < 250_000
    assert court.standing(bonded).count == 1


def test_forced_ether__changes_no_account(
    court, bonded, docket, stranger, operator, at, balance, chain
):
    """Ether that arrives without a call is in nobody's account and stays."""
    before = tuple(court.bond(bonded))
    init_code = bytes.fromhex("73" + court.address[2:] + "ff")  # PUSH20 court SELFDESTRUCT
    create = chain.provider.network.ecosystem.create_transaction
    stranger.call(create(data=init_code, value=10**18, gas_limit=200_000))
    assert balance(court.address) == before[0] + 10**18
    assert tuple(court.bond(bonded)) == before

    docket.double_sign(docket.promised(4), docket.promised(4, settle_by=0))
    assert balance(court.address) == court.bond(bonded).amount + 10**18
    court.ask_withdrawal(bonded, sender=operator)
    at(court.withdrawable_after(bonded) + 1)
    court.withdraw(bonded, sender=operator)
    assert balance(court.address) == 10**18


def test_take__bond_smaller_than_the_unit__takes_what_is_left(
    court, docket, bonded, balance, burnt
):
    """Two units and a half: the third offence takes the half, the fourth nothing."""
    left = []
    before = burnt()
    for number in range(4):
        docket.double_sign(docket.promised(number), docket.promised(number, settle_by=0))
        left.append(court.bond(bonded).amount)
    assert left == [3 * UNIT // 2, UNIT // 2, 0, 0]
    assert balance(court.address) == 0
    rewards = 3 * CAP
    assert burnt() - before == 5 * UNIT // 2 - rewards
    assert court.standing(bonded).count == 4


def test_take__odd_wei__burns_the_larger_half(
    deploy_court, book, log, operator, chain, challenger, burnt
):
    court = deploy_court(cap=2)
    court.make_bond(log, 40, sender=operator, value=43)
    docket = Docket(court, book, chain, challenger)
    before = burnt()
    for number, (reward, burn) in enumerate([(2, 38), (1, 2), (0, 0)]):
        transaction = docket.double_sign(
            docket.promised(number), docket.promised(number, settle_by=0)
        )
        assert transaction.events[-1].reward == reward
        assert transaction.events[-1].burnt == burn
    assert burnt() - before == 40


def test_take__no_reward_cap__burns_it_all(
    deploy_court, book, log, operator, chain, challenger, burnt
):
    court = deploy_court(cap=0)
    court.make_bond(log, UNIT, sender=operator, value=UNIT)
    docket = Docket(court, book, chain, challenger)
    before = burnt()
    docket.double_sign(docket.promised(0), docket.promised(0, settle_by=0))
    assert burnt() - before == UNIT


def test_take__slashing_oneself__costs_at_least_half(court, docket, bonded, operator, balance):
    before = balance(operator.address) + court.bond(bonded).amount
    one, other = docket.promised(0), docket.promised(0, settle_by=0)
    docket.double_sign(one, other, sender=operator)
    lost = before - balance(operator.address) - court.bond(bonded).amount
    assert lost >= UNIT // 2


def test_stolen_key__earns_a_twentieth_of_each_unit(
    court, docket, bonded, stranger, balance, burnt
):
    """The figure of docs/contracts.md: the thief's gain and the operator's loss."""
    bond, burnt_before, gained = court.bond(bonded).amount, burnt(), 0
    for number in range(5):
        transaction = docket.double_sign(
            docket.promised(number), docket.promised(number, settle_by=0), sender=stranger
        )
        gained += transaction.events[-1].reward
    assert court.bond(bonded).amount == 0
    assert gained == 3 * CAP <= -(-bond // UNIT) * UNIT // 20
    assert burnt() - burnt_before == bond - gained >= bond * 9 // 10


def test_clean_at__answers_as_of_a_time(court, docket, bonded):
    assert court.clean_at(bonded, 2**64 - 1)
    docket.double_sign(docket.promised(0), docket.promised(0, settle_by=0))
    marked_at, _, _ = court.standing(bonded)
    assert court.clean_at(bonded, marked_at - 1)
    assert not court.clean_at(bonded, marked_at)
    assert not court.clean_at(bonded, 2**64 - 1)


def test_standing__keeps_the_first_reason_and_counts(court, docket, book, bonded):
    docket.double_sign(docket.promised(0), docket.promised(0, settle_by=0))
    first = tuple(court.standing(bonded))
    settled = book.settle(2)
    docket.conflict(docket.promised(1), settled)
    assert tuple(court.standing(bonded)) == (first[0], first[1], 2)


def test_burn_address__has_no_code(chain):
    assert len(chain.provider.get_code(BURN)) == 0
