"""The walk, over random programs and whatever trace an operator may come up with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from counterfoil.chain import Fault, Node
from counterfoil.errors import BadAnswer
from counterfoil.faults.run import SIDE
from counterfoil.faults.walk import (
    DemandNode,
    End,
    Prove,
    Refund,
    Summon,
    TimeOutDemand,
    TimeOutSummons,
    Wait,
)
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing import merkle
from counterfoil.hashing.merkle import Tree
from counterfoil.programs import Block, Builder, Executor, Trace, faults
from counterfoil.programs.step import writer
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import random_run

from .court_of_paper import CHALLENGER, OPENED, STRANGER, SUMMON_UNTIL, C, Paper, R, run_of, tree_of

SEEDS = st.integers(0, 2**63)


def rows_of(trace: Trace) -> list[bytes]:
    return [trace.row(n) for n in range(trace.program.trace_rows)]


def changed(tensor: Tensor, at: int = 0) -> Tensor:
    data = bytearray(tensor.data)
    data[at] ^= 1
    return replace(tensor, data=bytes(data))


@pytest.fixture(scope="module")
def plain():
    """A program and inputs of which every row is known."""
    return random_run(11, 4)


@given(SEEDS, st.data())
@settings(max_examples=60, deadline=None)
def test_next_move__any_byte_changed__that_row_is_proved(seed, data):
    """The leftmost row that differs is shown, by as many demands as its depth needs."""
    program, inputs = random_run(seed, 4)
    trace = Executor(program).trace(inputs)
    rows = rows_of(trace)
    chosen = sorted(
        data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1, max_size=3)), reverse=True
    )
    for row in chosen:
        at = data.draw(st.integers(0, len(rows[row]) - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        rows[row] = rows[row][:at] + bytes([rows[row][at] ^ bit]) + rows[row][at + 1 :]
    paper = Paper(run_of(program, inputs, [changed(t) for t in trace.outputs()]), rows)
    move = paper.walk()
    assert isinstance(move, Prove)
    height = len(paper.tree.layers) - 1
    assert paper.demands == -(-height // 5) + 1
    first_operator = program.operators[0].out
    if row < first_operator:
        assert move.proof.fault is Fault.LINK
        edge = program.inputs[move.proof.place]
        assert edge.base + move.proof.element == row
    else:
        assert (move.proof.fault, move.proof.place) == (Fault.STEP, row)
        size = writer(program, row)[1].size
        assert at // size == move.proof.element
        lie = Trace.of(program, rows)
        assert (row, move.proof.element) == next(faults(lie))  # a step like a court's says so


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_next_move__own_trace_other_output__link(seed):
    program, inputs = random_run(seed, 3)
    trace = Executor(program).trace(inputs)
    outputs = list(trace.outputs())
    position = seed % len(outputs)
    at = seed % len(outputs[position].data)
    outputs[position] = changed(outputs[position], at)
    paper = Paper(run_of(program, inputs, outputs), rows_of(trace))
    assert isinstance(paper.move(), Summon)
    move = paper.walk()
    assert move.proof.fault is Fault.LINK
    assert (move.proof.place, move.proof.element) == (SIDE + position, at // 256)
    assert paper.demands == 0


def test_next_move__right_receipt__nothing(plain):
    program, inputs = plain
    paper = Paper(run_of(program, inputs), rows_of(Executor(program).trace(inputs)))
    assert paper.move() == End(how="right")
    assert paper.walk() == End(how="right")  # summoned by somebody all the same


def test_next_move__right_receipt_but_another_trace__proved_all_the_same(plain):
    program, inputs = plain
    rows = rows_of(Executor(program).trace(inputs))
    rows[-1] = bytes([rows[-1][0] ^ 1]) + rows[-1][1:]
    assert Paper(run_of(program, inputs), rows).walk().proof.place == len(rows) - 1


@pytest.mark.parametrize("length", [0, 1, 4096])
def test_next_move__row_of_another_length__length(plain, length):
    program, inputs = plain
    rows = rows_of(Executor(program).trace(inputs))
    rows[2] = bytes(length)
    assert len(rows[2]) != program.lengths[2]
    move = Paper(run_of(program, inputs), rows).walk()
    assert (move.proof.fault, move.proof.place) == (Fault.LENGTH, 2)


def test_next_move__something_behind_the_rows__filling(plain):
    program, inputs = plain
    rows = rows_of(Executor(program).trace(inputs))
    leaves = tree_of(rows).layers[0].copy()
    assert len(leaves) > len(rows) + 1
    leaves[len(rows) + 1] = np.frombuffer(merkle.leaf(b"x"), np.uint8)
    move = Paper(run_of(program, inputs), rows, tree=Tree(leaves)).walk()
    assert (move.proof.fault, move.proof.place) == (Fault.FILLING, len(rows) + 1)


def test_next_move__other_sets__no_demand(plain):
    program, inputs = plain
    honest = Executor(program)
    rows, outputs = rows_of(honest.trace(inputs)), honest.run(inputs)
    more = [*outputs, outputs[0]]
    proof = Paper(run_of(program, inputs, more), rows).walk().proof
    assert (proof.fault, proof.place) == (Fault.COUNT, 1)
    proof = Paper(run_of(program, inputs[:-1], outputs), rows).walk().proof
    assert (proof.fault, proof.place) == (Fault.COUNT, 0)
    renamed = [replace(inputs[0], name="other"), *inputs[1:]]
    proof = Paper(run_of(program, renamed, outputs), rows).walk().proof
    assert (proof.fault, proof.place) == (Fault.TENSOR, 0)
    renamed = [*outputs[:-1], replace(outputs[-1], name="other")]
    proof = Paper(run_of(program, inputs, renamed), rows).walk().proof
    assert (proof.fault, proof.place) == (Fault.TENSOR, SIDE + len(outputs) - 1)


def chooser() -> tuple:
    """A program that chooses rows of a table, and inputs past it."""
    builder = Builder()
    index = builder.input("index", NUMBERS["int64"], (3,))
    chosen = builder.gather(index, np.arange(12, dtype=np.uint8).reshape(4, 3))
    flat = Block(base=chosen.base, count=chosen.count, width=chosen.width, size=1)
    copied = builder.copy(*flat.addresses(), width=256)
    builder.output("rows", NUMBERS["uint8"], (3, 3), copied)
    return builder.program(), [Tensor.of("index", np.array([1, 9, 2], dtype=np.int64))]


# Times


@pytest.fixture
def lying(plain):
    """A case in which the operator's last row is another."""
    program, inputs = plain
    rows = rows_of(Executor(program).trace(inputs))
    rows[-1] = bytes([rows[-1][0] ^ 1]) + rows[-1][1:]
    outputs = [changed(t) for t in Executor(program).run(inputs)]
    return Paper(run_of(program, inputs, outputs), rows)


