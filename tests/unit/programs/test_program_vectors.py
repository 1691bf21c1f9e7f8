"""The recorded programs: their commitments, traces and steps, here and on every other machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from counterfoil.errors import NoTwin
from counterfoil.formats.tensor import Tensor
from counterfoil.programs import ExactProgram, Executor, Kind, compiled, float32, opened
from counterfoil.programs.engine import Engine
from counterfoil.programs.twin import twin_of

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "programs.json").read_text()
)


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


@pytest.fixture(params=VECTORS["programs"], ids=lambda case: case["name"])
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    return request.param


def tensors(shown: list[dict[str, Any]]) -> list[Tensor]:
    return [
        Tensor(name=t["name"], dtype=t["dtype"], shape=tuple(t["shape"]), data=raw(t["data"]))
        for t in shown
    ]


def test_program__recorded__commitment(case: dict[str, Any]) -> None:
    program = ExactProgram([raw(row) for row in case["rows"]])
    assert program.commitment.root == raw(case["root"])
    assert program.commitment.digest == raw(case["runtime"])
    assert program.trace_rows == case["traceRows"] == len(case["trace"])
    assert {o.kind for o in program.operators} == {k for k in Kind if 0x11 <= k <= 0x19}


def test_executor__recorded__same_trace(case: dict[str, Any]) -> None:
    program = ExactProgram([raw(row) for row in case["rows"]])
    trace = Executor(program).trace(tensors(case["inputs"]))
    assert [trace.row(r) for r in range(program.trace_rows)] == [raw(r) for r in case["trace"]]
    assert trace.tree.root == raw(case["traceRoot"])
    assert list(trace.outputs()) == tensors(case["outputs"])
    assert list(Engine(program).run(tensors(case["inputs"]))) == tensors(case["outputs"])
    if (kernels := compiled.kernels(60)) is not None:
        found = compiled.CompiledExecutor(program, kernels).trace(tensors(case["inputs"]))
        assert found.tree.root == raw(case["traceRoot"])


def test_step__recorded__same_rows_and_bytes(case: dict[str, Any]) -> None:
    program = ExactProgram([raw(row) for row in case["rows"]])
    trace = Executor(program).trace(tensors(case["inputs"]))
    for step in case["steps"]:
        found = opened(trace, step["row"], step["element"])
        assert found.operator == step["operator"]
        assert list(found.program) == step["programRows"]
        assert list(found.trace) == step["traceRows"]
        assert found.expected == raw(step["expected"])


@pytest.mark.parametrize("name", ["requantise", "quantise"])
def test_rounding__recorded__same_byte(name: str) -> None:
    for one in VECTORS[name]:
        arguments = [value for key, value in one.items() if key != "byte"]
        assert getattr(float32, name)(*arguments) == one["byte"]


def test_engine__operator_that_onnxruntime_lacks__the_executor_runs_it() -> None:
    program = ExactProgram([raw(row) for row in VECTORS["programs"][0]["rows"]])
    with pytest.raises(NoTwin):
        twin_of(program)
    engine = Engine(program, ways=("onnxruntime",))
    assert engine.path == "executor" and "onnxruntime" in engine.refused
