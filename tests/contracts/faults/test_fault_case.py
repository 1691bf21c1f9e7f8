"""Cases: summoned, answered, asserted, final, fallen."""

from dataclasses import replace

import ape
import pytest
from fault_docket import (
    ANSWER,
    CAP,
    CASE,
    FAULTY,
    FINAL,
    OPEN,
    SALT,
    SUMMON,
    SUMMONED,
    UNIT,
    WITHHELD,
    Run,
    named,
    plain,
)

WINDOWS = (ANSWER, CASE)


def test_summon__settled_receipt__opens_a_case_and_holds_the_bond(
    fault_court, docket, run, bonded, balance, challenger, signer
):
    held = balance(fault_court.address)
    case = docket.summon(run, fee=10**16)
    (event,) = case.transaction.events
    receipt = case.settled.receipts[1]
    assert event.receipt == receipt.digest(docket.book.chain_id, docket.book.ledger.address)
    assert event.signer == signer.address == case.facts[1]
    assert case.facts[2] == receipt.sequence
    assert case.facts[3] == (run.program.root, run.program.rows, run.program.trace_rows)
    assert case.facts[5:] == (challenger.address, case.transaction.timestamp, 10**16, False)
    assert plain(event.sets) == run.sets()
    assert event.answerBy == case.transaction.timestamp + ANSWER

    assert tuple(fault_court.case_of(case.receipt)) == (SUMMONED, 0, 0, 0, False, *WINDOWS)
    assert fault_court.bond(bonded).cases == 1
    assert balance(fault_court.address) == held + 10**16
    assert balance(docket.clerk.address) == 0


def test_summon__by_anybody_without_a_bond__marks_alone(
    fault_court, docket_of, log, run, stranger, at, balance, challenger
):
    case = docket_of(fault_court).summon(run, fee=10**16)
    at(case.transaction.timestamp + ANSWER + 1)
    before = balance(challenger.address)
    transaction = fault_court.time_out_summons(case.facts, sender=stranger)
    assert balance(challenger.address) == before + 10**16
    assert named(transaction, "OffenceProved")[0].burnt == 0
    assert not fault_court.clean_at(log, transaction.timestamp)
    assert tuple(fault_court.bond(log)) == (0, 0, 0, 0)


def test_summon__twice__reverts(docket, run, denied):
    case = docket.summon(run)
    with denied("case: already opened", case):
        docket.summon(run, case.settled)
    docket.answer(case)
    with denied("case: already opened", case):
        docket.summon(run, case.settled)


def test_summon__fallen_or_asserted__reverts(docket, run, denied):
    case = docket.opened(run)
    docket.convict(case)
    with denied("case: already opened", case):
        docket.summon(run, case.settled)
    other = docket.assert_receipt(run)
    with denied("case: already opened", other):
        docket.summon(run, other.settled)


def test_summon__to_the_last_second_of_its_window(docket, run, at, denied, fault_court):
    first, second = docket.settle(run), docket.settle(run)
    at(first.posted_at + SUMMON)
    case = docket.summon(run, first)
    assert fault_court.case_of(case.receipt).state == SUMMONED
    at(second.posted_at + SUMMON + 1)
    with denied("fault: summon window over"):
        docket.summon(run, second)
    at(second.posted_at + SUMMON + 2)
    with denied("fault: summon window over"):
        docket.assert_receipt(run, second)


def test_summon__receipt_that_is_not_settled__reverts(docket, run, denied, book):
    settled = docket.settle(run)
    arguments = docket.shown(run, settled)
    other = replace(settled.receipts[1], request=b"\1" * 32)
    with denied("ledger: not in the batch"):
        docket.clerk.summon(
            docket.court, other.abi(), *arguments[1:], sender=docket.challenger, value=10**16
        )


def test_summon__fee_too_low__reverts(docket_of, deploy_fault_court, run, log):
    docket = docket_of(deploy_fault_court(least=10**17))
    settled = docket.settle(run)
    with ape.reverts("fault: fee too low"):
        docket.summon(run, settled, fee=10**17 - 1)
    docket.summon(run, settled, fee=10**17)


