"""A run whose input has an index past its table: sealed by a liar it is caught, else refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from counterfoil.cli.demo_fault_stage import BONDED, UNIT, challenger_of, lying_receipt, play
from counterfoil.cli.demo_lies import Told
from counterfoil.errors import InputRefused
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.model import load
from counterfoil.formats.tensor import Tensor
from counterfoil.inference import InferenceSession
from counterfoil.programs import Builder, ExactProgram, Executor, Trace
from counterfoil.programs.container import file_of
from one_run import estimate_by_one_run
from test_challenge import log, sent, stage, store

__all__ = ["log", "stage", "store"]

ENTRIES, WIDTH, CHOSEN = 6, 5, 40
"""Of the table; indices of the input, which is two rows of the trace."""


def chooser() -> ExactProgram:
    """Rows of a table by their indices, twice: 122 rows of the trace."""
    builder = Builder()
    index = builder.input("index", NUMBERS["int64"], (CHOSEN,))
    rng = np.random.default_rng(2)
    tables = rng.integers(0, 256, (2, ENTRIES, WIDTH), dtype=np.uint8)
    for number, table in enumerate(tables):
        chosen = builder.gather(index, table)
        copied = builder.copy(*chosen.addresses(), width=CHOSEN * WIDTH)
        builder.output(f"rows{number}", NUMBERS["uint8"], (CHOSEN, WIDTH), copied)
    return builder.program()


def indices(*past: int) -> Tensor:
    """Indices of which some from the 35th on lie past the table."""
    values = np.arange(CHOSEN) % ENTRIES
    values[35 : 35 + len(past)] = past
    return Tensor.of("index", values.astype(np.int64))


@pytest.fixture
def choosing(stage, tmp_path):
    """The stage, with the model that chooses."""
    estimate_by_one_run(stage.chain)
    program, path = chooser(), tmp_path / "chooser.program.onnx"
    path.write_bytes(file_of(program))
    return replace(stage, program=program, path=path, model=load(path).model)


def told(program: ExactProgram, index: Tensor, *, row: int = 0, kept: bool = True) -> Told:
    """As if the indices past the table were others.

    Args:
        row: of the table, that they chose.
        kept: whether the trace has the input that the receipt has.
    """
    values = index.array()
    inside = np.where((values < 0) | (values >= ENTRIES), row, values)
    data = Executor(program).trace([Tensor.of("index", inside)]).data.copy()
    if kept:
        data[: len(index.data)] = np.frombuffer(index.data, np.uint8)
    trace = Trace(program, data)
    return Told(outputs=trace.outputs(), trace=trace)


LIES = {
    "the first entry": ((ENTRIES,), {"row": 0}, "step", 0),
    "another entry": ((-1, 2), {"row": 3}, "step", 3),
    "another input": ((2**63 - 1, -(2**63)), {"row": 3, "kept": False}, "link", 3),
}
"""Indices, what is told, the proof, and the demands before it: none for the holder's own trace."""


@pytest.mark.parametrize("name", LIES)
def test_challenge__index_past_its_table__caught(choosing, log, store, name):
    journal, settler = log
    past, changes, fault, demands = LIES[name]
    file, liar = lying_receipt(
        choosing, journal, settler, lambda p, index: told(p, index, **changes), indices(*past)
    )
    said = play(choosing, challenger_of(choosing, store), file, liar)
    assert (said[-1].data["end"], said[-1].data["fault"]) == ("won", fault)
    assert sent(said) == ["summon", *["demand"] * demands, "commit", "prove"]
    assert choosing.court.bond(journal.signer).amount == (BONDED - 1) * UNIT


@pytest.mark.parametrize("past", [ENTRIES, -1])
def test_session__index_past_its_table__refused_and_nothing_sealed(choosing, log, past):
    journal, _ = log
    session = InferenceSession(choosing.path, journal=journal)
    with pytest.raises(InputRefused, match=f"from 0 to {ENTRIES - 1}"):
        session.run(None, {"index": indices(past).array()})
    assert journal.next_sequence() == 0
    session.run(None, {"index": indices(ENTRIES - 1).array()})
    assert journal.next_sequence() == 1
