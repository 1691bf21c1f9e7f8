"""Demanded paths are given out whatever becomes of posting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil.chain import Posted
from counterfoil.errors import BatchRefused, OperatorNeeded
from counterfoil.hashing.types import Seconds
from counterfoil.journal import Journal
from counterfoil.settle import Settler, close_log, revoke_log
from watching import UNIT, watched


@pytest.fixture
def case(in_process, tmp_path):
    """A bonded log with one settled receipt that nobody but its operator can prove."""
    watcher = chains.funded_account(in_process.chain)
    made = watched(in_process, watcher, tmp_path)
    made.bond()
    in_process.profile = replace(in_process.profile, publish=None)
    in_process.seal(1)
    in_process.settler().drain()
    return made


def demand(case) -> None:
    batch = posted(case)
    assert batch is not None
    case.send(case.court.demand_call(0, batch, UNIT // 100), case.watcher)


def posted(case) -> Posted | None:
    return case.log.ledger.posted(case.log.journal.signer, 0)


def answered(case) -> bool:
    return case.court.demand_of(case.log.journal.signer, 0).answered


def test_step__revoked_and_no_operator_at_hand__answered(case):
    log = case.log
    demand(case)
    log.seal(4)
    revoke_log(log.journal, log.chain, log.operator)
    with pytest.raises(OperatorNeeded):
        Settler(log.journal, log.chain, log.payer, log.profile).step(force=True)
    assert answered(case)


def test_step__ledger_refuses_the_batch__answered(case):
    log = case.log
    log.seal(1)
    close_log(log.journal, log.chain, log.operator)
    case.pass_time(log.ledger.log_end(log.journal.signer) + 1)
    demand(case)
    with pytest.raises(BatchRefused):
        log.settler().step(force=True)
    assert answered(case)


def test_step__restored_journal__answered(case, tmp_path):
    log = case.log
    copy = log.journal.backup(tmp_path / "backup")
    log.seal(2)
    log.settler().step(force=True)
    demand(case)
    profile = replace(log.profile, journal=f"sqlite:///{copy}")
    with Journal.open(profile) as restored:
        done = Settler(restored, log.chain, log.payer, profile).step()
    assert done.answered == (0,) and answered(case)


def test_step__demanded_batch_that_a_re_org_moved_long_ago__corrected_and_answered(case):
    """Deeper than settling itself looks back."""
    log = case.log
    right, stored = log.journal.receipt_file(0).inclusion, log.journal.stored_batch(0)
    log.journal.mark_reorged(0)
    early = Seconds(right.posted_at - 30)
    log.journal.mark_posted(0, early, stored.transaction, stored.block)
    log.journal.mark_final(0)
    log.chain.web3.provider.ethereum_tester.mine_blocks(130)
    demand(case)
    assert log.settler().step().answered == (0,)
    assert answered(case) and log.journal.receipt_file(0).inclusion == right
