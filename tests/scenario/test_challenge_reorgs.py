"""Re-orgs take back what a case was made of, at every stage: it ends as if there were none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from case_history import Purse
from counterfoil import chain as chains
from counterfoil.chain import Node
from counterfoil.cli.demo_fault_stage import (
    BONDED,
    UNIT,
    FaultStage,
    challenger_of,
    honest_receipt,
    lying_receipt,
    pass_time,
)
from counterfoil.cli.demo_lies import LIES, Liar
from counterfoil.faults.guard import Guard
from counterfoil.faults.run import run_of
from counterfoil.faults.walk import Wait
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address, Seconds
from counterfoil.programs import Executor
from one_run import estimate_by_one_run
from test_challenge import CAP, docket_of, log, stage, store

__all__ = ["log", "stage", "store"]

STEPS = {
    "another output": ["summon", "commit", "prove_link"],
    "a corrupted weight": ["summon", *["demand_rows"] * 3, "commit", "prove_step"],
    "silence": ["summon", "time_out_summons"],
}
"""What the winning chain has of the challenger, whatever was taken back."""


@dataclass
class Case:
    """A case on the embedded chain, whose newest transactions can be taken back."""

    stage: FaultStage
    guard: Guard
    file: ReceiptFile
    liar: Liar
    marks: list[tuple[Any, list[Any]]] = field(default_factory=list)
    """Before each transaction the chain, and what was sent then."""

    @property
    def tester(self) -> Any:
        return self.stage.chain.web3.provider.ethereum_tester

    def step(self) -> bool:
        """One look, or an answer, or time passes; whether the case is at its end."""
        with self._marked():
            look = self.guard.look(self.file)
        if look is None or look.ended:
            return True
        assert not look.stopped
        with self._marked():
            answered = self.liar.answer(self.file.digest)
        if not answered and isinstance(look.move, Wait):
            pass_time(self.stage, look.move.until + 1)
        return False

    def take_back(self, count: int, *, returned: bool) -> None:
        """A re-org of the last transactions; they may come back half a minute later."""
        taken = self.marks[-count:]
        del self.marks[-count:]
        self.tester.revert_to_snapshot(taken[0][0])
        chains.travel(self.stage.chain, Seconds(self.stage.chain.now() + 30))
        for _, raws in taken if returned else ():
            for raw in raws:
                self.marks.append((self.tester.take_snapshot(), [raw]))
                self.tester.send_raw_transaction(raw)

    @contextmanager
    def _marked(self) -> Iterator[None]:
        """Notes what is sent meanwhile, and the chain as it was before."""
        tester, raws = self.tester, list[Any]()
        before, send = tester.take_snapshot(), tester.send_raw_transaction

        def noted(raw: Any) -> Any:
            raws.append(raw)
            return send(raw)

        tester.send_raw_transaction = noted
        try:
            yield
        finally:
            tester.send_raw_transaction = send
        if raws:
            self.marks.append((before, raws))


FAST = {("another output", 1, False), ("a corrupted weight", 2, True), ("silence", 1, True)}
ALL = [
    pytest.param(
        *(name, count, returned), marks=() if (name, count, returned) in FAST else pytest.mark.slow
    )
    for name, count, returned in product(STEPS, (1, 2), (False, True))
]


@pytest.fixture(autouse=True)
def quick(stage) -> None:
    estimate_by_one_run(stage.chain)


@pytest.mark.parametrize(("name", "count", "returned"), ALL)
def test_challenge__reorged_at_every_stage__proved_once(stage, log, store, name, count, returned):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, LIES[name])
    case = Case(stage, challenger_of(stage, store), file, liar)
    mine, theirs = purses(stage)
    held = stage.chain.balance(stage.court.address)
    reached: set[tuple[int, bool]] = set()
    for _ in range(100):
        ended = case.step()
        place = (len(case.marks), ended)
        if len(case.marks) >= count and place not in reached:
            reached.add(place)  # once at each stage, the remembered end included
            case.take_back(count, returned=returned)
        elif ended:
            break
    assert len(reached) >= len(STEPS[name]) + 2 - count
    sent = mine.sent()
    assert sent.steps == STEPS[name]
    assert sent.refused == [] or (returned and count == 2)  # what came back, of another case
    assert store.challenge(file.digest).state == "won"
    assert stage.court.standing(journal.signer).count == 1
    assert stage.court.bond(journal.signer).amount == (BONDED - 1) * UNIT
    assert stage.chain.balance(stage.court.address) == held - UNIT
    assert mine.earned() + theirs.earned() == CAP
    assert CAP - sent.value <= mine.earned() <= CAP


def purses(stage: FaultStage) -> tuple[Purse, Purse]:
    """Of the challenger and of the operator."""
    accounts = (Address(each.address) for each in (stage.challenger, stage.operator))
    mine, theirs = (Purse(stage.chain, stage.court, each) for each in accounts)
    return mine, theirs


class Stranger:
    """Summons an honest log, demands, and lets time pass."""

    def __init__(self, stage: FaultStage, file: ReceiptFile) -> None:
        self.stage, self.file, self.court = stage, file, stage.court
        self.run = run_of(Executor(stage.program), file.opening)
        self.account = chains.funded_account(stage.chain)

    def send(self, call: chains.Call) -> None:
        chains.wait(self.stage.chain, chains.send(self.stage.chain, call, self.account))

    def summon(self) -> None:
        fee = 2 * self.court.least_summons_fee(self.file.receipt.signer)
        self.send(self.court.summon_call(self.run.summons(self.file), fee))

    def demand_root(self) -> None:
        case, tree = docket_of(self.stage, self.file), self.run.trace.tree
        root = Node(layer=len(tree.layers) - 1, index=0, digest=tree.root, path=())
        fee = 2 * self.court.least_demand_fee(row=False)
        self.send(self.court.demand_rows_call(case.facts, case.answer, root, fee))


def twice(stage: FaultStage, settler: Any) -> tuple[str, ...]:
    """A step, whose transactions a re-org takes back; and the next one of the same settling."""
    tester = stage.chain.web3.provider.ethereum_tester
    before = tester.take_snapshot()
    first = settler.step().duties
    assert first
    assert settler.step().duties == ()
    tester.revert_to_snapshot(before)
    chains.travel(stage.chain, Seconds(stage.chain.now() + 30))
    assert settler.step().duties == first
    assert settler.step().duties == ()
    return first


def test_settle__answer_reveal_and_finish_taken_back__each_given_again(stage, log):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    stranger = Stranger(stage, file)
    stranger.summon()
    assert twice(stage, settler) == ("the summons for receipt 0 is answered",)
    assert docket_of(stage, file).answer.trace == stranger.run.trace.tree.root
    stranger.demand_root()
    assert twice(stage, settler) == ("1 demanded nodes of receipt 0 are given",)
    case = stage.court.case_of(file.digest)
    assert case.open_demands == 0
    pass_time(stage, case.closes_at + 1)
    assert stage.court.bond(journal.signer).cases == 1
    assert twice(stage, settler) == ("the case of receipt 0 is ended",)
    assert stage.court.bond(journal.signer).cases == 0
    assert stage.court.bond(journal.signer).amount == BONDED * UNIT


def test_settle__summons_taken_back__nothing_to_answer_until_it_comes_again(stage, log):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    stranger = Stranger(stage, file)
    before = stage.chain.web3.provider.ethereum_tester.take_snapshot()
    stranger.summon()
    assert len(settler.step().duties) == 1
    stage.chain.web3.provider.ethereum_tester.revert_to_snapshot(before)
    assert settler.step().duties == ()
    stranger.summon()
    assert settler.step().duties == ("the summons for receipt 0 is answered",)
    assert docket_of(stage, file).answer is not None


def test_settle__fall_taken_back__answered_and_the_bond_kept(stage, log, caplog):
    """A summons was overdue and timed out; a re-org makes it open again, and it is answered."""
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    stranger = Stranger(stage, file)
    stranger.summon()
    facts = docket_of(stage, file).facts
    pass_time(stage, facts.opened_at + 601)
    tester = stage.chain.web3.provider.ethereum_tester
    before = tester.take_snapshot()
    stranger.send(stage.court.time_out_summons_call(facts))
    with caplog.at_level(logging.ERROR):
        assert settler.step().duties == settler.step().duties == ()
    assert [r.message for r in caplog.records] == [
        "the case of receipt 0 fell: a unit of the bond is lost"
    ]
    tester.revert_to_snapshot(before)
    assert settler.step().duties == ("the summons for receipt 0 is answered",)
    assert stage.court.case_of(file.digest).state == "open"
    assert stage.court.bond(journal.signer).amount == BONDED * UNIT