def test_summon__each_that_waits__makes_the_next_dearer(
    docket_of, deploy_fault_court, run, log, at, stranger
):
    court = deploy_fault_court(least=10**17)
    docket = docket_of(court)
    assert court.least_summons_fee(log) == 10**17
    first = docket.summon(run, fee=10**17)
    assert court.least_summons_fee(log) == 2 * 10**17
    settled = docket.settle(run)
    with ape.reverts("fault: fee too low"):
        docket.summon(run, settled, fee=2 * 10**17 - 1)
    second = docket.summon(run, settled, fee=2 * 10**17)
    assert court.least_summons_fee(log) == 3 * 10**17
    assert court.least_summons_fee(stranger) == 10**17
    docket.answer(first)
    assert court.least_summons_fee(log) == 2 * 10**17
    at(second.transaction.timestamp + ANSWER + 1)
    court.time_out_summons(second.facts, sender=stranger)
    assert court.least_summons_fee(log) == 10**17


def test_summon__rise_of_the_fee__ends_at_sixteen_times(docket_of, deploy_fault_court, log):
    court = deploy_fault_court(least=10**17)
    docket, run = docket_of(court), Run.of(rows=1, tensors=1, chunks=1)
    fees = []
    for _ in range(18):
        fees.append(court.least_summons_fee(log))
        docket.summon(run, fee=fees[-1])
    assert fees == [10**17 * min(16, 1 + waiting) for waiting in range(18)]


@pytest.mark.parametrize("rows", [0, 2**22 + 1])
def test_summon__program_rows_out_of_range__reverts(docket, run, denied, rows):
    with denied("clerk: program rows"):
        docket.summon(replace(run, program_rows=rows))


@pytest.mark.parametrize("rows", [0, 2**22 + 1])
def test_summon__trace_rows_out_of_range__reverts(docket, run, denied, rows):
    program = replace(run.program, trace_rows=rows)
    settled = docket.settle(run, runtime=program.digest)
    arguments = docket.shown(run, settled)
    arguments[2] = (program.root, program.rows, rows)
    with denied("clerk: trace rows"):
        docket.clerk.summon(docket.court, *arguments, sender=docket.challenger, value=10**16)


@pytest.mark.parametrize("rows", [1, 2**22])
def test_summon__rows_at_the_ends__pass(fault_court, docket, run, rows):
    program = replace(run.program, trace_rows=rows, rows=rows)
    settled = docket.settle(run, runtime=program.digest)
    arguments = docket.shown(run, settled)
    arguments[2] = (program.root, rows, rows)
    docket.clerk.summon(docket.court, *arguments, sender=docket.challenger, value=10**16)


def test_summon__another_program_or_version__reverts(docket, run, denied):
    for runtime in (b"\1" * 32, replace(run.program, version=2).digest):
        settled = docket.settle(run, runtime=runtime)
        with denied("clerk: another program"):
            docket.summon(run, settled)


@pytest.mark.parametrize("place", range(6), ids=["n", "root", "master"] * 2)
def test_summon__other_sets__reverts(docket, run, denied, place):
    settled = docket.settle(run)
    arguments = docket.shown(run, settled)
    sets = list(arguments[3])
    sets[place] = sets[place] + 1 if place % 3 == 0 else b"\1" * 32
    arguments[3] = tuple(sets)
    with denied("clerk: another master" if place % 3 == 2 else "clerk: another tensor set"):
        docket.clerk.summon(docket.court, *arguments, sender=docket.challenger, value=10**16)


@pytest.mark.parametrize("side", [0, 1])
def test_summon__chunk_that_is_not_the_first__reverts(docket, run, denied, side):
    from counterfoil.formats.tensor import open_chunk

    settled = docket.settle(run)
    for position, index in ((0, 1), (1, 0)):
        arguments = docket.shown(run, settled)
        opening = open_chunk(run.side(side), run.masters[side], position, index)
        arguments[4 + side] = opening.abi()
        with denied("clerk: not the first chunk"):
            docket.clerk.summon(docket.court, *arguments, sender=docket.challenger, value=10**16)


def test_summon__chunk_that_does_not_open__reverts(docket, run, denied):
    arguments = docket.shown(run, docket.settle(run))
    opening = list(arguments[4])
    opening[9] = bytes(256)
    arguments[4] = tuple(opening)
    with denied("opening: not under the digest"):
        docket.clerk.summon(docket.court, *arguments, sender=docket.challenger, value=10**16)


@pytest.mark.parametrize("side", [0, 1])
def test_summon__empty_set__opens_nothing_and_passes(fault_court, docket, run, side):
    """No honest receipt has one: what cannot be opened must not escape."""
    empty = replace(run, **{("inputs", "outputs")[side]: []})
    case = docket.summon(empty)
    assert fault_court.case_of(case.receipt).state == SUMMONED