def test_next_move__no_case__summons_until_the_last_second(lying):
    lying.now = SUMMON_UNTIL
    assert lying.move() == Summon(until=SUMMON_UNTIL)
    lying.now += 1
    assert lying.move() == End(how="too-late")


def test_next_move__no_answer__timed_out_past_the_last_second(lying):
    lying.summon()
    lying.now = OPENED + R
    assert isinstance(lying.move(), Wait)
    lying.now += 1
    assert lying.move() == TimeOutSummons()


def test_next_move__nothing_revealed__timed_out_past_the_last_second(lying):
    lying.summon()
    lying.answer()
    demand = lying.demand(lying.move().node)
    lying.now = demand.deadline
    assert lying.move() == Wait(until=demand.deadline, what="hashes of the trace")
    lying.now += 1
    assert lying.move() == TimeOutDemand(demand=demand)


def test_next_move__another_demanded_it__waits_with_him(lying):
    lying.summon()
    lying.answer()
    demand = lying.demand(lying.move().node, by=STRANGER)
    assert lying.move() == Wait(until=demand.deadline, what="hashes of the trace")
    lying.reveal(demand)
    assert lying.move().node.layer < demand.layer


def test_next_move__too_late_for_a_demand__the_end(lying):
    lying.summon()
    lying.answer()
    lying.now += C - R
    assert isinstance(lying.move(), DemandNode)
    lying.now += 1
    assert lying.move() == End(how="too-late")


def test_next_move__proof_at_the_last_second(lying):
    move = lying.walk()
    lying.now = lying.docket.closes_at
    assert lying.move() == move
    lying.now += 1
    assert lying.move() == End(how="final")


