"""The judges against the executor on runs of real models: what a model does, no chance does."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from typing import Any

import digits
import judging
import numpy as np
import pytest
from case_history import Purse
from counterfoil import artefacts
from counterfoil import chain as chains
from counterfoil.cli.demo_fault_stage import challenger_of, lying_receipt, play
from counterfoil.cli.demo_lies import Told
from counterfoil.faults.challenger import GAS
from counterfoil.faults.store import Store
from counterfoil.formats.model import load
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Address
from counterfoil.programs import ExactProgram, Executor, Trace
from counterfoil.programs.container import program_in
from counterfoil.programs.lowering import quantise
from model_steps import Chosen, chosen, shown, with_a_wrong_byte
from on_node import Deployed
from row_case import Case
from test_challenge_anvil import log, stage
from test_program_classifier import made, peers

__all__ = ["log", "made", "peers", "stage"]

pytestmark = pytest.mark.anvil

BURN = "0x000000000000000000000000000000000000dEaD"
"""Source: contracts/modules/bonds.vy."""

DEAREST = 320_000
"""Gas of any proof about the classifier, its whole transaction: no more."""


@pytest.fixture
def steps(anvil) -> Deployed:
    return Deployed(anvil, artefacts.load("StepJudge"))


@pytest.fixture
def rows(anvil) -> Deployed:
    return Deployed(anvil, artefacts.load("RowJudge"))


@cache
def program_of_digits(name: str) -> ExactProgram:
    images, _ = digits.learning()
    shape = {"mlp": (64,), "cnn": (1, 8, 8)}[name]
    return quantise(getattr(digits, name)(), {"image": images[:200].reshape(200, *shape)}).program


def digit(program: ExactProgram, number: int) -> tuple[list[Tensor], Trace]:
    """A picture that the model has not seen, and its run."""
    picture = digits.held_out()[0][number].reshape(program.inputs[0].shape)
    inputs = [Tensor.of("image", picture)]
    return inputs, Executor(program).trace(inputs)


def text_line(made: Any, number: int) -> tuple[list[Tensor], Trace]:
    """A picture that the published classifier's own package prepared, and its run."""
    folder, _ = made
    program = program_in((folder / "cls.program.onnx").read_bytes())
    assert program is not None
    with np.load(folder / "data.npz") as data:
        inputs = [Tensor.of("x", data["x"][number : number + 1])]
    return inputs, Executor(program).trace(inputs)


def judged_steps(judge: Deployed, trace: Trace, seed: int) -> collections.Counter[str]:
    """Each chosen step right and, with a byte of it changed, wrong; how many of which."""
    rng = np.random.default_rng(seed)
    picks = list(chosen(trace, rng))
    proofs = [shown(trace, each) for each in picks]
    calls = [judging.arguments(trace, proof) for proof in proofs]
    answers = judge.ask("step_is_wrong", calls)
    for each, proof, (wrong,) in zip(picks, proofs, answers, strict=True):
        assert not proof.wrong, each
        assert wrong is False, each
    lies = []
    for each in picks:
        other = with_a_wrong_byte(trace, each, rng)
        proof = judging.proof(other, each.row, each.element)
        assert proof.wrong, each
        lies.append(judging.arguments(other, proof))
    for each, (wrong,) in zip(picks, judge.ask("step_is_wrong", lies), strict=True):
        assert wrong is True, each
    operators = trace.program.operators
    assert {each.operator for each in picks} == set(range(len(operators)))
    kinds = collections.Counter(operators[each.operator].kind.name for each in picks)
    return kinds + collections.Counter(each.why for each in picks)


