"""Each offence, committed by a faulty operator on a real chain, is caught by a tower alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Digest, Seconds
from counterfoil.verify import verify
from counterfoil.watch import Limits
from watching import ANSWER_WINDOW, CAP, CLAIM_WINDOW, UNIT, kinds, watched


@pytest.fixture
def case(in_process, tmp_path):
    watcher = chains.funded_account(in_process.chain)
    made = watched(in_process, watcher, tmp_path)
    in_process.settler().step()
    made.bond()
    return made


def steps(case, count, **changes):
    """So many looks, each by a tower that knows nothing but its database."""
    found = []
    for _ in range(count):
        with case.tower(**changes) as tower:
            report = tower.step()
        found += report.notices
    return report, [notice.kind for notice in found]


def caught(case, reason, count=1):
    standing = case.court.standing(case.log.journal.signer)
    assert (standing.reason, standing.count) == (reason, count)
    bond = case.court.bond(case.log.journal.signer)
    assert bond.amount == (2 - count) * UNIT


def test_step__honest_operator__completes_and_sends_nothing(case):
    sealed = case.log.seal(6)
    case.hand_out(sealed)
    report, said = steps(case, 1)
    assert (report.receipts, report.settled, report.near, report.broken) == (6, 0, 0, 0)
    case.log.settler().drain()
    report, said = steps(case, 1)
    assert report.settled == 6 and report.done and said == ["settled"] * 6
    for path in sorted(case.folder.iterdir()):
        file = ReceiptFile.load(path)
        assert verify(file, trust=case.log.trust, chain=case.log.chain).anchored is not None
    case.pass_time(case.due(sealed[-1].receipt) + CLAIM_WINDOW + 100)
    report, said = steps(case, 2)
    assert said == [] and report.broken == 0
    assert case.nonce() == 0
    assert case.court.standing(case.log.journal.signer).count == 0


def test_step__never_settled__late_is_proved_once_for_the_gap(case):
    sealed = case.log.seal(3)
    case.hand_out(sealed)
    promise = sealed[0].receipt
    case.pass_time(promise.settle_by - 100)
    report, said = steps(case, 1)
    assert report.near == 3 and report.broken == 0 and said == ["near"] * 3
    case.pass_time(promise.settle_by + 100)
    assert steps(case, 1)[1] == ["late"] * 3
    assert case.nonce() == 0
    case.pass_time(case.due(sealed[-1].receipt) + 10)
    before = case.log.chain.balance(case.watcher.address)
    report, said = steps(case, 3)
    assert said.count("broken") == 3 and said.count("sent") == 2 and "proved" in said
    assert case.nonce() == 2
    caught(case, "late")
    assert before + CAP - case.log.chain.balance(case.watcher.address) < 10**16
    assert steps(case, 2)[0].open_claims == 0
    assert case.nonce() == 2


def test_step__settled_late__late_is_proved_by_the_word(case):
    sealed = case.log.seal(3)
    case.hand_out(sealed)
    case.pass_time(case.due(sealed[-1].receipt) + 10)
    case.log.settler().drain()
    report, said = steps(case, 3)
    assert "settled-late" in said and "proved" in said
    caught(case, "late")
    assert report.settled == 3 and case.nonce() == 2


def test_step__settled_between_commitment_and_claim__claimed_as_settled(case):
    sealed = case.log.seal(2)
    case.hand_out(sealed)
    case.pass_time(case.due(sealed[-1].receipt) + 10)
    assert "sent" in steps(case, 1)[1]
    case.log.settler().drain()
    assert "proved" in steps(case, 2)[1]
    caught(case, "late")
    assert case.nonce() == 2


def test_step__another_leaf_at_the_number__conflict_is_proved(case):
    sealed = case.log.seal(4)
    case.hand_out(sealed)
    others = [each.receipt for each in sealed]
    others[2] = replace(others[2], outputs=Digest(bytes([9]) * 32))
    file = case.post(others)
    target = case.published / sealed[0].receipt.signer / "0.json"
    target.parent.mkdir(parents=True)
    target.write_bytes(file.dump())
    report, said = steps(case, 3)
    assert "conflict" in said and "proved" in said
    caught(case, "conflict")
    assert case.court.proved(sealed[2].receipt.signer, 2)
    assert report.settled == 3 and case.nonce() == 2
    assert ReceiptFile.load(case.folder / "0002.json").inclusion is None


def test_step__two_under_one_number__double_sign_is_proved(case):
    (one,) = case.log.seal(1)
    case.hand_out([one])
    two = replace(one.receipt, outputs=Digest(bytes([8]) * 32))
    case.write(case.forge(two), "other.json")
    _, said = steps(case, 3)
    assert "double-sign" in said and "proved" in said
    caught(case, "double-sign")
    assert case.nonce() == 2


def test_step__path_never_given__demanded_and_timed_out(case):
    sealed = case.log.seal(2)
    case.hand_out(sealed[1:])
    case.post([each.receipt for each in sealed])
    report, said = steps(case, 1)
    assert report.missing == 1 and said == ["missing"] and case.nonce() == 0
    case.pass_time(case.log.chain.now() + 700)
    report, said = steps(case, 2)
    assert said.count("sent") == 1 and report.broken == 1
    demand = case.court.demand_of(case.log.journal.signer, 1)
    assert demand.demander == case.watcher.address and demand.deadline
    case.pass_time(case.log.chain.now() + ANSWER_WINDOW + 10)
    assert "proved" in steps(case, 2)[1]
    caught(case, "withheld")
    assert case.nonce() == 2


def test_step__demand_answered_by_the_settler__path_taken_and_nobody_caught(case):
    case.log.profile = replace(case.log.profile, publish=None)
    sealed = case.log.seal(3)
    case.hand_out(sealed)
    case.log.settler().drain()
    case.pass_time(case.log.chain.now() + 700)
    assert "sent" in steps(case, 1)[1]
    fee_before = case.log.chain.balance(case.log.payer.address)
    settler = case.log.settler()
    answered = settler.step().answered
    assert answered == (0, 1, 2)
    assert case.log.chain.balance(case.log.payer.address) > fee_before
    report, said = steps(case, 1)
    assert report.settled == 3 and said.count("settled") == 3
    assert case.court.standing(case.log.journal.signer).count == 0
    assert settler.step().answered == ()
    for number in range(3):
        file = ReceiptFile.load(case.folder / f"{number:04}.json")
        assert verify(file, trust=case.log.trust, chain=case.log.chain).anchored is not None


def test_step__published_after_the_demand__own_demand_answered(case):
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    file = case.post([each.receipt for each in sealed])
    case.pass_time(case.log.chain.now() + 700)
    assert "sent" in steps(case, 1)[1]
    target = case.published / sealed[0].receipt.signer / "0.json"
    target.parent.mkdir(parents=True)
    target.write_bytes(file.dump())
    report, _ = steps(case, 3)
    assert report.settled == 1 and report.open_claims == 0
    assert case.court.demand_of(sealed[0].receipt.signer, 0).answered
    case.pass_time(case.log.chain.now() + ANSWER_WINDOW + 10)
    steps(case, 1)
    assert case.court.standing(case.log.journal.signer).count == 0
    assert case.nonce() == 2


def test_step__no_bond__says_what_it_would_cost_and_sends_nothing(in_process, tmp_path):
    case = watched(in_process, chains.funded_account(in_process.chain), tmp_path)
    case.log.settler().step()
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    case.pass_time(case.due(sealed[0].receipt) + 10)
    with case.tower() as tower:
        report = tower.step()
    assert kinds(report) == ["broken", "waits"]
    assert "the log has no bond" in report.notices[1].text
    assert case.nonce() == 0
    steps(case, 3, limits=Limits(gas_price=10**12, at_a_loss=True))
    assert case.court.standing(case.log.journal.signer).count == 1


def test_step__gas_over_the_limit__waits_and_says_so(case):
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    case.pass_time(case.due(sealed[0].receipt) + 10)
    with case.tower(limits=Limits(gas_price=1)) as tower:
        report = tower.step()
    assert kinds(report) == ["broken", "waits"] and "over your limit" in report.notices[1].text
    assert case.nonce() == 0


def test_step__no_account__says_what_it_would_send(case):
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    case.pass_time(case.due(sealed[0].receipt) + 10)
    with case.tower(account=None) as tower:
        report = tower.step()
    assert kinds(report) == ["broken", "waits"] and "no payer" in report.notices[1].text


def test_step__claim_window_over__broken_and_nothing_sent(case):
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    case.pass_time(case.due(sealed[0].receipt) + CLAIM_WINDOW + 10)
    report, said = steps(case, 2)
    assert said == ["broken"] and report.open_claims == 0 and case.nonce() == 0


def test_step__file_of_another_log_or_signature__said_and_not_watched(case):
    (sealed,) = case.log.seal(1)
    good = case.log.journal.receipt_file(0, openings=False)
    case.write(replace(good, chain_id=1), "other-chain.json")
    changed = replace(good, receipt=replace(good.receipt, outputs=Digest(bytes(32))))
    case.write(changed, "changed.json")
    (case.folder / "broken.json").write_text("{")
    (case.folder / ".hidden.json").write_text("{")
    report, said = steps(case, 2)
    assert said == ["bad-file"] * 3 and report.receipts == 0
    case.hand_out([sealed])
    assert steps(case, 1)[0].receipts == 1


def test_step__closing_and_revoked__said_once(case):
    case.log.seal(1)
    case.hand_out([case.log.journal.get(0)])
    with case.tower() as tower:
        assert kinds(tower.step()) == []
        signer = case.log.journal.signer
        chains.wait(case.log.chain, case.log.ledger.close_log(signer, case.log.operator))
        assert "closing" in kinds(tower.step())
        chains.wait(case.log.chain, case.log.ledger.revoke_log(signer, case.log.operator))
        assert "revoked" in kinds(tower.step())
        assert kinds(tower.step()) == []


def test_store__in_use__refused(case):
    from counterfoil.errors import WatchBusy
    from counterfoil.watch import Store

    with case.tower(), pytest.raises(WatchBusy):
        Store(case.state)


def test_step__evidence_deleted__still_proved(case):
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    steps(case, 1)
    (case.folder / "0000.json").unlink()
    case.pass_time(case.due(sealed[0].receipt) + 10)
    assert "proved" in steps(case, 3)[1]
    caught(case, "late")


def test_step__promise_of_a_day_ahead__kept_apart_from_the_logs_delay(case):
    (sealed,) = case.log.seal(1)
    generous = replace(sealed.receipt, settle_by=Seconds(sealed.receipt.issued_at + 10**6))
    case.write(case.forge(generous), "generous.json")
    case.pass_time(case.due(generous) - 10)
    assert "broken" not in steps(case, 1)[1]
    case.pass_time(case.due(generous) + 10)
    assert "broken" in steps(case, 1)[1]
