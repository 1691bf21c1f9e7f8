"""What the fault demo has: a chain with a fault court, logs with a bond, receipts that lie."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from eth_account.signers.local import LocalAccount

from counterfoil import artefacts
from counterfoil.chain import (
    Call,
    Chain,
    FaultCourtClient,
    LedgerClient,
    deploy,
    send,
    travel,
    wait,
)
from counterfoil.chain.deployment import FAULT_COURT, LEDGER, FaultCourtTerms
from counterfoil.config import Profile
from counterfoil.errors import DemoFailed
from counterfoil.faults.challenger import Challenger
from counterfoil.faults.guard import Guard
from counterfoil.faults.looks import Limits, Said
from counterfoil.faults.run import run_of
from counterfoil.faults.store import Store
from counterfoil.faults.walk import Wait
from counterfoil.formats.model import Model, load
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, commit, fresh_master
from counterfoil.hashing.types import Address, Seconds
from counterfoil.inference import InferenceSession
from counterfoil.journal import Draft, Journal
from counterfoil.programs import ExactProgram, Executor
from counterfoil.programs.container import program_in
from counterfoil.replay import Models
from counterfoil.settle import Settler, open_log

from .demo_lies import Liar, Lie
from .demo_stage import MAX_DELAY, Clock

MODEL = "digits.program.onnx"
"""Among the artefacts: two convolutions of 8 × 8 pixels, learned and quantised."""

UNIT = 10**18
BONDED = 10
"""Wei that a fault takes, and units of a log's bond."""

PICTURE = """
........
..####..
.....#..
....##..
..#####.
...##...
...#....
..##....
"""
"""A seven, as people write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultStage:
    """The chain of the demo, with a fault court, and who is on it."""

    chain: Chain
    ledger: LedgerClient
    court: FaultCourtClient
    operator: LocalAccount
    challenger: LocalAccount
    clock: Clock
    folder: Path
    program: ExactProgram
    model: Model
    path: Path


def picture() -> Tensor:
    """The demo's image, shape (1, 1, 8, 8), with values as the model learned them, 0 to 1."""
    rows = [[float(mark == "#") for mark in line] for line in PICTURE.split()]
    return Tensor.of("image", np.array(rows, dtype=np.float32)[None, None])


def set_fault_stage(
    folder: Path,
    chain: Chain,
    *,
    operator: LocalAccount,
    challenger: LocalAccount,
    terms: FaultCourtTerms,
) -> FaultStage:
    """The contracts on a chain, and the demo's model in a folder."""
    made = deploy(chain, operator, faults=terms).contracts
    path = folder / MODEL
    path.write_bytes(artefacts.data(MODEL))
    loaded = load(path)
    program = program_in(loaded.graph)
    if program is None:
        raise DemoFailed("the demo's model carries no program")
    return FaultStage(
        chain=chain,
        ledger=LedgerClient(chain, made[LEDGER].address),
        court=FaultCourtClient(chain, made[FAULT_COURT].address),
        operator=operator,
        challenger=challenger,
        clock=Clock(),
        folder=folder,
        program=program,
        model=loaded.model,
        path=path,
    )


def bonded_log(stage: FaultStage, name: str) -> tuple[Journal, Settler]:
    """A log of its own, open and bonded."""
    stage.clock.set(stage.chain)
    settings = Profile(
        name=name,
        chain_id=stage.chain.chain_id,
        ledger=stage.ledger.address,
        journal=f"sqlite:///{stage.folder / name / 'journal.db'}",
        promise=Seconds(0),
        confirmations=1,
        batch_size=1,
        durability="normal",
        fault_court=stage.court.address,
    )
    journal = Journal.open(settings, clock=stage.clock)
    closes_at = Seconds(stage.chain.now() + 30 * 24 * 3600)
    open_log(journal, stage.chain, stage.operator, closes_at=closes_at, max_delay=MAX_DELAY)
    call = stage.court.make_bond_call(journal.signer, UNIT, BONDED * UNIT)
    wait(stage.chain, send(stage.chain, call, stage.operator))
    stage.clock.set(stage.chain)
    return journal, Settler(journal, stage.chain, stage.operator, settings, clock=stage.clock)


def lying_receipt(
    stage: FaultStage, journal: Journal, settler: Settler, lie: Lie, image: Tensor | None = None
) -> tuple[ReceiptFile, Liar]:
    """A settled receipt of a run that a lie was told of, and who answers for it.

    Args:
        image: the run's one input, None: the demo's.
    """
    image = picture() if image is None else image
    told = lie(stage.program, image)
    masters = fresh_master(), fresh_master()
    opening = Opening(
        inputs=SetOpening(master=masters[0], tensors=(image,)),
        outputs=SetOpening(master=masters[1], tensors=told.outputs),
    )
    sealed = journal.seal(
        Draft(
            model=stage.model.digest,
            runtime=stage.program.commitment.digest,
            inputs=commit((image,), masters[0]).digest,
            outputs=commit(told.outputs, masters[1]).digest,
            input_master=masters[0],
            output_master=masters[1],
            model_preimage=stage.model,
            runtime_preimage=stage.program.commitment,
        )
    )
    settler.drain()
    file = replace(journal.receipt_file(sealed.receipt.sequence, openings=False), opening=opening)
    run = run_of(Executor(stage.program), opening)
    liar = Liar(
        stage.chain, stage.court, journal, stage.operator, run=run, told=told
    )  # fmt: skip
    return file, liar


def honest_receipt(stage: FaultStage, journal: Journal, settler: Settler) -> ReceiptFile:
    """A settled receipt of a run as any program makes it."""
    session = InferenceSession(stage.path, journal=journal)
    image = picture()
    _, sealed = session.run_with_receipt(None, {image.name: image.array()})
    if sealed is None:
        raise DemoFailed("the run has no receipt")
    settler.drain()
    stored = journal.receipt_file(sealed.receipt.sequence, openings=False)
    file: ReceiptFile = sealed.file()
    return replace(file, inclusion=stored.inclusion)


def challenger_of(stage: FaultStage, store: Store, **changes: Any) -> Guard:
    """A challenger who has the model's file."""
    options = {
        "account": stage.challenger,
        "limits": Limits(gas_price=10**12),
        "clock": stage.clock,
        "confirmations": 1,
        **changes,
    }
    challenger = Challenger(stage.chain, stage.court, store, **options)
    return Guard(challenger, Models([stage.path]))


def play(stage: FaultStage, guard: Guard, file: ReceiptFile, liar: Liar) -> list[Said]:
    """A receipt's case to its end; time passes where nobody answers. All that was said."""
    said: list[Said] = []
    while (look := guard.look(file)) is not None:
        said += look.said
        if look.ended or look.stopped:
            break
        if not liar.answer(file.digest) and isinstance(look.move, Wait):
            pass_time(stage, look.move.until + 1)
    return said


def pass_time(stage: FaultStage, to: int) -> None:
    """A block at a time."""
    travel(stage.chain, Seconds(to))
    nothing = Call(to=Address(stage.operator.address), data=b"")
    wait(stage.chain, send(stage.chain, nothing, stage.operator))
