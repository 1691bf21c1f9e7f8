"""`counterfoil quantise`, then run and replay with what it wrote, as commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import digits
import numpy as np
import pytest
from click.testing import CliRunner, Result
from counterfoil.cli import main
from counterfoil.programs.container import program_in
from onnx import TensorProto, helper


def invoke(*args: str) -> Result:
    # By the group: a command that is invoked alone remembers the help option it had there.
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    images, wanted = digits.pictures()
    (tmp_path / "digits.onnx").write_bytes(digits.cnn())
    np.savez(tmp_path / "data.npz", image=images[:400], labels=wanted[:400])
    np.save(tmp_path / "one.npy", images[401][None])
    return tmp_path


def test_quantise__digits__writes_a_program_and_says_what_it_cost(files: Path) -> None:
    done = invoke(
        "quantise", str(files / "digits.onnx"), "--calibrate",
        str(files / "data.npz"), "--labels", "labels", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    program = program_in(Path(told["file"]).read_bytes())
    assert program is not None
    assert told["file"] == str(files / "digits.program.onnx")
    assert told["runtime"] == "0x" + program.commitment.digest.hex()
    assert told["fastPath"]
    digit = next(a for a in told["accuracy"] if a["name"] == "digit")
    assert digit["samples"] == 80
    assert abs(digit["right"] - digit["right_float"]) <= 0.05
    assert {o["operator"] for o in told["operators"]} >= {"Conv", "Gemm", "ArgMax", "MaxPool"}


def test_run_and_replay__program_file__like_any_model(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    made = invoke("quantise", "digits.onnx", "--calibrate", "data.npz")
    assert made.exit_code == 0, made.output
    assert "accuracy  digit: equal in" in made.output
    assert re.search(r"off by \S+ on average, \S+ at most, of values from -\S+ to \S+", made.output)
    again = invoke("quantise", "digits.program.onnx", "--calibrate", "data.npz")
    assert again.exit_code == 65 and "an exact program already" in again.output
    ran = invoke("run", "digits.program.onnx", "-i", "one.npy")
    assert ran.exit_code == 0, ran.output
    file = json.loads(Path("receipt.json").read_text())
    assert file["preimage"]["program"]["version"] == 1
    assert "runtime" not in file["preimage"]
    again = invoke("replay", "receipt.json", "--model", "digits.program.onnx")
    assert again.exit_code == 0, again.output
    assert "equal bit for bit" in again.output


def test_quantise__operator_of_no_program__named_with_its_reason(files: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Softmax", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (files / "soft.onnx").write_bytes(model.SerializeToString())
    np.savez(files / "soft.npz", x=np.ones((10, 5), np.float32))
    args = [str(files / "soft.onnx"), "--calibrate", str(files / "soft.npz")]
    done = invoke("quantise", *args)
    assert done.exit_code == 65
    assert "Softmax" in done.output and "two classes" in done.output
    assert "--cut" not in done.output  # nothing of it can be lowered
    assert not (files / "soft.program.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--calibrate", "missing.npz"], "cannot read"),
        (["--calibrate", "one.npy"], "npz"),
        (["--calibrate", "data.npz", "--labels", "none"], "no array 'none'"),
        (["--calibrate", "few.npz"], "too few"),
        (["--calibrate", "double.npz"], "are float64, the model takes float32"),
        (["--calibrate", "data.npz", "-o", "nowhere/x.onnx"], "cannot write"),
        (["--calibrate", "data.npz", "--held-out", "double.npz"], "are float64, the model takes"),
        (["--calibrate", "data.npz", "--held-out", "text.npz"], "are str"),
        (["--calibrate", "labelled.npz", "--labels", "words"], "labels are a number for each"),
        (["--calibrate", "labelled.npz", "--labels", "pairs"], "of the shape [4, 2]"),
        (
            ["--calibrate", "few.npz", "--held-out", "named.npz", "--labels", "one"],
            "of the shape []",
        ),
    ],
)
def test_quantise__bad_arguments__one_line(
    files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], reason: str
) -> None:
    monkeypatch.chdir(files)
    np.savez("few.npz", image=np.zeros((2, 1, 8, 8), np.float32))
    np.savez("double.npz", image=np.zeros((20, 1, 8, 8)))
    np.savez("text.npz", image=np.full((20, 1, 8, 8), "a"))
    images = np.zeros((20, 1, 8, 8), np.float32)
    np.savez("labelled.npz", image=images, words=np.full(20, "a"), pairs=np.zeros((20, 2)))
    np.savez("named.npz", image=images, one=np.int64(3))
    done = invoke("quantise", "digits.onnx", *arguments)
    assert done.exit_code not in (0, 70)
    assert reason in done.output
