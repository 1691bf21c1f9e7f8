"""What an attacker with code, or with forced ether, can do to the fault court's accounts."""

import pytest
from fault_docket import CAP, FAULTY, TRACE, UNIT, named, node_of

REFUSE, WASTE = 2, 4


@pytest.fixture
def called_back():
    def called_back(transaction) -> list[bool]:
        return [each.succeeded for each in named(transaction, "CalledBack")]

    return called_back


@pytest.fixture
def demanded_by_payee(docket, run, fault_court, payee, stranger):
    """A case with a demand that `payee` made, and the demand."""
    case = docket.opened(run)
    node = node_of(run.trace, 0, 5)
    call = docket.clerk.demand_rows.encode_input(fault_court, *case.both, node)
    transaction = payee.execute([(docket.clerk, call, 10**16)], sender=stranger, value=10**16)
    from fault_docket import plain

    return case, plain(fault_court.NodeDemanded.from_receipt(transaction)[0].demand)


def test_answer__payee_that_calls_back__finds_the_court_locked(
    fault_court, docket, run, payee, stranger, called_back, balance
):
    first, second = docket.summon(run, fee=10**16), docket.summon(run, fee=10**16)
    payee.call_back(fault_court, fault_court.collect.encode_input(payee.address), sender=stranger)
    root = run.trace.root
    call = fault_court.answer.encode_input(first.facts, root, docket.signature(first.receipt, root))
    transaction = payee.execute([(fault_court, call, 0)], sender=stranger)
    assert called_back(transaction) == [False]
    assert balance(payee.address) == 10**16
    assert fault_court.case_of(second.receipt).state == 1


@pytest.mark.parametrize("manner", [REFUSE, WASTE], ids=["refuses", "burns its gas"])
def test_reveal_rows__demander_that_fails__blocks_no_answer(
    fault_court, docket, demanded_by_payee, payee, stranger, operator, manner, balance
):
    case, demand = demanded_by_payee
    payee.behave(manner, sender=stranger)
    before = balance(operator.address)
    transaction = docket.reveal(case, demand)
    paid = balance(operator.address) - before + transaction.total_fees_paid
    assert 0 < paid < 10**16
    assert fault_court.credit(payee) == 10**16 - paid
    assert transaction.gas_used < 160_000
    assert fault_court.demand_answered(case.receipt, demand[1])


def test_time_out_demand__demander_that_fails__blocks_nobody(
    fault_court, demanded_by_payee, payee, stranger, challenger, at, bonded
):
    case, demand = demanded_by_payee
    payee.behave(WASTE, sender=stranger)
    at(demand[-1] + 1)
    fault_court.time_out_demand(*case.both, demand, sender=challenger)
    assert fault_court.credit(payee) == 10**16 + CAP
    assert fault_court.case_of(case.receipt).state == FAULTY


def test_refund__demander_that_calls_back__is_paid_once(
    fault_court, docket, demanded_by_payee, payee, stranger, called_back, balance, bonded
):
    case, demand = demanded_by_payee
    docket.convict(case)
    payee.call_back(fault_court, fault_court.collect.encode_input(payee.address), sender=stranger)
    transaction = fault_court.refund(demand, sender=stranger)
    assert called_back(transaction) == [False]
    assert balance(payee.address) == 10**16
    assert balance(fault_court.address) == fault_court.bond(bonded).amount


def test_convict__prover_that_calls_back__is_paid_once(
    fault_court, docket, run, payee, stranger, called_back, balance, bonded
):
    from fault_docket import SALT

    case = docket.opened(run)
    commit = fault_court.commit.encode_input(docket.commitment(payee, docket.evidence(case)))
    payee.execute([(fault_court, commit, 0)], sender=stranger)
    payee.call_back(fault_court, fault_court.collect.encode_input(payee.address), sender=stranger)
    call = docket.judge.convict.encode_input(fault_court, *case.both, 1, 7, 3, SALT)
    transaction = payee.execute([(docket.judge, call, 0)], sender=stranger)
    assert called_back(transaction) == [False]
    assert balance(payee.address) == CAP
    assert balance(fault_court.address) == fault_court.bond(bonded).amount


def test_forced_ether__changes_no_account(
    fault_court, docket, run, bonded, stranger, at, balance, chain
):
    """Ether that arrives without a call is in nobody's account and stays."""
    init_code = bytes.fromhex("73" + fault_court.address[2:] + "ff")  # SELFDESTRUCT to it
    create = chain.provider.network.ecosystem.create_transaction
    stranger.call(create(data=init_code, value=10**18, gas_limit=200_000))
    case = docket.assert_receipt(run)
    demand = docket.demand(case, TRACE, 7, 0, fee=10**16)
    held = fault_court.bond(bonded).amount + 20 * CAP + 10**16
    assert balance(fault_court.address) == held + 10**18
    at(demand[-1] + 1)
    fault_court.time_out_demand(*case.both, demand, sender=stranger)
    assert balance(fault_court.address) == fault_court.bond(bonded).amount + 10**18


def test_bond__smaller_than_its_unit__takes_what_is_left(
    fault_court, docket, run, bonded, balance, challenger
):
    """Two units and a half: the third case takes the half, the fourth marks alone."""
    left = []
    for _ in range(4):
        docket.convict(docket.opened(run))
        left.append(fault_court.bond(bonded).amount)
    assert left == [3 * UNIT // 2, UNIT // 2, 0, 0]
    assert fault_court.standing(bonded).count == 4
    assert balance(fault_court.address) == 0


def test_convicting_oneself__costs_nearly_a_unit(
    fault_court, docket, run, bonded, operator, balance
):
    before = balance(operator.address) + fault_court.bond(bonded).amount
    case = docket.summon(run, sender=operator)
    docket.answer(case)
    docket.convict(case, sender=operator)
    lost = before - balance(operator.address) - fault_court.bond(bonded).amount
    assert lost >= UNIT - CAP


def test_own_summons__do_not_price_others_out(
    deploy_fault_court, docket_of, run, log, operator, balance
):
    """It waits out no window with them: a challenger pays at most sixteen times the fee."""
    court = deploy_fault_court(least=10**15)
    docket = docket_of(court)
    for _ in range(20):
        docket.summon(run, sender=operator, fee=court.least_summons_fee(log))
    assert court.least_summons_fee(log) == 16 * 10**15
