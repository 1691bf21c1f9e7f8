"""`cases` alone: what a case's word holds, and when it is over, at the largest numbers too."""

import ape
import pytest
from fault_docket import FAULTY, FINAL, OPEN, SUMMONED

RECEIPT, OTHER = b"\1" * 32, b"\2" * 32
TERMS = (500, 100, 900)
"""Seconds: summon, answer and case window."""

YEAR = 365 * 86_400
MOST_STAKE = 2**96 - 1


@pytest.fixture
def cases(project, deployer):
    return deployer.deploy(project.CasesHarness)


@pytest.fixture
def facts(deployer, now):
    """Of a case that is opened in the next block, but for what is said."""

    def make(**changes):
        made = {
            "receipt": RECEIPT, "signer": deployer.address, "sequence": 3,
            "program": (b"\3" * 32, 4, 5), "sets": b"\4" * 32, "openedBy": deployer.address,
            "openedAt": now(), "stake": 7, "asserted": False, **changes,
        }  # fmt: skip
        return tuple(made.values())

    return make


@pytest.fixture
def summoned(cases, facts, deployer):
    made = facts()
    cases.summon(made, TERMS, sender=deployer)
    return made


@pytest.fixture
def opened(cases, summoned, deployer, now):
    """Facts and answer of a case that waits for nothing."""
    answer = (b"\5" * 32, now())
    cases.answer(summoned, answer, sender=deployer)
    return summoned, answer


def told(cases, transaction):
    (event,) = transaction.decode_logs(cases.Told)
    return event.time


def test_state__of_no_case__is_zero(cases):
    assert tuple(cases.state(RECEIPT)) == (0, 0, 0, 0, False, 0, 0)
    assert not cases.opened(RECEIPT)


def test_summon__of_a_receipt__waits_for_its_answer(cases, facts, deployer):
    made = facts()
    transaction = cases.summon(made, TERMS, sender=deployer)
    assert told(cases, transaction) == made[6] + 100
    assert tuple(cases.state(RECEIPT)) == (SUMMONED, 0, 0, 0, False, 100, 900)
    assert cases.opened(RECEIPT)
    assert not cases.opened(OTHER)


def test_summon__once_more__reverts(cases, facts, opened, deployer):
    for open_again in (
        lambda: cases.summon(facts(), TERMS, sender=deployer),
        lambda: cases.assert_answered(facts(), (b"\5" * 32, 9), TERMS, sender=deployer),
    ):
        with ape.reverts("case: already opened"):
            open_again()


@pytest.mark.parametrize("asserted", [False, True])
def test_open__with_the_largest_stake__keeps_it_and_no_more(cases, facts, deployer, asserted):
    def begin(stake):
        made = facts(stake=stake, asserted=asserted)
        if asserted:
            return cases.assert_answered(made, (b"\5" * 32, made[6]), TERMS, sender=deployer)
        return cases.summon(made, TERMS, sender=deployer)

    with ape.reverts("case: stake too large"):
        begin(MOST_STAKE + 1)
    begin(MOST_STAKE)
    # a summons' stake is its fee, which is gone once it is answered
    assert cases.state(RECEIPT).stake == (MOST_STAKE if asserted else 0)


def test_assert_answered__at_once__is_open(cases, facts, deployer):
    made = facts(asserted=True)
    transaction = cases.assert_answered(made, (b"\5" * 32, made[6]), TERMS, sender=deployer)
    assert told(cases, transaction) == made[6] + 900
    assert tuple(cases.state(RECEIPT)) == (OPEN, 0, made[6] + 900, 7, True, 100, 900)


def test_answer__of_a_summons__opens_for_the_case_window(cases, opened):
    _, (_, answered_at) = opened
    assert tuple(cases.state(RECEIPT)) == (OPEN, 0, answered_at + 900, 0, False, 100, 900)


