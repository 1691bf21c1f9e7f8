"""Gas of the judges' whole transactions, calldata and its floor included.

Both trees have 2^20 leaves; of a step's two rows in one tree *near* ones meet 11 or 12 levels up,
*far* ones at the root, where they share nothing. The court is the real one, which pays out. Each
figure is held to its ceiling and, within 2 percent, to the committed snapshot; `make gas` writes
it anew.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import step_scene as scenes
from counterfoil.formats.runtime import Program
from counterfoil.programs import Kind, Operator, Weights
from counterfoil.programs.proving import shown
from fault_docket import BURN, FAULTY, SALT, UNIT, Run
from tall_trees import TallTree

SNAPSHOT = Path(__file__).with_name("gas.json")
ALLOWED = 1.02
DEPTH = 20

CEILINGS = {
    "DOT, K = 64, near": 170_000,
    "DOT, K = 64, far": 170_000,
    "DOT, K = 1,024, near": 225_000,
    "DOT, K = 1,024, far": 225_000,
    "DOT, K = 4,096, near": 470_000,
    "DOT, K = 4,096, far": 470_000,
    "argmax": 220_000,
    "copy": 220_000,
    "dot32": 220_000,
    "gather": 220_000,
    "lut1": 220_000,
    "lut2": 220_000,
    "max": 220_000,
    "quant": 220_000,
}
"""The project's limits: of a DOT by its depth, and of every other step."""

INTRINSIC, PER_TOKEN, PER_FLOOR_TOKEN = 21_000, 4, 10


def floor(data: bytes) -> int:
    """The least that a transaction with this calldata costs (EIP-7623)."""
    zeros = data.count(0)
    return INTRINSIC + PER_FLOOR_TOKEN * (zeros + 4 * (len(data) - zeros))


@pytest.fixture(scope="module")
def measured():
    """Gas by transaction; compared and written when all are there."""
    found: dict[str, int] = {}
    yield found
    if os.environ.get("COUNTERFOIL_GAS_WRITE"):
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class TallRun(Run):
    """A run of a program with a million rows, and a trace with as many."""

    @property
    def program(self) -> Program:
        rows = 2**DEPTH
        return Program(root=self.program_root, rows=rows, trace_rows=rows, version=1)


@pytest.fixture
def paying_court(deploy_fault_court, step_judge, log, operator):
    """A real court, with the log's bond."""
    made = deploy_fault_court(step=step_judge)
    made.make_bond(log, UNIT, sender=operator, value=2 * UNIT)
    return made


@pytest.fixture(autouse=True)
def burn_address_exists(stranger):
    """As on every public chain; the first wei ever burnt would cost 25,000 more."""
    stranger.transfer(BURN, 1)


@pytest.fixture
def check(measured, capsys, step_judge, paying_court, docket_of, challenger):
    def check(name: str, operator, data, reads, written, row, element=1) -> None:
        descriptor = operator.encode()
        at = 100
        program = TallTree({at: descriptor, **data}, DEPTH, b"program")
        trace = TallTree({**reads, row: written}, DEPTH, b"trace")
        rows = [descriptor, *data.values(), *(reads[n] for n in sorted(reads)), written]
        proof = (at, row, element, shown(rows), [*program.siblings, *trace.siblings])
        docket = docket_of(paying_court)
        case = docket.summon(replace(TallRun.of(), program_root=program.root))
        docket.answer(case, trace.root)
        docket.commit(case, kind=1, place=row, element=element)
        transaction = step_judge.prove_step(
            paying_court, *case.both, proof, SALT, sender=challenger
        )
        assert paying_court.case_of(case.receipt).state == FAULTY
        gas = transaction.gas_used
        assert gas >= floor(bytes(transaction.data)), "the calldata's floor is not in the figure"
        measured[name] = gas
        with capsys.disabled():
            print(f"\n{name}: {gas:,} gas (floor {floor(bytes(transaction.data)):,})")
        assert gas <= CEILINGS[name]
        if not os.environ.get("COUNTERFOIL_GAS_WRITE"):
            before = json.loads(SNAPSHOT.read_text(encoding="utf-8"))[name]
            assert gas <= before * ALLOWED, f"{name} rose from {before:,} to {gas:,} gas"

    return check


@pytest.mark.parametrize("where", ["near", "far"])
@pytest.mark.parametrize("depth", [64, 1_024, 4_096])
def test_gas__dot(check, depth, where):
    rng = np.random.default_rng(depth)
    weights, out = (3_000, 300_700) if where == "near" else (700_000, 900_000)
    operator = Operator(
        kind=Kind.DOT, zero=7, width=64, out=out, count=64, source=300_000, source_width=depth,
        table=weights - 1, in_h=1, in_w=1, out_h=1, out_w=1, k_h=1, k_w=1, stride_h=1, stride_w=1,
        dilation_h=1, dilation_w=1, columns=depth, per_group=64,
    )  # fmt: skip
    channel = Weights(
        zero=128, multiplier=0x3A812345, constant=-12_345, values=rng.bytes(depth)
    ).encode()
    written = b"\xff" * 64
    reads = {300_000: rng.bytes(depth)}
    check(f"DOT, K = {depth:,}, {where}", operator, {weights: channel}, reads, written, out)


@pytest.mark.parametrize("name", sorted(set(scenes.ALL) - {"dot"}))
def test_gas__of_every_other_operator(check, name):
    """The rows of `step_scene`, widely apart; the written byte is wrong."""
    scene = scenes.ALL[name]()
    base = 300_000
    o = scene.operator
    fields = {"out": 800_000}
    data = {}
    if scene.data_shown:
        fields["table"] = 700_000
        data = {700_000 + scene.data_shown[0] - o.table: scene.data[scene.data_shown[0]]}
    reads = {n + base: scene.trace[n] for n in scene.read_shown}
    if name != "copy":
        fields["source"] = o.source + base
    else:
        index = bytes([Kind.INDEX]) + ((base + 5).to_bytes(4, "big") + b"\0\1") * 64
        data = dict.fromkeys(data, index)
    if name == "lut2":
        fields["second"] = o.second + base
    scene = scene.change(**fields)
    written = bytearray(scene.trace[scene.row])
    written[scene.element * o.size] ^= 255
    row = 800_000 + scene.row - o.out
    check(name, scene.operator, data, reads, bytes(written), row, scene.element)


def test_gas__snapshot__has_every_figure(measured):
    """Runs last in this file; a figure that is measured no more must leave the snapshot."""
    if len(measured) < len(CEILINGS):
        pytest.skip("not all of this file ran")
    if not os.environ.get("COUNTERFOIL_GAS_WRITE"):
        assert set(json.loads(SNAPSHOT.read_text(encoding="utf-8"))) == set(CEILINGS)
    assert set(measured) == set(CEILINGS)
