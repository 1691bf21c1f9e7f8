"""The two late proofs: before the gap is settled and after, one offence for each gap."""

import pytest
from book import GRACE, MAX_DELAY
from docket import CAP, CLAIM_WINDOW, LATE, UNIT, posted

NOBODY = "0x" + "00" * 20


def test_due__is_the_earlier_of_two_and_grace(court, docket, bonded, now):
    issued_at = now()
    promised = docket.promised(0, issued_at=issued_at, settle_by=issued_at + 100)
    assert court.due(promised.abi()) == issued_at + 100 + GRACE
    endless = docket.promised(0, issued_at=issued_at, settle_by=2**64 - 1)
    assert court.due(endless.abi()) == issued_at + MAX_DELAY + GRACE


def test_unsettled__past_due__takes_a_unit(
    court, docket, promised, due, at, bonded, challenger, balance, burnt
):
    before, burnt_before, bond = balance(challenger.address), burnt(), court.bond(bonded).amount
    spent = docket.commit_to(promised).total_fees_paid
    at(due(promised) + 1)
    transaction = docket.late_unsettled(promised, commit=False)

    assert court.bond(bonded).amount == bond - UNIT
    assert burnt() - burnt_before == UNIT - CAP
    assert balance(challenger.address) == before + CAP - spent - transaction.total_fees_paid
    assert balance(court.address) == bond - UNIT
    assert tuple(court.standing(bonded)) == (due(promised) + 1, LATE, 1)
    assert court.proved(bonded, 0)
    assert transaction.events == [
        court.OffenceProved(
            signer=bonded, number=0, prover=challenger, reason=LATE, reward=CAP, burnt=UNIT - CAP
        )
    ]


def test_unsettled__when_due__reverts(docket, promised, due, at, denied):
    docket.commit_to(promised)
    at(due(promised))
    with denied("court: not due yet"):
        docket.late_unsettled(promised, commit=False)


def test_unsettled__to_the_last_second__counts(court, docket, promised, due, at, bonded):
    docket.commit_to(promised)
    at(due(promised) + CLAIM_WINDOW)
    docket.late_unsettled(promised, commit=False)
    assert court.standing(bonded).count == 1


def test_unsettled__after_the_window__reverts(docket, promised, due, at, denied):
    docket.commit_to(promised)
    at(due(promised) + CLAIM_WINDOW + 1)
    with denied("court: claim too late"):
        docket.late_unsettled(promised, commit=False)


def test_unsettled__settled__reverts(docket, promised, book, due, at, denied):
    book.settle([promised])
    docket.commit_to(promised)
    at(due(promised) + 1)
    with denied("court: number settled"):
        docket.late_unsettled(promised, commit=False)


def test_unsettled__no_promise__reverts(docket, bonded, at, now, denied):
    receipt = docket.promised(0, settle_by=0)
    docket.commit_to(receipt)
    at(now() + MAX_DELAY + GRACE + 1)
    with denied("court: no promise"):
        docket.late_unsettled(receipt, commit=False)


def test_unsettled__log_never_opened__reverts(court, docket, signer, at, now, denied):
    receipt = docket.promised(0)
    docket.commit_to(receipt)
    at(now() + GRACE + 400)
    with denied("court: log never opened"):
        docket.late_unsettled(receipt, commit=False)


def test_unsettled__issued_before_the_log__reverts(docket, ledger, bonded, at, now, denied):
    receipt = docket.promised(0, issued_at=ledger.log_record(bonded).openedAt - 1)
    docket.commit_to(receipt)
    at(now() + GRACE + 600)
    with denied("court: issued before the log"):
        docket.late_unsettled(receipt, commit=False)


def test_unsettled__issued_as_the_log_opens__counts(court, docket, ledger, bonded, at, due):
    receipt = docket.promised(0, issued_at=ledger.log_record(bonded).openedAt)
    docket.commit_to(receipt)
    at(due(receipt) + 1)
    docket.late_unsettled(receipt, commit=False)
    assert court.standing(bonded).count == 1


