"""What others do so that a challenger pays, gives up, or never looks: it does none of it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil.chain import sending
from counterfoil.cli.demo_fault_stage import (
    challenger_of,
    honest_receipt,
    lying_receipt,
    pass_time,
    play,
)
from counterfoil.cli.demo_lies import another_output, corrupted_weight
from counterfoil.errors import NoExactProgram, NotReplayable, RuntimeMismatch
from counterfoil.faults.docket import Docket
from counterfoil.faults.guard import run_again
from counterfoil.faults.looks import Limits
from counterfoil.faults.run import run_of
from counterfoil.faults.store import Store
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.runtime import Runtime
from counterfoil.hashing.types import Address
from counterfoil.programs import Executor
from counterfoil.replay import Models
from counterfoil.watch import Sources, Tower
from counterfoil.watch import Store as WatchStore
from test_challenge import CAP, log, replace_price, sent, spent, stage, store

__all__ = ["log", "stage", "store"]

FLOAT = Runtime(engine="onnxruntime", version="1", providers="CPU", machine="x", options="{}")


def spend_nothing(stage):
    """The challenger's nonce, to be held against."""
    return chains.mined_nonce(stage.chain, Address(stage.challenger.address))


def summoned_by_another(stage, file) -> None:
    run = run_of(Executor(stage.program), file.opening)
    fee = 2 * stage.court.least_summons_fee(file.receipt.signer)
    chains.wait(
        stage.chain, chains.send(stage.chain, stage.court.summon_call(run.summons(file), fee),
                                 chains.funded_account(stage.chain)),
    )  # fmt: skip


def test_challenge__another_opened_the_case_and_nothing_to_earn__not_sent(stage, log, store):
    """An operator summons its own receipt, and earns the fees of who demands."""
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, corrupted_weight)
    summoned_by_another(stage, file)
    liar.answer(file.digest)
    before = spend_nothing(stage)
    limits = Limits(gas_price=10**30)
    dear = replace_price(stage, 10**14)
    try:
        look = challenger_of(stage, store, limits=limits).look(file)
    finally:
        dear.undo()
    assert look.stopped and look.said[0].kind == "unprofitable"
    assert look.said[0].data["cost"] > look.said[0].data["reward"] == CAP
    assert spend_nothing(stage) == before
    guard = challenger_of(stage, store)
    said = play(stage, guard, file, liar)
    assert said[0].kind == "begins" and said[-1].data["end"] == "won"


def test_was_refunded__node_that_has_not_seen_the_fall__says_nothing_of_the_fee(stage, log, store):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, corrupted_weight)
    guard = challenger_of(stage, store)
    guard.look(file)
    liar.answer(file.digest)
    guard.look(file)
    events = stage.court.events(from_block=0, receipt=file.digest)
    (demand,) = Docket.of(file.digest, events).open_demands()
    assert not stage.court.was_refunded(demand)


def test_challenge__another_summoned_and_nobody_answers__his_to_time_out(stage, log, store):
    """The reward would be the summoner's: nothing is paid for it unasked."""
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    summoned_by_another(stage, file)
    case = stage.court.case_of(file.digest)
    pass_time(stage, stage.chain.now() + case.answer_window + 1)
    before = spend_nothing(stage)
    look = challenger_of(stage, store).look(file)
    assert look.stopped and look.said[0].data["reward"] == 0
    assert spend_nothing(stage) == before
    guard = challenger_of(stage, store, limits=Limits(gas_price=10**12, at_a_loss=True))
    assert sent(guard.look(file).said) == ["time-out"]
    assert stage.court.case_of(file.digest).state == "faulty"


def test_challenge__asserted_by_another__its_bond_counts_too(stage, log, store):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, another_output)
    run = run_of(Executor(stage.program), file.opening)
    root = run.trace.tree.root
    signature = journal.sign_trace(file.digest, root, stage.court.address)
    call = stage.court.assert_call(run.summons(file), root, signature, 20 * CAP)
    chains.wait(stage.chain, chains.send(stage.chain, call, stage.operator))
    before = stage.chain.balance(Address(stage.challenger.address))
    said = play(stage, challenger_of(stage, store), file, liar)
    assert said[0].kind == "begins" and said[0].data["reward"] == 2 * CAP
    assert said[-1].data["end"] == "won" and sent(said) == ["commit", "prove"]
    earned = stage.chain.balance(Address(stage.challenger.address)) - before
    assert earned == 2 * CAP - spent(stage, said)