def test_summon__empty_set_with_a_root_or_a_master__reverts(docket, run, denied):
    from counterfoil.formats.tensor import set_digest

    empty = replace(run, inputs=[])
    reason = "clerk: empty set with a root or a master"
    for root, master in ((b"\1" * 32, bytes(32)), (bytes(32), b"\1" * 32)):
        settled = docket.settle(empty, inputs=set_digest(0, root))
        arguments = docket.shown(empty, settled)
        arguments[3] = (0, root, master, *arguments[3][3:])
        with denied(reason):
            docket.clerk.summon(docket.court, *arguments, sender=docket.challenger, value=10**16)


def test_summon__stake_too_large__reverts(docket, run, denied, challenger, enrich):
    enrich(challenger, 2**98)
    settled = docket.settle(run)
    with denied("case: stake too large"):
        docket.summon(run, settled, fee=2**96)
    docket.summon(run, settled, fee=2**96 - 1)


def test_enter__not_the_clerk__reverts(fault_court, docket, run, denied, stranger):
    case = docket.opened(run)
    demand = docket.demand(case, 0, 7, 0)
    posted_at = case.settled.posted_at
    sent = {"sender": stranger, "value": 10**18}
    with denied("fault: not the clerk", case):
        fault_court.enter_summons(case.facts, run.sets(), posted_at, **sent)
    with denied("fault: not the clerk", case):
        fault_court.enter_assertion(case.facts, run.sets(), posted_at, b"\1" * 32, b"", **sent)
    with denied("fault: not the clerk", case):
        fault_court.enter_demand(*case.both, demand, **sent)


def test_answer__pays_the_fee_and_opens(fault_court, docket, run, bonded, stranger, balance):
    case = docket.summon(run, fee=10**16)
    before = balance(stranger.address)
    held = balance(fault_court.address)
    transaction = docket.answer(case, sender=stranger)
    assert balance(stranger.address) == before + 10**16 - transaction.total_fees_paid
    assert balance(fault_court.address) == held - 10**16
    (event,) = transaction.events
    assert plain(event.facts) == case.facts
    assert plain(event.answer) == (run.trace.root, transaction.timestamp) == case.answer
    assert event.closesAt == transaction.timestamp + CASE
    assert tuple(fault_court.case_of(case.receipt)) == (OPEN, 0, event.closesAt, 0, False, *WINDOWS)
    assert fault_court.bond(bonded).cases == 1


def test_answer__late_but_before_the_timeout__counts(fault_court, docket, run, at, denied):
    case = docket.summon(run)
    at(case.transaction.timestamp + 3 * ANSWER)
    docket.answer(case)
    assert fault_court.case_of(case.receipt).state == OPEN
    with denied("case: no answer due", case):
        docket.court.time_out_summons(case.facts, sender=docket.challenger)


def test_answer__twice_or_another_root__reverts(docket, run, denied):
    case = docket.summon(run)
    docket.answer(case)
    for root in (run.trace.root, b"\1" * 32):
        with denied("case: no answer due", case):
            docket.answer(case, root)


def test_answer__asserted_or_unknown__reverts(docket, run, denied):
    case = docket.assert_receipt(run)
    with denied("case: no answer due", case):
        docket.answer(case)
    case.facts = (b"\1" * 32, *case.facts[1:])
    with denied("case: no answer due"):
        docket.answer(case)


@pytest.mark.parametrize("place", range(1, 9))
def test_answer__other_facts__reverts(docket, run, denied, place, stranger):
    case = docket.summon(run)
    others = (
        None, stranger.address, case.facts[2] + 1, (run.program.root, 1, 1), b"\1" * 32,
        stranger.address, case.facts[6] + 1, case.facts[7] + 1, True,
    )  # fmt: skip
    honest = case.facts
    case.facts = (*honest[:place], others[place], *honest[place + 1 :])
    with denied("case: other facts", replace(case, facts=honest)):
        docket.answer(case)


def test_answer__signed_by_another_or_for_another__reverts(
    docket, run, denied, other_signer, deploy_fault_court, docket_of
):
    case = docket.summon(run)
    root = run.trace.root
    for signature in (
        docket.signature(case.receipt, root, other_signer),
        docket.signature(b"\1" * 32, root),
        docket.signature(case.receipt, b"\1" * 32),
        docket_of(deploy_fault_court()).signature(case.receipt, root),
    ):
        with denied("signature: not by the signer", case):
            docket.answer(case, signature=signature)
    with denied("signature: not 65 bytes", case):
        docket.answer(case, signature=b"\1" * 64)


