"""`demand`, `answer` and `time_out`: a path is given out, or the bond is taken."""

import ape
import pytest
from docket import ANSWER_WINDOW, CAP, CLAIM_WINDOW, UNIT, WITHHELD, posted

ANSWER_GAS = 110_000


@pytest.fixture
def settled(book, bonded):
    return book.settle(5)


@pytest.fixture
def demanded(docket, settled):
    """An open demand for number 3."""
    return docket.demand(settled, 3)


def test_least_fee__is_four_answers_at_the_base_fee(court, chain):
    base_fee = chain.provider.base_fee
    assert base_fee > 0
    assert court.least_fee() in {
        4 * ANSWER_GAS * base_fee,
        4 * ANSWER_GAS * chain.blocks.head.base_fee,
    }


def test_demand__keeps_and_logs_it(court, docket, settled, bonded, challenger, balance, now):
    deadline, held = now() + ANSWER_WINDOW, balance(court.address)
    transaction = docket.demand(settled, 3, fee=10**16)
    assert tuple(court.demand_of(bonded, 3)) == (challenger, 10**16, deadline, False)
    assert court.bond(bonded).cases == 1
    assert balance(court.address) == held + 10**16
    assert transaction.events == [
        court.PathDemanded(
            signer=bonded, sequence=3, demander=challenger, fee=10**16, deadline=deadline
        )
    ]


def test_demand__fee_too_low__reverts(court, docket, settled, denied):
    with denied("court: fee too low"):
        docket.demand(settled, 3, fee=1)


def test_demand__fee_too_large__reverts(docket, settled, challenger, enrich, denied):
    enrich(challenger, 2**100)
    with denied("court: fee too large"):
        docket.demand(settled, 3, fee=2**96)


def test_demand__number_outside_the_batch__reverts(docket, settled, denied):
    with denied("court: number outside the batch"):
        docket.demand(settled, 5)


@pytest.mark.parametrize("field", [1, 2, 3])
def test_demand__not_the_batchs_word__reverts(court, docket, settled, bonded, denied, field):
    batch = list(posted(settled))
    batch[field] = bytes(32) if field == 2 else batch[field] + 1
    with denied("court: not the batch's word"):
        court.demand(bonded, 3, tuple(batch), sender=docket.challenger, value=10**17)


def test_demand__never_posted__reverts(court, docket, bonded, denied):
    with denied("court: not the batch's word"):
        court.demand(bonded, 0, (0, 1, bytes(32), 0), sender=docket.challenger, value=10**17)


@pytest.mark.parametrize("past", [0, 1])
def test_demand__to_the_end_of_the_window(court, docket, settled, bonded, at, denied, past):
    at(settled.posted_at + CLAIM_WINDOW + past)
    if past:
        with denied("court: demand too late"):
            docket.demand(settled, 3)
        return
    docket.demand(settled, 3)
    assert court.bond(bonded).cases == 1


def test_demand__already_open__reverts(docket, settled, demanded, stranger, denied):
    with denied("court: demand already open"):
        docket.demand(settled, 3, sender=stranger)


def test_demand__of_other_numbers__are_cases_of_their_own(court, docket, settled, demanded, bonded):
    docket.demand(settled, 4)
    assert court.bond(bonded).cases == 2
    docket.answer(settled, 3)
    assert court.bond(bonded).cases == 1
    assert court.demand_of(bonded, 4).deadline != 0


def test_demand__already_answered__reverts(court, docket, settled, demanded, bonded, denied):
    docket.answer(settled, 3)
    assert tuple(court.demand_of(bonded, 3))[3]
    with denied("court: already answered"):
        docket.demand(settled, 3)


def test_demand__offence_already_proved__reverts(docket, settled, denied):
    docket.conflict(docket.promised(3), settled)
    with denied("bond: offence already proved"):
        docket.demand(settled, 3)