def test_answer__of_the_longest_windows__does_not_overflow(cases, facts, deployer, at):
    terms = (YEAR, YEAR // 8, YEAR)
    made = facts()
    cases.summon(made, terms, sender=deployer)
    answer = (b"\5" * 32, 2**39)
    cases.answer(made, answer, sender=deployer)
    case = cases.state(RECEIPT)
    assert (case.closesAt, case.answerWindow, case.caseWindow) == (2**39 + YEAR, YEAR // 8, YEAR)


def test_answer__where_none_is_due__reverts(cases, facts, opened, deployer):
    made, answer = opened
    for receipt in (made, facts(receipt=OTHER)):
        with ape.reverts("case: no answer due"):
            cases.answer(receipt, answer, sender=deployer)
        with ape.reverts("case: no answer due"):
            cases.require_unanswered(receipt)


@pytest.mark.parametrize("place", range(1, 9))
def test_answer__with_another_fact__reverts(cases, summoned, place, challenger, deployer):
    changed = list(summoned)
    changed[place] = {
        1: challenger.address, 3: (b"\3" * 32, 4, 6), 4: RECEIPT, 5: challenger.address, 8: True
    }.get(place, changed[place])  # fmt: skip
    if changed[place] == summoned[place]:
        changed[place] += 1
    with ape.reverts("case: other facts"):
        cases.answer(tuple(changed), (b"\5" * 32, 9), sender=deployer)
    with ape.reverts("case: other facts"):
        cases.require_unanswered(tuple(changed))


def test_require_unanswered__from_the_second_after__holds(cases, summoned, at, chain):
    at(summoned[6] + 100)
    chain.mine()
    with ape.reverts("case: answer window open"):
        cases.require_unanswered(summoned, block_id="latest")
    at(summoned[6] + 101)
    chain.mine()
    cases.require_unanswered(summoned, block_id="latest")


@pytest.mark.parametrize("changes", ["facts", "trace", "time"])
def test_require_open__other_facts_or_answer__reverts(cases, opened, deployer, changes):
    facts, (trace, time) = opened
    if changes == "facts":
        facts = (*facts[:2], facts[2] + 1, *facts[3:])
    answer = (b"\6" * 32, time) if changes == "trace" else (trace, time + (changes == "time"))
    for call in (cases.demand, cases.finish):
        with ape.reverts("case: other facts or answer"):
            call(facts, answer, sender=deployer)
    with ape.reverts("case: other facts or answer"):
        cases.require_provable(facts, answer)


def test_demand__at_the_last_second__still_has_its_window(cases, opened, deployer, at):
    _, (_, answered_at) = opened
    at(answered_at + 800)
    transaction = cases.demand(*opened, sender=deployer)
    assert told(cases, transaction) == answered_at + 900
    at(answered_at + 801)
    with ape.reverts("case: demand too late"):
        cases.demand(*opened, sender=deployer)
    assert cases.state(RECEIPT).openDemands == 1


def test_give__early_or_late__leaves_the_time_to_use_it(cases, opened, deployer, at):
    """It never takes time away."""
    _, (_, answered_at) = opened
    for _ in range(3):
        cases.demand(*opened, sender=deployer)
    cases.give(RECEIPT, sender=deployer)
    assert cases.state(RECEIPT)[1:3] == (2, answered_at + 900)
    at(answered_at + 801)
    cases.give(RECEIPT, sender=deployer)
    assert cases.state(RECEIPT)[1:3] == (1, answered_at + 901)
    at(answered_at + 5_000)
    cases.give(RECEIPT, sender=deployer)
    assert cases.state(RECEIPT)[:3] == (OPEN, 0, answered_at + 5_100)


def test_finish__while_a_demand_is_open__reverts(cases, opened, deployer, at, chain):
    cases.demand(*opened, sender=deployer)
    _, (_, answered_at) = opened
    at(answered_at + 2_000)
    with ape.reverts("case: not over"):
        cases.finish(*opened, sender=deployer)
    assert cases.state(RECEIPT).state == OPEN
    cases.drop(RECEIPT, sender=deployer)
    cases.finish(*opened, sender=deployer)


def test_finish__from_the_second_after__is_final_for_ever(cases, opened, deployer, at, chain):
    _, (_, answered_at) = opened
    at(answered_at + 900)
    with ape.reverts("case: not over"):
        cases.finish(*opened, sender=deployer)
    assert cases.state(RECEIPT).state == OPEN
    at(answered_at + 901)
    chain.mine()
    # views say so before anything was executed
    assert cases.state(RECEIPT, block_id="latest").state == FINAL
    cases.finish(*opened, sender=deployer)
    assert cases.state(RECEIPT).state == FINAL
    for call in (cases.finish, cases.demand):
        with ape.reverts("case: not open"):
            call(*opened, sender=deployer)
    with ape.reverts("case: not open"):
        cases.give(RECEIPT, sender=deployer)


def test_require_provable__until_it_closes__holds(cases, opened, at, chain):
    _, (_, answered_at) = opened
    at(answered_at + 900)
    chain.mine()
    cases.require_provable(*opened, block_id="latest")
    at(answered_at + 901)
    chain.mine()
    with ape.reverts("case: proof too late"):
        cases.require_provable(*opened, block_id="latest")


def test_fall__of_a_case__keeps_all_but_its_state(cases, opened, deployer):
    cases.demand(*opened, sender=deployer)
    before = cases.state(RECEIPT)
    with ape.reverts("case: has not fallen"):
        cases.require_fallen(RECEIPT)
    cases.fall(RECEIPT, sender=deployer)
    cases.require_fallen(RECEIPT)
    assert tuple(cases.state(RECEIPT)) == (FAULTY, *before[1:])
    cases.drop(RECEIPT, sender=deployer)
    assert tuple(cases.state(RECEIPT)) == (FAULTY, 0, *before[2:])
    with ape.reverts("case: not open"):
        cases.require_provable(*opened)
    with ape.reverts("case: not open"):
        cases.give(RECEIPT, sender=deployer)
    with ape.reverts("case: has not fallen"):
        cases.require_fallen(OTHER)


def test_fall__of_a_summons__is_never_answered(cases, summoned, deployer):
    cases.fall(RECEIPT, sender=deployer)
    with ape.reverts("case: no answer due"):
        cases.answer(summoned, (b"\5" * 32, 9), sender=deployer)
    assert cases.state(RECEIPT).state == FAULTY