def test_next_move__fell_by_another__fees_back_once(lying):
    lying.summon()
    lying.answer()
    demand = lying.demand(lying.move().node)
    lying.state, lying.docket.fell = "faulty", (STRANGER, Fault.STEP)
    assert lying.move() == Refund(demand=demand)
    lying.refunded = frozenset({demand.place})
    assert lying.move() == End(how="faulty")
    lying.docket.fell = (CHALLENGER, Fault.STEP)
    assert lying.move() == End(how="won")


def test_next_move__final__nothing(lying):
    lying.state = "final"
    assert lying.move() == End(how="final")


def test_next_move__index_past_its_table__its_step():
    program, inputs = chooser()
    right = [Tensor.of("index", np.array([1, 0, 2], dtype=np.int64))]
    honest = Executor(program).trace(right)
    rows = rows_of(honest)
    rows[0] = inputs[0].data
    paper = Paper(run_of(program, inputs, honest.outputs()), rows)
    proof = paper.walk().proof
    gather = program.operators[0]
    assert (proof.fault, proof.place, proof.element) == (Fault.STEP, gather.out + 1, 0)


def test_next_move__index_past_its_table_that_others_read_too__its_step():
    """A publisher who lies could have it read by more than the table."""
    builder = Builder()
    index = builder.input("index", NUMBERS["int64"], (3,))
    table = np.arange(20, dtype=np.uint8).reshape(4, 5)
    rows = builder.gather(index, table)
    again = builder.gather(index, table[:, :2])
    seen = builder.look_up(
        replace(index, count=24, width=256, size=1), np.arange(256, dtype=np.uint8)
    )
    for name, block in (("rows", rows), ("seen", seen)):
        part = replace(block, count=min(block.width, block.count))
        builder.output(name, NUMBERS["uint8"], (part.count,), part)
    program = builder.program()
    assert again.count == 6
    wrong = [Tensor.of("index", np.array([0, 2**40, -1], dtype=np.int64))]
    right = [Tensor.of("index", np.array([0, 1, 2], dtype=np.int64))]
    told = rows_of(Executor(program).trace(right))
    told[0] = wrong[0].data
    outputs = Trace.of(program, told).outputs()
    proof = Paper(run_of(program, wrong, outputs), told).walk().proof
    assert (proof.fault, proof.place, proof.element) == (Fault.STEP, rows.base + 1, 0)


def test_next_move__rpc_shows_other_hashes_or_another_row__refused(lying):
    lying.summon()
    lying.answer()
    top = lying.demand(lying.move().node)
    right = lying.docket.nodes.copy()
    lying.docket.answered.add(top.place)
    lying.docket.reveal(top.layer, 0, [bytes([n]) * 32 for n in range(top.count)])
    with pytest.raises(BadAnswer, match="do not lead"):
        lying.move()
    lying.docket.nodes = right
    lying.reveal(top)
    while isinstance(move := lying.move(), DemandNode):
        made = lying.demand(move.node)
        lying.reveal(made)
    lying.docket.rows[made.index] = b"another"
    with pytest.raises(BadAnswer, match="is not the leaf's"):
        lying.move()


def test_next_move__rpc_contradicts_what_it_showed__refused(lying):
    """Two events of one place, of which the later one is made up."""
    lying.summon()
    lying.answer()
    top = lying.demand(lying.move().node)
    lying.reveal(top)
    node, right = lying.move().node, lying.docket.nodes.copy()
    own = lying.run.trace.tree.layers[node.layer]
    for place, digest in enumerate(own):
        lying.docket.nodes[node.layer, place] = digest.tobytes()
    with pytest.raises(BadAnswer, match="do not lead"):
        lying.move()
    lying.docket.nodes = right.copy()
    del lying.docket.nodes[node.layer, node.index ^ 1]
    with pytest.raises(BadAnswer, match=r"lack those beside|do not lead"):
        lying.move()
    lying.docket.nodes = right
    assert lying.move().node == node


def test_demand__wrong_path__the_paper_court_says_so(lying):
    """The tests' own court is no yes-man."""
    lying.summon()
    lying.answer()
    node = lying.move().node
    with pytest.raises(AssertionError):
        lying.demand(Node(layer=node.layer, index=0, digest=bytes(32), path=()))
