"""Lying operators are caught by a challenger who has the receipt alone; honest ones are not."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from counterfoil import chain as chains
from counterfoil import shelf
from counterfoil.chain import Fault, FaultCourtClient, FaultTerms, Node, TensorShown
from counterfoil.chain.deployment import FaultCourtTerms
from counterfoil.chain.fault_values import plain
from counterfoil.cli.demo_accused import accuse
from counterfoil.cli.demo_fault_stage import (
    BONDED,
    UNIT,
    FaultStage,
    bonded_log,
    challenger_of,
    honest_receipt,
    lying_receipt,
    pass_time,
    play,
    set_fault_stage,
)
from counterfoil.cli.demo_lies import LIES, Told, another_output, corrupted_weight
from counterfoil.errors import KeyFileMissing, StillSummonable
from counterfoil.faults.looks import Limits
from counterfoil.faults.run import run_of
from counterfoil.faults.store import Store
from counterfoil.faults.walk import Wait
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing import merkle
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.inference import InferenceSession, sealing
from counterfoil.programs import Executor

CAP = UNIT // 20
TERMS = FaultCourtTerms(
    floors=FaultTerms(
        summon_window=Seconds(3600), answer_window=Seconds(600), case_window=Seconds(4800)
    ),
    reward_cap=CAP,
)
CAUGHT_BY = {
    "another output": "link",
    "a corrupted weight": "step",
    "a wrong activation": "step",
    "a trace withheld": "withheld",
    "silence": "withheld",
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> FaultStage:
    folder = tmp_path_factory.mktemp("stage")
    patch = pytest.MonkeyPatch()
    patch.setenv("COUNTERFOIL_HOME", str(folder / "home"))
    patch.setenv("COUNTERFOIL_SECRET", secrets.token_hex(32))
    patch.setattr(sealing, "_shared", {})
    patch.setattr(shelf, "_noted", set())
    chain = chains.embedded()
    made = set_fault_stage(
        folder,
        chain,
        operator=chains.funded_account(chain),
        challenger=chains.funded_account(chain),
        terms=TERMS,
    )
    yield made
    patch.undo()


@pytest.fixture
def log(stage, request):
    """A journal and its settler: a log of its own, open and bonded."""
    journal, settler = bonded_log(stage, f"log-{secrets.token_hex(4)}")
    with closing(journal):
        yield journal, settler


@pytest.fixture
def store(tmp_path):
    with closing(Store(tmp_path / "challenges.db")) as made:
        yield made


def sent(said) -> list[str]:
    return [each.data["step"] for each in said if each.kind == "sent"]


def spent(stage, said) -> int:
    """Wei of gas."""
    mined = [chains.mined(stage.chain, s.data["transaction"]) for s in said if s.kind == "sent"]
    return sum(each.gas_used * each.gas_price for each in mined)


@pytest.mark.parametrize("name", LIES)
def test_challenge__lie__caught_and_the_bond_taken(stage, log, store, name):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, LIES[name])
    before = stage.chain.balance(Address(stage.challenger.address))
    said = play(stage, challenger_of(stage, store), file, liar)
    assert said[0].kind == "begins" and said[0].data["reward"] == CAP
    assert said[-1].data["end"] == "won"
    assert said[-1].data["fault"] == CAUGHT_BY[name]
    assert stage.court.bond(journal.signer).amount == (BONDED - 1) * UNIT
    standing = stage.court.standing(journal.signer)
    assert standing.count == 1
    assert standing.reason == ("withheld" if CAUGHT_BY[name] == "withheld" else "fault")
    assert stage.court.case_of(file.digest).state == "faulty"
    fees = sum(
        each.data["value"] for each in said if each.kind == "sent"
    )  # of them withheld answers' come back
    earned = stage.chain.balance(Address(stage.challenger.address)) - before + spent(stage, said)
    assert CAP - fees <= earned <= CAP
    if name == "silence":
        assert earned == CAP
    guard = challenger_of(stage, store)
    assert guard.look(file) is None  # ended, also for another process


class Odd:
    """Rows that no run of the program has."""

    def __init__(self, trace, rows=None, leaves=None) -> None:
        rows = rows or {}
        self._rows = [rows.get(n, trace.row(n)) for n in range(trace.program.trace_rows)]
        nodes = trace.tree.layers[0].copy()
        for number, row in enumerate(self._rows):
            nodes[number] = np.frombuffer(merkle.leaf(row), np.uint8)
        for number, leaf in (leaves or {}).items():
            nodes[number] = np.frombuffer(leaf, np.uint8)
        self.tree = merkle.Tree(nodes)

    def row(self, place: int) -> bytes:
        return self._rows[place]


def odd(program, image, **changes):
    honest = Executor(program).trace([image])
    return replace(another_output(program, image), trace=Odd(honest, **changes))


def one_output_more(program, image):
    honest = Executor(program).trace([image])
    more = Tensor.of("more", np.zeros(3, np.float32))
    return Told(outputs=(*honest.outputs(), more), trace=honest)


def another_name(program, image):
    honest = Executor(program).trace([image])
    first, *rest = honest.outputs()
    return Told(outputs=(replace(first, name="points"), *rest), trace=honest)


STRUCTURES = {
    "count": one_output_more,
    "tensor": another_name,
    "length": lambda program, image: odd(program, image, rows={70: b"abc"}),
    "filling": lambda program, image: odd(program, image, leaves={200: merkle.leaf(b"x")}),
    "link": lambda program, image: odd(program, image, rows={0: bytes(256)}),
}


@pytest.mark.parametrize(
    "fault",
    # The two that end without a walk are quick.
    [
        pytest.param(each, marks=[] if each in ("count", "tensor") else pytest.mark.slow)
        for each in STRUCTURES
    ],
)
def test_challenge__receipt_or_trace_of_no_run__caught(stage, log, store, fault):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, STRUCTURES[fault])
    end = play(stage, challenger_of(stage, store), file, liar)[-1]
    assert (end.data["end"], end.data["fault"]) == ("won", fault)
    assert stage.court.bond(journal.signer).amount == (BONDED - 1) * UNIT


def test_challenge__honest_operator_accused_of_everything__keeps_its_bond(stage, log):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    run = run_of(Executor(stage.program), file.opening)
    trial = accuse(stage.chain, stage.court, stage.challenger, file, run=run, settler=settler)
    assert len(trial.refused) == 3
    assert stage.court.bond(journal.signer).amount == BONDED * UNIT
    assert stage.court.bond(journal.signer).cases == 0
    assert stage.court.standing(journal.signer).count == 0
    assert stage.court.is_final(file.receipt, file.inclusion)


def test_challenge__right_receipt__nothing_is_sent(stage, log, store):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    before = chains.mined_nonce(stage.chain, Address(stage.challenger.address))
    guard = challenger_of(stage, store)
    look = guard.look(file)
    assert look.ended and look.said[0].data["end"] == "right"
    assert guard.look(file) is None
    assert chains.mined_nonce(stage.chain, Address(stage.challenger.address)) == before


def test_challenge__nothing_to_earn__said_and_not_sent(stage, log, store):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, another_output)
    limits = Limits(gas_price=10**30)
    dear = replace_price(stage, 10**14)
    try:
        look = challenger_of(stage, store, limits=limits).look(file)
    finally:
        dear.undo()
    assert look.stopped and look.said[0].kind == "unprofitable"
    assert look.said[0].data["cost"] > look.said[0].data["reward"] == CAP
    assert "--at-a-loss" in look.said[0].text
    assert stage.court.case_of(file.digest).state == ""
    guard = challenger_of(stage, store, limits=replace(limits, at_a_loss=True))
    assert play(stage, guard, file, liar)[-1].data["end"] == "won"


def replace_price(stage, wei: int) -> pytest.MonkeyPatch:
    """As if gas cost so much."""
    from counterfoil.chain import Fees
    from counterfoil.faults import challenger

    patch = pytest.MonkeyPatch()
    patch.setattr(challenger, "fees", lambda chain: Fees(most=wei, tip=1))
    return patch


def test_challenge__no_payer__said(stage, log, store):
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    look = challenger_of(stage, store, account=None).look(file)
    assert look.stopped and look.said[-1].kind == "no-payer"


@pytest.mark.slow
def test_challenge__another_was_quicker__fees_come_back(stage, log, store, tmp_path):
    """The second challenger demanded, and nobody answered him when the case fell."""
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, corrupted_weight)
    second = challenger_of(stage, store)
    second.look(file)
    liar.answer(file.digest)
    demanded = second.look(file).said[-1]
    assert demanded.data["step"] == "demand"
    first = chains.funded_account(stage.chain)
    with closing(Store(tmp_path / "first.db")) as other:
        limits = Limits(gas_price=10**12, at_a_loss=True)  # the reward is the demander's
        guard = challenger_of(stage, other, account=first, limits=limits)
        assert isinstance(guard.look(file).move, Wait)
        (demand,) = docket_of(stage, file).open_demands()
        pass_time(stage, demand.deadline + 1)
        sent_by_first = guard.look(file).said
    assert sent(sent_by_first) == ["time-out"]
    case = stage.court.case_of(file.digest)
    assert case.state == "faulty"
    look = second.look(file)
    assert look.ended
    assert look.said[-1].data["end"] in ("won", "faulty")


def docket_of(stage, file):
    from counterfoil.faults.docket import Docket

    events = stage.court.events(from_block=0, receipt=file.digest)
    return Docket.of(file.digest, events)


def test_challenge__too_late__said(stage, log, store):
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)
    pass_time(stage, file.inclusion.posted_at + 3602)
    look = challenger_of(stage, store).look(file)
    assert look.ended and look.said[-1].data["end"] == "too-late"
    assert stage.court.is_final(file.receipt, file.inclusion)


@pytest.mark.slow
def test_settle__summoned_after_a_revoke__the_operator_answers(stage, log, monkeypatch):
    from counterfoil.settle import Settler
    from counterfoil.settle.logs import revoke_log

    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    revoke_log(journal, stage.chain, stage.operator)
    run = run_of(Executor(stage.program), file.opening)
    fee = 2 * stage.court.least_summons_fee(journal.signer)
    call = stage.court.summon_call(run.summons(file), fee)
    chains.wait(stage.chain, chains.send(stage.chain, call, stage.challenger))
    assert any("operator" in note for note in settler.step().notes)
    monkeypatch.setenv("OPERATOR_KEY", stage.operator.key.hex())
    profile = replace(journal.profile, operator="env:OPERATOR_KEY")
    again = Settler(journal, stage.chain, stage.operator, profile, clock=stage.clock)
    assert again.step().duties == (f"the summons for receipt {file.receipt.sequence} is answered",)
    assert docket_of(stage, file).answer.trace == run.trace.tree.root


@pytest.mark.slow
def test_settle__stranger_demands_nodes_and_tensors__given_in_two_transactions(stage, log):
    """Who cannot open the receipt asks for what its sets commit to."""
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    run = run_of(Executor(stage.program), file.opening)
    stranger = chains.funded_account(stage.chain)
    court = stage.court

    def send(call) -> None:
        chains.wait(stage.chain, chains.send(stage.chain, call, stranger))

    send(court.summon_call(run.summons(file), 2 * court.least_summons_fee(journal.signer)))
    settler.step()
    case = docket_of(stage, file)
    tensors = run.committed(1).tensors
    tree = merkle.tree_of([merkle.leaf(t.digest) for t in tensors])
    top = Node(layer=1, index=0, digest=tree.root, path=())
    leaf = Node(
        layer=0, index=1, digest=Digest(tree.layers[0][1].tobytes()), path=tuple(tree.path(1))
    )
    root = Node(layer=len(run.trace.tree.layers) - 1, index=0, digest=run.trace.tree.root, path=())
    fee = 2 * court.least_demand_fee(row=False)
    for node in (top, leaf):
        options = {"sets": case.sets, "side": 1, "node": node, "fee": fee}
        send(court.demand_tensors_call(case.facts, case.answer, **options))
    send(court.demand_rows_call(case.facts, case.answer, root, fee))
    assert court.case_of(file.digest).open_demands == 3
    assert settler.step().duties == (
        f"2 demanded nodes of receipt {file.receipt.sequence} are given",
        f"1 demanded tensors of receipt {file.receipt.sequence} are given",
    )
    assert court.case_of(file.digest).open_demands == 0
    events = court.events(from_block=0, receipt=file.digest, names=("TensorRevealed",))
    (shown,) = (event.fields["tensor"] for event in events)
    assert plain(shown) == TensorShown.of(tensors[1]).abi()


def test_settle__run_not_to_be_had__said_with_what_is_left(stage, log):
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, another_output)  # past the session
    run = run_of(Executor(stage.program), file.opening)
    fee = 2 * stage.court.least_summons_fee(journal.signer)
    call = stage.court.summon_call(run.summons(file), fee)
    chains.wait(stage.chain, chains.send(stage.chain, call, stage.challenger))
    notes = settler.step().notes
    assert any("is summoned" in note and "did not keep the run" in note for note in notes)


def test_settle__machine_without_the_key__said_and_settling_goes_on(stage, log, monkeypatch):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    run = run_of(Executor(stage.program), file.opening)
    fee = 2 * stage.court.least_summons_fee(journal.signer)
    call = stage.court.summon_call(run.summons(file), fee)
    chains.wait(stage.chain, chains.send(stage.chain, call, stage.challenger))

    def elsewhere(*_: object) -> None:
        raise KeyFileMissing("the key is on another machine")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "sign_trace", elsewhere)
        step = settler.step()
    assert not step.duties
    assert any("s are left to answer: the key is on" in note for note in step.notes)
    assert len(settler.step().duties) == 1


def test_session__hidden_run__kept_for_the_court_and_let_go(stage, log):
    """Whatever a session keeps and opens, its operator can answer until nobody can ask."""
    journal, settler = log
    session = InferenceSession(stage.path, journal=journal, open=None)
    from counterfoil.cli.demo_fault_stage import picture

    _, sealed = session.run_with_receipt(None, {"image": picture().array()})
    number = sealed.receipt.sequence
    settler.drain()
    assert journal.receipt_file(number).opening is None
    assert journal.for_court(number).inputs.tensors == (picture(),)
    with pytest.raises(StillSummonable):
        journal.forget_masters(0, number + 1)
    pass_time(stage, stage.chain.now() + 3600 + 3602)
    settler._duties = None  # as another process, which looks at once
    settler.step()
    assert journal.summonable() == 0
    assert journal.for_court(number) is None


def test_court__of_another_ledger__refused(stage, log):
    from counterfoil.errors import NoContract

    with pytest.raises(NoContract, match="no FaultCourt of the ledger"):
        FaultCourtClient(stage.chain, stage.court.address).require(Address("0x" + "11" * 20))


def test_fault__names__are_the_pages():
    assert [fault.name for fault in Fault] == [
        "WITHHELD", "STEP", "LINK", "TENSOR", "COUNT", "LENGTH", "FILLING",
    ]  # fmt: skip


@pytest.mark.slow
def test_demo_fault__table_fits_and_everybody_gets_what_is_due(tmp_path):
    home = {**os.environ, "COUNTERFOIL_HOME": str(tmp_path)}
    began = time.monotonic()
    command = [sys.executable, "-c", "from counterfoil.cli import main; main()", "demo-fault"]
    done = subprocess.run(command, capture_output=True, text=True, env=home, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 120
    lines = done.stdout.splitlines()
    table = lines[next(n for n, line in enumerate(lines) if line.startswith("Who was")) :]
    assert max(map(len, table)) <= 80
    for name in LIES:
        (row,) = (line for line in table if line.startswith(name))
        assert row.endswith("1.00")
    (honest,) = (line for line in table if line.startswith("honest"))
    assert honest.endswith("0.00") and "final" in honest