def test_answer__by_anybody__earns_the_fee_and_shows_the_path(
    court, docket, settled, demanded, bonded, stranger, balance, book
):
    fee, before = court.demand_of(bonded, 3).fee, balance(stranger.address)
    transaction = docket.answer(settled, 3, sender=stranger)
    assert balance(stranger.address) == before + fee - transaction.total_fees_paid
    assert tuple(court.demand_of(bonded, 3)) == ("0x" + "00" * 20, 0, 0, True)
    assert court.bond(bonded).cases == 0
    assert court.clean_at(bonded, 2**40 - 1)
    (event,) = transaction.events
    inclusion = settled.inclusion(3)
    assert event.leaf == settled.receipts[3].leaf(book.chain_id, book.ledger.address)
    assert event.giver == stranger
    first, size, posted_at, path = inclusion.abi()
    assert tuple(event.inclusion) == (first, size, posted_at, tuple(path))


def test_answer__no_demand__reverts(docket, settled, denied):
    with denied("court: no demand open"):
        docket.answer(settled, 3)


def test_answer__twice__reverts(docket, settled, demanded, denied):
    docket.answer(settled, 3)
    with denied("court: no demand open"):
        docket.answer(settled, 3)


def test_answer__another_leaf__reverts(docket, settled, demanded, denied):
    with denied("court: leaf not at the number"):
        docket.answer(settled, 3, leaf=bytes(32))


def test_answer__the_path_of_another_number__reverts(docket, settled, demanded, denied):
    with denied("court: leaf not at the number"):
        docket.answer(settled, 3, inclusion=settled.inclusion(2).abi())


def test_answer__late_but_before_the_timeout__counts(court, docket, settled, demanded, bonded, at):
    at(court.demand_of(bonded, 3).deadline + 5_000)
    docket.answer(settled, 3)
    with ape.reverts("court: no demand open"):
        docket.time_out(3)
    assert court.standing(bonded).count == 0


def test_time_out__takes_a_unit_for_the_demander(
    court, docket, settled, demanded, bonded, challenger, stranger, at, balance, burnt
):
    deadline, fee = court.demand_of(bonded, 3).deadline, court.demand_of(bonded, 3).fee
    before, burnt_before = balance(challenger.address), burnt()
    at(deadline + 1)
    transaction = docket.time_out(3, sender=stranger)

    assert balance(challenger.address) == before + fee + CAP
    assert burnt() == burnt_before + UNIT - CAP
    assert court.bond(bonded).amount == balance(court.address) == 5 * UNIT // 2 - UNIT
    assert tuple(court.standing(bonded)) == (deadline + 1, WITHHELD, 1)
    assert court.bond(bonded).cases == 0
    assert transaction.events == [
        court.DemandTimedOut(signer=bonded, sequence=3, demander=challenger),
        court.OffenceProved(
            signer=bonded, number=3, prover=challenger, reason=WITHHELD, reward=CAP,
            burnt=UNIT - CAP,
        ),
    ]  # fmt: skip


def test_time_out__at_the_deadline__reverts(court, docket, demanded, bonded, at, denied):
    at(court.demand_of(bonded, 3).deadline)
    with denied("court: answer window open"):
        docket.time_out(3)


def test_time_out__no_demand__reverts(docket, settled, denied):
    with denied("court: no demand open"):
        docket.time_out(3)


def test_time_out__offence_proved_meanwhile__gives_the_fee_back_alone(
    court, docket, settled, demanded, bonded, challenger, stranger, at, balance
):
    docket.conflict(docket.promised(3), settled, sender=stranger)
    fee, bond, before = (
        court.demand_of(bonded, 3).fee,
        court.bond(bonded).amount,
        balance(challenger.address),
    )
    at(court.demand_of(bonded, 3).deadline + 1)
    docket.time_out(3, sender=stranger)
    assert balance(challenger.address) == before + fee
    assert court.bond(bonded).amount == bond
    assert court.standing(bonded).count == 1


def test_time_out__twice__reverts(court, docket, settled, demanded, bonded, at, denied):
    at(court.demand_of(bonded, 3).deadline + 1)
    docket.time_out(3)
    with denied("court: no demand open"):
        docket.time_out(3)
    with denied("bond: offence already proved"):
        docket.demand(settled, 3)