@pytest.mark.parametrize("past", [0, 1])
def test_unsettled__issued_at_the_logs_close(
    court, docket, bonded, closes_at, at, due, denied, past
):
    at(closes_at + past)
    receipt = docket.promised(0, issued_at=closes_at + past)
    docket.commit_to(receipt)
    at(due(receipt) + 1)
    if past:
        with denied("court: issued after the log's end"):
            docket.late_unsettled(receipt, commit=False)
        return
    docket.late_unsettled(receipt, commit=False)
    assert court.standing(bonded).count == 1


@pytest.mark.parametrize("past", [0, 1])
def test_unsettled__issued_at_the_revoke(
    court, docket, ledger, operator, bonded, at, due, now, denied, past
):
    revoked_at = now()
    ledger.revoke_log(bonded, sender=operator)
    receipt = docket.promised(0, issued_at=revoked_at + past)
    docket.commit_to(receipt)
    at(due(receipt) + 1)
    if past:
        with denied("court: issued after the log's end"):
            docket.late_unsettled(receipt, commit=False)
        return
    docket.late_unsettled(receipt, commit=False)
    assert court.standing(bonded).count == 1


def test_unsettled__by_another_key__reverts(court, docket, promised, other_signer, at, due, denied):
    forged = docket.signed(promised, other_signer)
    at(due(promised) + 1)
    with denied("signature: not by the signer"):
        court.prove_late_unsettled(promised.abi(), forged, bytes(32), sender=docket.challenger)


def test_unsettled__of_another_ledger__reverts(deploy_court, project, deployer, docket, promised):
    """The court takes receipts of its own ledger alone: the domain says which."""
    import ape

    elsewhere = deploy_court(ledger=deployer.deploy(project.ReceiptLedger, GRACE))
    with ape.reverts("signature: not by the signer"):
        elsewhere.prove_late_unsettled(*docket.shown(promised), bytes(32), sender=docket.challenger)


def test_unsettled__of_one_gap__counts_once(court, docket, bonded, at, due, denied):
    """Many late receipts of one gap are one offence, under the first missing number."""
    receipts = [docket.promised(number) for number in (0, 1, 2)]
    at(due(receipts[0]) + 1)
    docket.late_unsettled(receipts[2])
    assert court.proved(bonded, 0)
    assert not court.proved(bonded, 2)
    for receipt in receipts:
        docket.commit_to(receipt)
        with denied("bond: offence already proved"):
            docket.late_unsettled(receipt, commit=False)


def test_unsettled__of_the_next_gap__counts_again(court, docket, book, bonded, at, due):
    receipts = [docket.promised(number) for number in (0, 1, 2)]
    at(due(receipts[0]) + 1)
    docket.late_unsettled(receipts[2])
    book.settle(receipts[:2])
    docket.commit_to(receipts[2])
    with pytest.raises(Exception, match="commitment: already made"):
        docket.commit_to(receipts[2])
    docket.late_unsettled(receipts[2], commit=False)
    assert court.proved(bonded, 2)
    assert court.standing(bonded).count == 2


def test_settled__past_due__takes_a_unit_without_a_path(
    court, docket, promised, book, due, at, bonded, challenger
):
    at(due(promised) + 1)
    settled = book.settle([promised, book.receipt(1)])
    transaction = docket.late_settled(promised, settled)
    assert tuple(court.standing(bonded)) == (transaction.timestamp, LATE, 1)
    assert court.proved(bonded, 0)
    assert transaction.events == [
        court.OffenceProved(
            signer=bonded, number=0, prover=challenger, reason=LATE, reward=CAP, burnt=UNIT - CAP
        )
    ]


def test_settled__posted_when_due__reverts(docket, promised, book, due, at, denied):
    at(due(promised))
    settled = book.settle([promised])
    docket.commit_to(promised)
    with denied("court: settled in time"):
        docket.late_settled(promised, settled, commit=False)


def test_settled__after_the_window__reverts(docket, promised, book, due, at, denied):
    at(due(promised) + 1)
    settled = book.settle([promised])
    docket.commit_to(promised)
    at(due(promised) + CLAIM_WINDOW + 1)
    with denied("court: claim too late"):
        docket.late_settled(promised, settled, commit=False)