def test_challenge__fall_is_in_the_state_and_not_yet_in_the_events__waited_for(
    stage, log, store, monkeypatch
):
    """Events and state are two requests, and a block may come between."""
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, another_output)
    guard = challenger_of(stage, store)
    while stage.court.case_of(file.digest).state != "faulty":
        guard.look(file)
        liar.answer(file.digest)
    read = type(stage.court).events

    def behind(self, **options):
        return (e for e in read(self, **options) if e.name != "CaseFell")

    with monkeypatch.context() as patch:
        patch.setattr(type(stage.court), "events", behind)
        look = guard.look(file)
    assert not look.ended
    assert guard.look(file).said[-1].data["end"] == "won"


def test_challenge__node_wants_more_between_two_answers__not_over_the_limit(
    stage, log, store, monkeypatch
):
    """What is signed is held against the limit, whatever the node said before."""
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    guard = challenger_of(stage, store)
    true = sending.fees
    monkeypatch.setattr(
        sending, "fees", lambda chain: replace(true(chain), most=10**13, tip=10**13)
    )
    before = spend_nothing(stage)
    look = guard.look(file)
    assert sent(look.said) == [] and look.said[-1].again == "dear"
    assert spend_nothing(stage) == before
    monkeypatch.undo()
    assert sent(guard.look(file).said) == ["summon"]


@pytest.fixture
def watched(stage, tmp_path):
    """A tower over a folder of receipts; `look` is one look of it."""
    (tmp_path / "held").mkdir()
    with (
        closing(WatchStore(tmp_path / "watch.db")) as own,
        closing(Store(tmp_path / "its challenges.db")) as challenges,
    ):

        def tower(**changes):
            return Tower(
                stage.chain, stage.ledger.address, own,
                Sources(stage.chain.chain_id, stage.ledger.address, mirrors=(tmp_path,)),
                folders=[tmp_path / "held"], clock=stage.clock,
                guard=challenger_of(stage, challenges, **changes),
            )  # fmt: skip

        yield tower


def kinds(report) -> list[str]:
    return [notice.kind for notice in report.notices if notice.kind != "missing"]


def test_watch__inclusion_is_not_the_ledgers__nothing_is_concluded_from_it(
    stage, log, watched, tmp_path
):
    """An operator dates the batch so early that nothing could be challenged any more."""
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    path = tmp_path / "held" / "receipt.json"
    replace(file, inclusion=replace(file.inclusion, posted_at=1)).write(path)
    tower = watched()
    assert kinds(tower.step()) == []
    path.unlink()
    file.write(path)
    assert kinds(tower.step()) == ["begins", "sent"]


@pytest.mark.parametrize("preimage", [None, "another"])
def test_watch__file_does_not_say_that_its_run_is_a_programs__guarded(
    stage, log, watched, tmp_path, preimage
):
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    said = None if preimage is None else replace(file.preimage, runtime=FLOAT)
    replace(file, preimage=said).write(tmp_path / "held" / "receipt.json")
    found = kinds(watched().step())
    assert found == (["begins", "sent"] if preimage is None else ["unguarded"])


def test_watch__payer_without_money__said_and_all_else_too(
    stage, log, watched, tmp_path, monkeypatch
):
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    file.write(tmp_path / "held" / "receipt.json")
    monkeypatch.setattr(type(stage.chain), "balance", lambda *_: 10**14)
    report = watched().step()
    assert kinds(report) == ["begins", "waits"]
    assert "send it gas money" in report.notices[-1].text
    assert report.broken == 1


def test_settle__one_cases_sender_has_no_money__the_others_are_seen_to(stage, log, monkeypatch):
    """After a revoke the operator's account answers summonses, and the payer demands."""
    journal, settler = log
    files = [honest_receipt(stage, journal, settler) for _ in range(2)]
    for file in files:
        summoned_by_another(stage, file)
    with monkeypatch.context() as patch:
        patch.setattr(type(stage.chain), "balance", lambda *_: 0)
        notes = settler.step().notes
    for file in files:
        what = f"the summons for receipt {file.receipt.sequence} is answered: "
        (note,) = (each for each in notes if each.startswith(what))
        assert "send it gas money" in note
    assert len(settler.step().duties) == 2


def test_run_again__of_no_program_or_false_about_it__told_apart(stage, log):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    nowhere = Models()
    with pytest.raises(RuntimeMismatch):
        run_again(replace(file, preimage=replace(file.preimage, runtime=FLOAT)), nowhere)
    with pytest.raises(NotReplayable, match="whole"):
        run_again(replace(file, opening=None), nowhere)
    assert issubclass(NoExactProgram, NotReplayable)
    assert run_again(replace(file, preimage=None), Models([stage.path])).claim is None
    assert run_again(replace(file, preimage=Preimage()), Models([stage.path])).claim is None
