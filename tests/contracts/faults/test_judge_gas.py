"""Gas of the judges' whole transactions, calldata and its floor included.

Both trees have 2^20 leaves; of a step's two rows in one tree *near* ones meet 11 or 12 levels up,
*far* ones at the root, where they share nothing. The court is the real one, which pays out. Each
figure is held to its ceiling and, within 2 percent, to the committed snapshot; `make gas` writes
it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import step_scene as scenes
from counterfoil.formats.runtime import Program
from counterfoil.hashing import merkle
from counterfoil.programs import Kind, Operator, Weights
from counterfoil.programs.proving import shown
from counterfoil.programs.rows import Edge, Header
from fault_docket import BURN, FAULTY, SALT, UNIT, Run
from tall_trees import TallTree
from whole_gas import Measured

SNAPSHOT = Path(__file__).with_name("gas.json")
DEPTH = 20
ROWS = 2**DEPTH

CEILINGS = {
    "DOT, K = 64, near": 170_000,
    "DOT, K = 64, far": 170_000,
    "DOT, K = 1,024, near": 225_000,
    "DOT, K = 1,024, far": 225_000,
    "DOT, K = 4,096, near": 470_000,
    "DOT, K = 4,096, far": 470_000,
    "DOT, K = 576, nine taps": 240_000,
    "argmax": 220_000,
    "copy": 220_000,
    "dot32": 220_000,
    "gather": 220_000,
    "lut1": 220_000,
    "lut2": 220_000,
    "max": 220_000,
    "quant": 220_000,
    "link": 220_000,
    "tensor": 220_000,
    "count": 220_000,
    "length": 220_000,
    "filling": 220_000,
}
"""The project's limits: of a DOT of one tap by its depth, and of every other proof.

A window of nine taps has nine rows to show, and takes more: its ceiling holds what it takes.
"""


@dataclass(frozen=True)
class TallRun(Run):
    """A run of a program with a million rows, and a trace with as many."""

    trace_rows: int = ROWS

    @property
    def program(self) -> Program:
        return Program(root=self.program_root, rows=ROWS, trace_rows=self.trace_rows, version=1)


@pytest.fixture(scope="session")
def row_judge(project, deployer):
    return deployer.deploy(project.RowJudge)


@pytest.fixture
def paying_court(deploy_fault_court, step_judge, row_judge, log, operator):
    """A real court, with the log's bond."""
    made = deploy_fault_court(step=step_judge, row=row_judge)
    made.make_bond(log, UNIT, sender=operator, value=2 * UNIT)
    return made


@pytest.fixture(autouse=True)
def burn_address_exists(stranger):
    """As on every public chain; the first wei ever burnt would cost 25,000 more."""
    stranger.transfer(BURN, 1)


@pytest.fixture(scope="module")
def measured():
    yield from Measured.kept(SNAPSHOT, CEILINGS)


@pytest.fixture
def convict(measured, capsys, paying_court, docket_of, challenger):
    """Prove a fault of a run whose trace has this root, by a function of a judge."""

    def convict(name, prove, run, root, fault, *evidence) -> None:
        kind, place, element = fault
        docket = docket_of(paying_court)
        case = docket.summon(run)
        docket.answer(case, root)
        docket.commit(case, kind=kind, place=place, element=element)
        transaction = prove(paying_court, *case.both, *evidence, SALT, sender=challenger)
        assert paying_court.case_of(case.receipt).state == FAULTY
        measured.check(name, transaction, capsys)

    return convict


@pytest.fixture
def check(convict, step_judge):
    def check(name: str, operator, data, reads, written, row, element=1) -> None:
        descriptor = operator.encode()
        at = 100
        program = TallTree({at: descriptor, **data}, DEPTH, b"program")
        trace = TallTree({**reads, row: written}, DEPTH, b"trace")
        rows = [descriptor, *data.values(), *(reads[n] for n in sorted(reads)), written]
        proof = (at, row, element, shown(rows), [*program.siblings, *trace.siblings])
        run = replace(TallRun.of(), program_root=program.root)
        convict(name, step_judge.prove_step, run, trace.root, (1, row, element), proof)

    return check