def test_answer__after_a_revoke__is_the_operators_alone(
    fault_court, docket, run, denied, ledger, signer, operator, stranger
):
    case = docket.summon(run)
    ledger.revoke_log(signer.address, sender=operator)
    with denied("fault: log revoked", case):
        docket.answer(case, sender=stranger)
    with denied("fault: signature after a revoke", case):
        docket.answer(case, sender=operator)
    docket.answer(case, signature=b"", sender=operator)
    assert fault_court.case_of(case.receipt).state == OPEN


def test_time_out_summons__not_before_its_second(fault_court, docket, run, at, denied, stranger):
    case = docket.summon(run)
    at(case.transaction.timestamp + ANSWER)
    with denied("case: answer window open", case):
        fault_court.time_out_summons(case.facts, sender=stranger)
    at(case.transaction.timestamp + ANSWER + 1)
    fault_court.time_out_summons(case.facts, sender=stranger)
    assert tuple(fault_court.case_of(case.receipt)) == (FAULTY, 0, 0, 0, False, *WINDOWS)


def test_time_out_summons__takes_a_unit_and_pays_the_summoner(
    fault_court, docket, run, at, bonded, stranger, challenger, balance, burnt
):
    case = docket.summon(run, fee=10**16)
    at(case.transaction.timestamp + ANSWER + 1)
    before, ashes, bond = balance(challenger.address), burnt(), fault_court.bond(bonded).amount
    transaction = fault_court.time_out_summons(case.facts, sender=stranger)
    assert balance(challenger.address) == before + 10**16 + CAP
    assert burnt() == ashes + UNIT - CAP
    assert tuple(fault_court.bond(bonded)) == (bond - UNIT, UNIT, 0, 0)
    assert balance(fault_court.address) == bond - UNIT
    standing = (transaction.timestamp, WITHHELD, 1)
    assert tuple(fault_court.standing(bonded)) == standing
    assert fault_court.case_of(case.receipt).state == FAULTY
    assert (
        fault_court.CaseFell(receipt=case.receipt, signer=bonded, prover=challenger, kind=0)
        in transaction.events
    )
    with ape.reverts("case: no answer due"):
        fault_court.time_out_summons(case.facts, sender=stranger)


def test_assert__opens_with_a_bond_of_its_own(fault_court, docket, run, bonded, stranger, balance):
    held = balance(fault_court.address)
    case = docket.assert_receipt(run, sender=stranger, bond=21 * CAP)
    asserted, answered = case.transaction.events
    assert asserted.event_name == "Asserted"
    assert plain(asserted.facts) == plain(answered.facts) == case.facts
    assert plain(asserted.sets) == run.sets()
    now = case.transaction.timestamp
    assert case.facts[5:] == (stranger.address, now, 21 * CAP, True)
    assert case.answer == (run.trace.root, now)
    found = (OPEN, 0, now + CASE, 21 * CAP, True, *WINDOWS)
    assert tuple(fault_court.case_of(case.receipt)) == found
    assert fault_court.bond(bonded).cases == 0
    assert fault_court.least_summons_fee(bonded) == fault_court.least_summons_fee(stranger)
    assert balance(fault_court.address) == held + 21 * CAP


def test_assert__bond_under_twenty_rewards__reverts(docket, run, denied):
    settled = docket.settle(run)
    with denied("fault: bond under 20 rewards"):
        docket.assert_receipt(run, settled, bond=20 * CAP - 1)
    docket.assert_receipt(run, settled)


def test_assert__without_the_keys_word__reverts(docket, run, denied, other_signer, stranger):
    settled = docket.settle(run)
    receipt = settled.receipts[1].digest(docket.book.chain_id, docket.book.ledger.address)
    signature = docket.signature(receipt, run.trace.root, other_signer)
    with denied("signature: not by the signer"):
        docket.assert_receipt(run, settled, sender=stranger, signature=signature)


