"""A convolutional net that somebody else trained and a package ships, as an exact program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
import pytest
from counterfoil.formats.tensor import Tensor
from counterfoil.inference.plain import Plain
from counterfoil.programs import Executor, compiled, opened
from counterfoil.programs.container import program_in
from counterfoil.programs.engine import Engine
from needs import ROOT
from test_exec_packages import COUNTERFOIL, peers, run

pytestmark = pytest.mark.slow

__all__ = ["peers"]

COUNT = 200
SLOWER = 15
COMPILED_SLOWER = 3
"""The executor, and the compiled one, may take so many times onnxruntime's int8 time."""


@pytest.fixture(scope="module")
def made(peers: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with the model, its data and its program; and what `quantise` said."""
    folder = tmp_path_factory.mktemp("classifier")
    shipped = next(peers.glob("lib/python*/site-packages/**/ch_ppocr_mobile_v2.0_cls_infer.onnx"))
    (folder / "cls.onnx").write_bytes(shipped.read_bytes())
    script = ROOT / "tests" / "scenario" / "text_lines.py"
    pictures = run(peers / "bin" / "python", script, str(COUNT), folder / "data.npz", home=folder)
    assert pictures.returncode == 0, pictures.stderr
    done = run(
        COUNTERFOIL, "quantise", "--json", "--calibrate", folder / "data.npz", "--labels",
        "labels", folder / "cls.onnx", home=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_quantise__published_classifier__as_right_as_it_was(made: Any) -> None:
    folder, told = made
    graph = onnx.load(folder / "cls.onnx").graph
    constants = [a.t for node in graph.node for a in node.attribute if a.HasField("t")]
    assert sum(int(np.prod(c.dims)) for c in (*graph.initializer, *constants)) > 100_000
    assert all(o["became"] for o in told["operators"])
    (scores,) = told["accuracy"]
    assert scores["right"] >= scores["right_float"] - 0.05
    assert scores["mean"] < 0.05


def test_engine__published_classifier__fast_paths_are_equal_on_every_picture(made: Any) -> None:
    folder, _ = made
    program = program_in((folder / "cls.program.onnx").read_bytes())
    assert program is not None
    twin, executor = Engine(program, ways=("onnxruntime",)), Executor(program)
    assert twin.path == "onnxruntime"
    kernels = compiled.kernels(60)
    assert kernels is not None
    fast = compiled.CompiledExecutor(program, kernels)
    for picture in np.load(folder / "data.npz")["x"][:60]:
        inputs = [Tensor.of("x", picture[None])]
        wanted = executor.trace(inputs)
        assert twin.run(inputs) == wanted.outputs()
        assert np.array_equal(fast.trace(inputs).data, wanted.data)


def test_step__published_classifier__some_of_every_operator(made: Any) -> None:
    folder, _ = made
    program = program_in((folder / "cls.program.onnx").read_bytes())
    assert program is not None
    picture = np.load(folder / "data.npz")["x"][:1]
    trace = Executor(program).trace([Tensor.of("x", picture)])
    rng = np.random.default_rng(0)
    for o in program.operators:
        for k in rng.integers(0, o.count, 6).tolist():
            row, element = o.out + k // o.width, k % o.width
            written = trace.row(row)[element * o.size : (element + 1) * o.size]
            assert opened(trace, row, element).expected == written


def least(call: Callable[[], object], times: int = 30) -> float:
    """Seconds of the quickest of some calls: what the machine's other work does not touch."""
    call()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return min(took)


def test_executor__published_classifier__within_fifteen_times_int8(made: Any) -> None:
    """onnxruntime's own quantising, its kernels, one thread; the executor as it comes."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    folder, _ = made
    pictures = np.load(folder / "data.npz")["x"]

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = iter([{"x": p[None]} for p in pictures[:10]])

        def get_next(self) -> Any:
            return next(self.left, None)

    model = onnx.version_converter.convert_version(onnx.load(folder / "cls.onnx"), 13)
    for dim, size in zip(
        model.graph.input[0].type.tensor_type.shape.dim, (1, 3, 48, 192), strict=True
    ):
        dim.dim_value = size
    onnx.save(model, folder / "cls13.onnx")
    quantize_static(
        folder / "cls13.onnx", folder / "int8.onnx", Reader(), per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    int8 = Plain((folder / "int8.onnx").read_bytes(), threads=1)
    program = program_in((folder / "cls.program.onnx").read_bytes())
    assert program is not None
    kernels, picture = compiled.kernels(60), pictures[:1]
    assert kernels is not None
    executor, fast = Executor(program), compiled.CompiledExecutor(program, kernels)
    inputs = [Tensor.of("x", picture)]
    theirs, ours = least(lambda: int8.run({"x": picture})), least(lambda: executor.run(inputs))
    quick = least(lambda: fast.run(inputs))
    print(f"onnxruntime int8 {theirs * 1e3:.2f} ms, executor {ours * 1e3:.2f} ms: {ours / theirs}, "
          f"compiled {quick * 1e3:.2f} ms: {quick / theirs}")  # fmt: skip
    assert ours < SLOWER * theirs
    assert quick < COMPILED_SLOWER * theirs