@pytest.mark.parametrize("number", [0, 3])
def test_settled__number_outside_the_batch__reverts(docket, bonded, book, due, at, denied, number):
    book.settle([docket.promised(0)])
    receipt = docket.promised(number)
    at(due(receipt) + 1)
    settled = book.settle(2)
    docket.commit_to(receipt)
    with denied("court: number outside the batch"):
        docket.late_settled(receipt, settled, commit=False)


@pytest.mark.parametrize("field", range(4))
def test_settled__not_the_batchs_word__reverts(docket, promised, book, due, at, denied, field):
    """Above all the time: the batch's word says when it was posted, never the claimant."""
    at(due(promised))
    settled = book.settle([promised, book.receipt(1)])
    docket.commit_to(promised)
    batch = list(posted(settled))
    changed = {0: 2**64 - 1, 1: 3, 2: bytes(32), 3: batch[3] + 1}[field]
    batch[field] = changed
    reason = "court: number outside the batch" if field == 0 else "court: not the batch's word"
    with denied(reason):
        docket.late_settled(promised, tuple(batch), commit=False)


def test_settled__in_answer_to_a_claim__is_still_late(
    court, docket, promised, book, due, at, bonded
):
    """The operator sees the commitment or the claim and posts: the commitment serves again."""
    docket.commit_to(promised)
    at(due(promised) + 1)
    settled = book.settle([promised])
    with pytest.raises(Exception, match="court: number settled"):
        docket.late_unsettled(promised, commit=False)
    docket.late_settled(promised, settled, commit=False)
    assert court.standing(bonded).count == 1


def test_settled__gap_proved_before__counts_once(court, docket, book, bonded, due, at, denied):
    receipts = [docket.promised(number) for number in (0, 1, 2)]
    at(due(receipts[0]) + 1)
    docket.late_unsettled(receipts[1])
    settled = book.settle(receipts)
    for receipt in receipts:
        docket.commit_to(receipt)
        with denied("bond: offence already proved"):
            docket.late_settled(receipt, settled, commit=False)
    assert court.standing(bonded).count == 1


def test_settled__two_late_batches__count_twice(court, docket, book, bonded, due, at):
    receipts = [docket.promised(number) for number in (0, 1)]
    at(due(receipts[0]) + 1)
    batches = [book.settle([receipt]) for receipt in receipts]
    for receipt, settled in zip(receipts, batches, strict=True):
        docket.late_settled(receipt, settled)
    assert court.standing(bonded).count == 2
    assert court.proved(bonded, 0) and court.proved(bonded, 1)


def test_late__then_a_conflict_at_the_same_number__counts_once(
    court, docket, promised, book, due, at, bonded, denied
):
    """An offence is a (signer, number), whatever proves it."""
    at(due(promised) + 1)
    settled = book.settle([book.receipt(0)])
    docket.late_settled(promised, settled)
    docket.commit_to(promised)
    with denied("bond: offence already proved"):
        docket.conflict(promised, settled, commit=False)


@pytest.mark.parametrize("ahead", [12, GRACE - 300])
def test_late__proposers_clock_ahead__is_no_offence(
    court, docket, book, bonded, at, denied, ahead, chain
):
    """Who settles by the promise is safe from any clock that is ahead by less than grace."""
    promised = docket.promised(0)
    at(promised.settle_by + ahead)
    settled = book.settle([promised])
    docket.commit_to(promised)
    with denied("court: settled in time"):
        docket.late_settled(promised, settled, commit=False)


def test_late__settled_after_a_revoke__is_no_offence(
    docket, promised, ledger, book, operator, bonded, due, at, denied
):
    """The operator's own account keeps what was promised, to the last second."""
    ledger.revoke_log(bonded, sender=operator)
    at(due(promised))
    settled = book.settle([promised], signature=b"", sender=operator)
    docket.commit_to(promised)
    with denied("court: settled in time"):
        docket.late_settled(promised, settled, commit=False)
