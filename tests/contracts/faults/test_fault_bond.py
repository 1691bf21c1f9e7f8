"""Bonds, terms and deployment of a fault court."""

import ape
import pytest
from book import GRACE, MAX_DELAY
from fault_docket import ANSWER, CAP, CASE, FLOORS, SUMMON, SUMMONED, UNIT

YEAR = 365 * 86_400
LONGER = (2 * SUMMON, 2 * ANSWER, 2 * CASE)


def test_deploy__keeps_its_parameters(fault_court, ledger, fault_clerk, lax_judge, stranger):
    assert fault_court.ledger() == ledger.address
    assert fault_court.clerk() == fault_clerk.address
    assert fault_court.step_judge() == fault_court.row_judge() == lax_judge.address
    assert tuple(fault_court.terms(stranger)) == FLOORS
    assert fault_court.reward_cap() == CAP


def test_deploy__who_has_no_code__reverts(deploy_fault_court, stranger):
    for address in ("0x" + "00" * 20, stranger.address):
        with ape.reverts("fault: clerk without code"):
            deploy_fault_court(clerk=address)
        with ape.reverts("fault: step judge without code"):
            deploy_fault_court(step=address)
        with ape.reverts("fault: row judge without code"):
            deploy_fault_court(row=address)


def test_deploy__least_fee_too_large__reverts(deploy_fault_court, stranger):
    with ape.reverts("fault: least fee too large"):
        deploy_fault_court(least=2**88)
    assert deploy_fault_court(least=2**88 - 1).least_summons_fee(stranger) == 2**88 - 1