def test_assert__after_a_revoke__is_the_operators_alone(
    fault_court, docket, run, denied, ledger, signer, operator, stranger
):
    settled = docket.settle(run)
    ledger.revoke_log(signer.address, sender=operator)
    with denied("fault: log revoked"):
        docket.assert_receipt(run, settled, sender=stranger)
    with denied("fault: signature after a revoke"):
        docket.assert_receipt(run, settled)
    case = docket.assert_receipt(run, settled, signature=b"")
    assert fault_court.case_of(case.receipt).state == OPEN


def test_assert__summoned__reverts(docket, run, denied):
    case = docket.summon(run)
    with denied("case: already opened", case):
        docket.assert_receipt(run, case.settled)


def test_assert__falls__divides_both_bonds(
    fault_court, docket, run, bonded, challenger, balance, burnt
):
    case = docket.assert_receipt(run, bond=21 * CAP)
    docket.commit(case)
    before, ashes, held = balance(challenger.address), burnt(), balance(fault_court.address)
    transaction = docket.convict(case, commit=False)
    paid = balance(challenger.address) - before + transaction.total_fees_paid
    assert paid == 2 * CAP
    assert burnt() == ashes + UNIT - CAP + 20 * CAP
    assert balance(fault_court.address) == held - UNIT - 21 * CAP
    assert (
        fault_court.StakeTaken(receipt=case.receipt, prover=challenger, reward=CAP, burnt=20 * CAP)
        in transaction.events
    )
    assert fault_court.case_of(case.receipt).state == FAULTY
    assert fault_court.bond(bonded).cases == 0


def test_finish__summons__releases_the_bond_once(
    fault_court, docket, run, bonded, at, denied, stranger
):
    case = docket.opened(run)
    closes_at = fault_court.case_of(case.receipt).closesAt
    at(closes_at)
    with denied("case: not over", case):
        fault_court.finish(*case.both, sender=stranger)
    at(closes_at + 1)
    transaction = fault_court.finish(*case.both, sender=stranger)
    assert transaction.events == [fault_court.CaseFinished(receipt=case.receipt, signer=bonded)]
    assert fault_court.bond(bonded).cases == 0
    assert fault_court.case_of(case.receipt).state == FINAL
    with denied("case: not open", case):
        fault_court.finish(*case.both, sender=stranger)


def test_finish__assertion__returns_its_bond_once(
    fault_court, docket, run, at, denied, stranger, challenger, balance
):
    case = docket.assert_receipt(run, sender=stranger)
    at(fault_court.case_of(case.receipt).closesAt + 1)
    before, held = balance(stranger.address), balance(fault_court.address)
    fault_court.finish(*case.both, sender=challenger)
    assert balance(stranger.address) == before + 20 * CAP
    assert balance(fault_court.address) == held - 20 * CAP
    with denied("case: not open", case):
        fault_court.finish(*case.both, sender=challenger)


def test_finish__other_answer__reverts(fault_court, docket, run, at, stranger):
    case = docket.opened(run)
    at(fault_court.case_of(case.receipt).closesAt + 1)
    with ape.reverts("case: other facts or answer"):
        fault_court.finish(case.facts, (b"\1" * 32, case.answer[1]), sender=stranger)


def test_finish__open_demand__reverts(fault_court, docket, run, at, denied, stranger):
    case = docket.opened(run)
    docket.demand(case, 0, 7, 0)
    at(fault_court.case_of(case.receipt).closesAt + 1)
    with denied("case: not over", case):
        fault_court.finish(*case.both, sender=stranger)


def test_case_of__over__is_final_without_a_transaction(fault_court, docket, run, chain):
    case = docket.opened(run)
    closes_at = fault_court.case_of(case.receipt).closesAt
    arguments = case.settled.proof(case.facts[2])
    with chain.isolate():
        chain.mine(timestamp=closes_at)
        assert fault_court.case_of(case.receipt).state == OPEN
        assert not fault_court.is_final(*arguments)
        chain.mine(timestamp=closes_at + 1)
        assert fault_court.case_of(case.receipt).state == FINAL
        assert fault_court.is_final(*arguments)


def test_case_of__nobodys__is_zero(fault_court):
    assert tuple(fault_court.case_of(b"\1" * 32)) == (0, 0, 0, 0, False, 0, 0)


def test_is_final__nobody_summoned__after_the_window(fault_court, docket, run, chain):
    settled = docket.settle(run)
    arguments = settled.proof(settled.batch.first + 1)
    chain.mine(timestamp=settled.posted_at + SUMMON)
    assert not fault_court.is_final(*arguments)
    chain.mine(timestamp=settled.posted_at + SUMMON + 1)
    assert fault_court.is_final(*arguments)
    receipt, inclusion = arguments
    assert not fault_court.is_final((*receipt[:-1], 1), inclusion)