def judged_rows(judge: Deployed, inputs: Sequence[Tensor], trace: Trace, seed: int) -> None:
    """Links, lengths and fillings: as they are nothing is wrong, and each changed one is."""
    rng, program = np.random.default_rng(seed), trace.program
    right = Case(honest=trace, inputs=inputs)
    some = [0, program.trace_rows - 1, *map(int, rng.integers(0, program.trace_rows, 20))]
    behind = range(program.trace_rows, len(right.rows.tree.layers[0]))
    filling = sorted({behind[0], behind[-1], *map(int, rng.choice(behind, 3))})
    ends = [
        (side, position, chunk)
        for side in (0, 1)
        for position, tensor in enumerate(right.tensors[side])
        for chunk in sorted({0, (len(tensor.data) - 1) // 256})
    ]

    def asked(case: Case, name: str, proofs: Sequence[Any], *, sets: bool = False) -> list[bool]:
        fixed = (case.committed, case.rows.root, *([case.sets] if sets else []))
        return [wrong for (wrong,) in judge.ask(name, [(*fixed, p.abi()) for p in proofs])]

    def no(count: int) -> list[bool]:
        return [False] * count

    links = asked(right, "link_is_wrong", [right.link(*end) for end in ends], sets=True)
    assert links == no(len(ends))
    assert asked(right, "length_is_wrong", [right.length(n) for n in some]) == no(len(some))
    assert asked(right, "filling_is_wrong", [right.filling(n) for n in filling]) == no(len(filling))
    for side, position, chunk in ends:
        data = bytearray(right.tensors[side][position].data)
        at = chunk * 256 + int(rng.integers(min(256, len(data) - chunk * 256)))
        data[at] ^= int(rng.integers(1, 256))
        told = {("inputs", "outputs")[side]: right.but(side, position, data=bytes(data))}
        case = Case(honest=trace, **{"inputs": inputs, **told})
        assert asked(case, "link_is_wrong", [case.link(side, position, chunk)], sets=True) == [True]
    for number in some[:6]:
        row = trace.row(number)
        for other in (row[:-1], row + b"\0"):
            case = Case(honest=trace, inputs=inputs, changed={number: other})
            assert asked(case, "length_is_wrong", [case.length(number)]) == [True]
    for number in filling:
        case = Case(honest=trace, inputs=inputs, changed={number: b"\0"})
        assert asked(case, "filling_is_wrong", [case.filling(number)]) == [True]


def test_is_wrong__digits__what_is_right_is_not_and_a_changed_byte_is(steps, rows):
    inputs, trace = digit(program_of_digits("cnn"), 0)
    found = judged_steps(steps, trace, 0)
    assert min(found[each] for each in ("first", "last", "any", "saturated", "rim")) > 0, found
    judged_rows(rows, inputs, trace, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_is_wrong__digits__on_ten_pictures(steps, rows, name):
    for number in range(10):
        inputs, trace = digit(program_of_digits(name), number)
        judged_steps(steps, trace, number)
    judged_rows(rows, inputs, trace, 1)


@pytest.mark.slow
def test_is_wrong__published_classifier__on_three_of_its_pictures(steps, rows, made):
    found: collections.Counter[str] = collections.Counter()
    for number in range(3):
        inputs, trace = text_line(made, number)
        found += judged_steps(steps, trace, number)
    judged_rows(rows, inputs, trace, 2)
    print(f"{trace.program.trace_rows:,} rows of the trace, judged: {dict(found)}")
    wanted = ("first", "last", "any", "saturated", "rim", "DOT", "LUT1", "LUT2", "MAX", "COPY")
    assert min(found[each] for each in wanted) > 0, found


@pytest.mark.slow
def test_prove_step__published_classifier__the_dearest_of_its_proofs(
    stage, log, steps, made, anvil, tmp_path, capsys
):
    """Found by estimates of every operator's steps, and of the dearest one's at every place.

    Then it is challenged from the summons on.
    """
    anvil.ask("anvil_setBalance", BURN, hex(1))  # as on every public chain: else 25,000 more
    inputs, trace = text_line(made, 0)
    picks = [each for seed in range(4) for each in chosen(trace, np.random.default_rng(seed))]
    o = trace.program.operators[dearest_of(steps, trace, picks).operator]
    places = [judging.cell(o, k) for k in range(0, o.count, o.width)]
    picks += [
        Chosen(operator=trace.program.operators.index(o), row=row, element=element, why="place")
        for row, element in places
    ]
    dearest = dearest_of(steps, trace, picks)
    assert trace.program.operators[dearest.operator] is o
    folder, _ = made
    path = folder / "cls.program.onnx"
    judged = replace(stage, program=trace.program, path=path, model=load(path).model)
    journal, settler = log
    lie = told(trace, dearest)
    file, liar = lying_receipt(judged, journal, settler, lambda *_: lie, inputs[0])
    purse = Purse(judged.chain, judged.court, Address(judged.challenger.address))
    with closing(Store(tmp_path / "challenges.db")) as store:
        said = play(judged, challenger_of(judged, store), file, liar)
    assert (said[-1].data["end"], said[-1].data["fault"]) == ("won", "step")
    gas = [
        (each.data["step"], chains.mined(judged.chain, each.data["transaction"]).gas_used)
        for each in said
        if each.kind == "sent"
    ]
    window = f"{o.kind.name} of {o.k_h} × {o.k_w} taps in {o.source_width} channels"
    with capsys.disabled():
        print(
            f"\n{trace.program.trace_rows:,} rows of the trace; the dearest of {len(picks):,} "
            f"steps is a {window}: {gas[-1][1]:,} gas; all that was sent: {gas}, "
            f"{sum(used for _, used in gas):,} gas"
        )
    assert purse.sent().steps[-1] == "prove_step"
    assert gas[-1][0] == "prove"
    assert gas[-1][1] <= DEAREST < GAS["prove"]


def dearest_of(judge: Deployed, trace: Trace, picks: Sequence[Chosen]) -> Chosen:
    """The step that costs the judge most, its calldata included."""
    calls = [judging.arguments(trace, shown(trace, each)) for each in picks]
    gas = list(judge.gas("step_is_wrong", calls))
    return picks[gas.index(max(gas))]


def told(trace: Trace, each: Chosen) -> Told:
    """One element is another, and so are the outputs, in another byte of which the receipt lies."""
    lie = with_a_wrong_byte(trace, each, np.random.default_rng(5))
    first, *rest = trace.outputs()
    data = bytes([first.data[0] ^ 1]) + first.data[1:]
    return Told(outputs=(replace(first, data=data), *rest), trace=lie)