def test_deploy__times__have_floors_and_ceilings(deploy_fault_court):
    for floors, reason in (
        ((0, ANSWER, CASE), "times: no claim window"),
        ((SUMMON, 0, CASE), "times: no answer window"),
        ((YEAR + 1, ANSWER, CASE), "times: claim window over a year"),
        ((SUMMON, ANSWER, YEAR + 1), "terms: window over a year"),
        ((SUMMON, ANSWER, 8 * ANSWER - 1), "terms: case window under eight answers"),
        ((SUMMON, YEAR // 8 + 1, YEAR), "terms: case window under eight answers"),
    ):
        with ape.reverts(reason):
            deploy_fault_court(floors=floors)
    deploy_fault_court(floors=(YEAR, YEAR // 8, YEAR))
    deploy_fault_court(floors=(1, 1, 8))


def test_make_bond__with_terms__holds_for_receipts_posted_later(
    fault_court, docket_of, log, run, operator, chain
):
    docket = docket_of(fault_court)
    before = docket.settle(run)
    fault_court.make_bond_with_terms(log, UNIT, LONGER, sender=operator, value=UNIT)
    assert tuple(fault_court.terms(log)) == LONGER
    after = docket.settle(run)
    old, new = docket.summon(run, before), docket.summon(run, after)
    assert old.transaction.events[0].answerBy == old.transaction.timestamp + ANSWER
    assert new.transaction.events[0].answerBy == new.transaction.timestamp + 2 * ANSWER
    docket.answer(old)
    docket.answer(new)
    for case, times in ((old, 1), (new, 2)):
        found = fault_court.case_of(case.receipt)
        assert found.closesAt == case.answer[1] + times * CASE
        assert (found.answerWindow, found.caseWindow) == (times * ANSWER, times * CASE)
        demand = docket.demand(case, 0, 7, 0)
        assert demand[-1] == case.transaction.timestamp + times * ANSWER


def test_is_final__longer_terms_later__take_nothing_back(
    fault_court, docket_of, log, run, operator, chain, at, denied
):
    docket = docket_of(fault_court)
    settled = docket.settle(run)
    arguments = settled.proof(settled.batch.first + 1)
    chain.mine(timestamp=settled.posted_at + SUMMON + 1)
    assert fault_court.is_final(*arguments)
    fault_court.make_bond_with_terms(log, UNIT, LONGER, sender=operator, value=UNIT)
    assert fault_court.is_final(*arguments)
    with denied("fault: summon window over"):
        docket.summon(run, settled)
    later = docket.settle(run)
    chain.mine(timestamp=later.posted_at + 2 * SUMMON)
    assert not fault_court.is_final(*later.proof(later.batch.first + 1))
    chain.mine(timestamp=later.posted_at + 2 * SUMMON + 1)
    assert fault_court.is_final(*later.proof(later.batch.first + 1))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ((SUMMON - 1, ANSWER, CASE), "terms: window under the floor"),
        ((SUMMON, ANSWER - 1, CASE), "terms: window under the floor"),
        ((SUMMON, ANSWER, CASE - 1), "terms: window under the floor"),
        ((YEAR + 1, ANSWER, CASE), "terms: window over a year"),
        ((SUMMON, ANSWER, YEAR + 1), "terms: window over a year"),
        ((SUMMON, ANSWER + 126, CASE), "terms: case window under eight answers"),
        ((2**64 - 1, ANSWER, CASE), "terms: window over a year"),
        ((SUMMON, 2**64 - 1, 2**64 - 1), "terms: window over a year"),
    ],
)
def test_make_bond__terms_out_of_range__reverts(fault_court, log, operator, denied, terms, reason):
    with denied(reason):
        fault_court.make_bond_with_terms(log, UNIT, terms, sender=operator, value=UNIT)


def test_make_bond__terms__are_the_operators_and_once(fault_court, log, operator, denied, stranger):
    with denied("bond: not the operator"):
        fault_court.make_bond_with_terms(log, UNIT, LONGER, sender=stranger, value=UNIT)
    fault_court.make_bond(log, UNIT, sender=operator, value=UNIT)
    with denied("bond: already made"):
        fault_court.make_bond_with_terms(log, UNIT, LONGER, sender=operator, value=UNIT)


def test_make_bond__terms_beside_waiting_summonses__keeps_their_number(
    deploy_fault_court, docket_of, log, run, operator
):
    court = deploy_fault_court(least=10**17)
    docket = docket_of(court)
    case = docket.summon(run)
    court.make_bond_with_terms(log, UNIT, LONGER, sender=operator, value=UNIT)
    assert court.least_summons_fee(log) == 2 * 10**17
    docket.answer(case)
    assert court.least_summons_fee(log) == 10**17
    assert tuple(court.terms(log)) == LONGER


@pytest.mark.parametrize("terms", [FLOORS, LONGER], ids=["floors", "longer"])
def test_withdraw__last_receipt_can_be_summoned_before(
    fault_court, docket_of, log, run, operator, ledger, at, denied, balance, stranger, terms
):
    """The bond stays for a batch of the log's last second and a summons of its last."""
    fault_court.make_bond_with_terms(log, UNIT, terms, sender=operator, value=UNIT)
    docket = docket_of(fault_court)
    end = ledger.log_end(log)
    fault_court.ask_withdrawal(log, sender=operator)
    assert fault_court.withdrawable_after(log) == end + terms[0]
    assert end == ledger.log_record(log).closesAt + MAX_DELAY + GRACE
    at(end)
    settled = docket.settle(run)
    at(end + terms[0])
    case = docket.summon(run, settled)
    assert fault_court.case_of(case.receipt).state == SUMMONED
    at(end + terms[0] + 1)
    with denied("bond: case open", case):
        fault_court.withdraw(log, sender=operator)
    docket.answer(case)
    at(fault_court.case_of(case.receipt).closesAt + 1)
    fault_court.finish(*case.both, sender=stranger)
    before = balance(operator.address)
    transaction = fault_court.withdraw(log, sender=operator)
    assert balance(operator.address) == before + UNIT - transaction.total_fees_paid
    assert balance(fault_court.address) == 0


@pytest.mark.parametrize("terms", [FLOORS, LONGER], ids=["floors", "longer"])
def test_withdraw__in_the_last_second_of_a_summons__reverts(
    fault_court, log, operator, ledger, at, denied, terms
):
    fault_court.make_bond_with_terms(log, UNIT, terms, sender=operator, value=UNIT)
    fault_court.ask_withdrawal(log, sender=operator)
    last = ledger.log_end(log) + terms[0]
    at(last)
    with denied("fault: withdrawal too early"):
        fault_court.withdraw(log, sender=operator)
    at(last + 1)
    fault_court.withdraw(log, sender=operator)
    assert fault_court.bond(log).amount == 0


def test_withdraw__not_asked__reverts(fault_court, bonded, ledger, at, operator, denied):
    at(ledger.log_end(bonded) + SUMMON + 1)
    with denied("bond: withdrawal not asked"):
        fault_court.withdraw(bonded, sender=operator)


def test_add_bond__and_collect__are_those_of_every_court(fault_court, bonded, stranger, denied):
    fault_court.add_bond(bonded, sender=stranger, value=5)
    assert fault_court.bond(bonded).amount == 5 * UNIT // 2 + 5
    with denied("bond: no credit"):
        fault_court.collect(stranger, sender=stranger)


def test_commit__is_read_back(fault_court, stranger):
    word = fault_court.commitment(stranger, b"\1" * 32, b"\2" * 32)
    transaction = fault_court.commit(word, sender=stranger)
    assert fault_court.committed_at(word) == transaction.block_number
