"""Re-orgs on a real node: what they take may be lost, mined again, or wait in the pool."""

from __future__ import annotations

import pytest
from case_history import Purse
from counterfoil import chain as chains
from counterfoil.cli.demo_fault_stage import BONDED, UNIT, challenger_of, lying_receipt
from counterfoil.cli.demo_lies import LIES, another_output
from counterfoil.faults.store import Store
from counterfoil.hashing.types import Address
from test_challenge_anvil import TERMS, log, once, stage

__all__ = ["log", "stage"]

pytestmark = pytest.mark.anvil

STEPS = {
    "another output": ["summon", "commit", "prove_link"],
    "a corrupted weight": ["summon", *["demand_rows"] * 3, "commit", "prove_step"],
}


def newest(chain) -> list[str]:
    """The transactions of the newest block, raw."""
    block = chain.web3.eth.get_block("latest")
    return [
        "0x" + bytes(chain.web3.eth.get_raw_transaction(t)).hex() for t in block["transactions"]
    ]


def reorg(anvil, how: str) -> None:
    """The newest block goes; its transactions are lost, in the block in its place, or pending."""
    raws = newest(anvil.chain)
    assert raws
    anvil.ask("anvil_reorg", 1, [[raw, 0] for raw in raws] if how == "mined again" else [])
    anvil.ask("evm_increaseTime", hex(30))
    if how == "pending":
        anvil.automine(False)
        for raw in raws:
            anvil.chain.web3.eth.send_raw_transaction(raw)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["lost", "mined again", "pending"])
@pytest.mark.parametrize("name", STEPS)
def test_challenge__reorged_at_every_stage__proved_once(stage, log, anvil, tmp_path, name, how):
    """The command, a process for each look; a re-org behind each of its transactions."""
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, LIES[name])
    path = tmp_path / "receipt.json"
    file.write(path)
    purse = Purse(stage.chain, stage.court, Address(stage.challenger.address))
    held = stage.chain.balance(stage.court.address)
    reached = 0
    for _ in range(40):
        before = len(purse.sent().steps)
        code = once(stage, path)
        if code == 0:
            break
        steps = purse.sent().steps
        if before < len(steps) and len(steps) > reached:
            reached = len(steps)
            reorg(anvil, how)
            if how == "pending":
                assert once(stage, path) == 4 and purse.sent().steps == steps[:-1]
                anvil.automine(True)
                anvil.mine()
        liar.answer(file.digest)
    assert code == 0 and reached == len(STEPS[name])
    sent = purse.sent()
    assert (sent.steps, sent.refused) == (STEPS[name], [])
    assert stage.court.bond(journal.signer).amount == (BONDED - 1) * UNIT
    assert stage.court.standing(journal.signer).count == 1
    assert stage.chain.balance(stage.court.address) == held - UNIT
    assert TERMS.reward_cap - sent.value <= purse.earned() <= TERMS.reward_cap
    assert once(stage, path) == 0 and purse.sent().steps == STEPS[name]


@pytest.mark.slow
def test_challenge__end_taken_back__proved_again(stage, log, anvil, tmp_path):
    """The proof was believed after one block, and a re-org took it."""
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, another_output)
    path = tmp_path / "receipt.json"
    file.write(path)
    for code in iter(lambda: once(stage, path), 0):
        assert code == 4
        liar.answer(file.digest)
    anvil.ask("anvil_reorg", 2, [])
    assert stage.court.case_of(file.digest).state == "open"
    assert [once(stage, path) for _ in range(3)] == [4, 4, 0]
    assert stage.court.case_of(file.digest).state == "faulty"


def test_challenge__pending_behind_what_was_lost__the_lost_one_sent_again(
    stage, log, anvil, tmp_path
):
    """A re-org took summons, answer and commitment; only the commitment is in the pool again."""
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, another_output)
    purse = Purse(stage.chain, stage.court, Address(stage.challenger.address))
    store = Store(tmp_path / "challenges.db")
    guard = challenger_of(stage, store)
    guard.look(file)
    liar.answer(file.digest)
    guard.look(file)
    (commit,) = newest(stage.chain)
    assert purse.sent().steps == ["summon", "commit"]
    anvil.automine(False)
    anvil.ask("anvil_reorg", 3, [])
    stage.chain.web3.eth.send_raw_transaction(commit)
    assert purse.sent().steps == []
    look = guard.look(file)
    assert [said.data["step"] for said in look.said if said.kind == "sent"] == ["summon"]
    for _ in range(3):  # a node may promote what waited behind it a block later
        anvil.mine()
    assert purse.sent().steps == ["summon", "commit"]
    anvil.automine(True)
    liar.answer(file.digest)
    while (look := guard.look(file)) is not None and not look.ended:
        pass
    store.close()
    sent = purse.sent()
    assert (sent.steps, sent.refused) == (STEPS["another output"], [])
    assert chains.mined_nonce(stage.chain, Address(stage.challenger.address)) == 3
    assert purse.earned() == TERMS.reward_cap - sent.value