def test_is_final__summoned_or_fallen__is_false(fault_court, docket, run, chain):
    case = docket.summon(run)
    arguments = case.settled.proof(case.facts[2])
    chain.mine(timestamp=case.settled.posted_at + SUMMON + 1)
    assert not fault_court.is_final(*arguments)
    docket.answer(case)
    docket.convict(case)
    chain.mine(timestamp=case.settled.posted_at + 10**6)
    assert not fault_court.is_final(*arguments)


def test_convict__takes_a_unit_and_pays_the_prover(
    fault_court, docket, run, bonded, challenger, balance, burnt
):
    case = docket.opened(run)
    docket.commit(case)
    before, ashes, bond = balance(challenger.address), burnt(), fault_court.bond(bonded).amount
    transaction = docket.convict(case, commit=False)
    assert balance(challenger.address) == before + CAP - transaction.total_fees_paid
    assert burnt() == ashes + UNIT - CAP
    assert tuple(fault_court.bond(bonded)) == (bond - UNIT, UNIT, 0, 0)
    assert tuple(fault_court.standing(bonded)) == (transaction.timestamp, 16, 1)
    assert (
        fault_court.CaseFell(receipt=case.receipt, signer=bonded, prover=challenger, kind=1)
        in transaction.events
    )
    assert named(transaction, "OffenceProved")[0].number == case.facts[2]
    state, _, _, stake, *_ = fault_court.case_of(case.receipt)
    assert (state, stake) == (FAULTY, 0)


def test_convict__not_a_judge__reverts(fault_court, docket, run, denied, challenger):
    case = docket.opened(run)
    docket.commit(case)
    with denied("fault: not a judge", case):
        fault_court.convict(*case.both, challenger, 1, 7, 3, b"\1" * 32, sender=challenger)


def test_convict__to_the_last_second(fault_court, docket, run, at):
    case = docket.opened(run)
    docket.commit(case)
    at(fault_court.case_of(case.receipt).closesAt + 1)
    with ape.reverts("case: proof too late"):
        docket.convict(case, commit=False)
    case = docket.opened(run)
    docket.commit(case)
    at(fault_court.case_of(case.receipt).closesAt)
    docket.convict(case, commit=False)


def test_convict__summoned_or_fallen__reverts(docket, run, denied):
    case = docket.summon(run)
    docket.commit(case)
    case.answer = (run.trace.root, case.facts[6])
    with denied("case: not open", case):
        docket.convict(case, commit=False)
    docket.answer(case)
    docket.convict(case, commit=False)
    docket.commit(case)
    with denied("case: not open", case):
        docket.convict(case, commit=False)


def test_convict__facts_of_another_case_or_court__reverts(
    docket, run, denied, deploy_fault_court, docket_of
):
    case, other = docket.opened(run), docket.opened(run)
    docket.commit(case)
    mixed = replace(case, answer=(b"\1" * 32, case.answer[1]))
    with denied("case: other facts or answer", case, other):
        docket.convict(mixed, commit=False)
    mixed = replace(case, facts=(case.facts[0], *other.facts[1:]))
    with denied("case: other facts or answer", case, other):
        docket.convict(mixed, commit=False)
    elsewhere = docket_of(deploy_fault_court())
    elsewhere.commit(case)
    with denied("case: not open"):
        elsewhere.convict(case, commit=False)


def test_convict__commitment__is_the_provers_and_a_block_old(
    docket, run, denied, stranger, challenger, project, payee
):
    case = docket.opened(run)
    with denied("commitment: never made", case):
        docket.convict(case, commit=False)
    docket.commit(case)
    with denied("commitment: never made", case):
        docket.convict(case, sender=stranger, commit=False)
    for other in ({"kind": 2}, {"place": 8}, {"element": 4}):
        with denied("commitment: never made", case):
            docket.convict(case, commit=False, **other)
    evidence = docket.commitment(payee, docket.evidence(case))
    commit = docket.court.commit.encode_input(evidence)
    convict = docket.judge.convict.encode_input(docket.court, *case.both, 1, 7, 3, SALT)
    with denied("commitment: not a block old", case):
        payee.execute([(docket.court, commit, 0), (docket.judge, convict, 0)], sender=stranger)