@pytest.fixture
def check_rows(convict):
    """A proof that begins with rows of both trees, and their siblings."""

    def check_rows(
        name: str, prove, run: TallRun, fault, rows: Mapping[int, bytes],
        traced: Mapping[int, bytes], *rest, sets=(),
    ) -> None:  # fmt: skip
        program = TallTree(rows, DEPTH, b"program")
        trace = TallTree(traced or {0: b"no matter"}, DEPTH, b"trace")
        siblings = [*program.siblings, *(trace.siblings if traced else ())]
        proof = (shown([*rows.values(), *traced.values()]), siblings, *rest)
        run = replace(run, program_root=program.root)
        convict(name, prove, run, trace.root, fault, *sets, proof)

    return check_rows


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


def test_gas__dot_of_nine_taps(check):
    """A window of 3 by 3 in a picture of 32 by 32 with 64 channels."""
    rng = np.random.default_rng(9)
    operator = Operator(
        kind=Kind.DOT, zero=7, width=64, out=900_000, count=30 * 30 * 64, source=300_000,
        source_width=64, table=700_000 - 1, in_h=32, in_w=32, out_h=30, out_w=30, k_h=3, k_w=3,
        stride_h=1, stride_w=1, dilation_h=1, dilation_w=1, columns=64, per_group=64,
    )  # fmt: skip
    channel = Weights(
        zero=128, multiplier=0x3A812345, constant=-12_345, values=rng.bytes(9 * 64)
    ).encode()
    row, column = 15, 17
    reads = {
        300_000 + 32 * y + x: rng.bytes(64)
        for y in range(row, row + 3)
        for x in range(column, column + 3)
    }
    written = 900_000 + 30 * row + column
    check("DOT, K = 576, nine taps", operator, {700_000: channel}, reads, b"\xff" * 64, written)


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


INPUTS = 3
"""Tensors of each side of a run."""

HEADER = Header(inputs=INPUTS, outputs=INPUTS, operators=5).encode()
BASE = 500_000


def edge(run: Run, **changes) -> bytes:
    """The program row of a run's first input."""
    tensor = run.inputs[0]
    right = Edge(
        name=tensor.name, dtype=tensor.dtype, shape=tensor.shape, base=BASE, length=len(tensor.data)
    )
    return replace(right, **changes).encode(Kind.INPUT)


def test_gas__link(check_rows, row_judge):
    """A chunk of an input of 40; the trace's row is another."""
    run, chunk = TallRun.of(), 20
    tree = run.chunk_tree(0, 0)
    check_rows(
        "link", row_judge.prove_link, run, (2, 0, chunk), {0: HEADER, 1: edge(run)},
        {BASE + chunk: b"\xff" * 256}, 0, chunk, run.tensor(0, 0), run.set_tree(0).path(0),
        tree.layers[0][chunk].tobytes(), tree.path(chunk), sets=(run.sets(),),
    )  # fmt: skip


def test_gas__tensor(check_rows, row_judge):
    run = TallRun.of()
    check_rows(
        "tensor", row_judge.prove_tensor, run, (3, 0, 0),
        {0: HEADER, 1: edge(run, name="else")}, {}, 0, run.tensor(0, 0), run.set_tree(0).path(0),
        sets=(run.sets(),),
    )  # fmt: skip


def test_gas__count(check_rows, row_judge):
    run = TallRun.of()
    header = Header(inputs=INPUTS + 1, outputs=INPUTS, operators=5).encode()
    check_rows(
        "count", row_judge.prove_count, run, (4, 0, 0), {0: header}, {}, 0, sets=(run.sets(),)
    )


def test_gas__length(check_rows, row_judge):
    """An operator's row of 64 bytes that has 63."""
    owner, out = 700_000, 900_000
    descriptor = Operator(
        kind=Kind.QUANT, width=64, out=out, count=128, source=300_000, source_width=64,
        scale=scenes.HALF,
    ).encode()  # fmt: skip
    check_rows(
        "length", row_judge.prove_length, TallRun.of(), (5, out + 1, 0), {owner: descriptor},
        {out + 1: b"\xff" * 63}, owner, out + 1,
    )  # fmt: skip


def test_gas__filling(convict, row_judge):
    row, full = ROWS - 1, b"\1"
    trace = TallTree({row: full}, DEPTH, b"trace")
    run = replace(TallRun.of(), trace_rows=ROWS - 5)
    proof = (merkle.leaf(full), trace.siblings, row)
    convict("filling", row_judge.prove_filling, run, trace.root, (6, row, 0), proof)


def test_gas__snapshot__has_every_figure(measured):
    measured.require_whole()
