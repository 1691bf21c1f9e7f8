"""Each operator that can be lowered: near the float model's, and the twin equal to the program."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from counterfoil.errors import BadCalibration, NotLowerable
from counterfoil.formats.tensor import Tensor
from counterfoil.inference.plain import Plain
from counterfoil.programs import Executor, faults
from counterfoil.programs.lowering import quantise
from counterfoil.programs.twin import twin_of
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(5)
PICTURE = (1, 4, 6, 5)


def weights(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32) / 2


def model(
    nodes: list[Any],
    shape: tuple[int, ...] = PICTURE,
    constants: dict[str, np.ndarray] | None = None,
    dtype: int = TensorProto.FLOAT,
    out: int = TensorProto.FLOAT,
    opset: int = 13,
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", out, None)],
        [numpy_helper.from_array(a, name) for name, a in (constants or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return made.SerializeToString()


def chain(*steps: Any) -> list[Any]:
    """Nodes one behind the other, from x to y; a step is (operator, more inputs, attributes)."""
    nodes, name = [], "x"
    for place, (kind, more, attributes) in enumerate(steps):
        out = "y" if place == len(steps) - 1 else f"t{place}"
        nodes.append(helper.make_node(kind, [name, *more], [out], **attributes))
        name = out
    return nodes


CONV = ("Conv", ["w", "b"], {"pads": [1, 1, 1, 1]})
CONSTANTS = {"w": weights(6, 4, 3, 3), "b": weights(6)}


def i64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


CASES: dict[str, bytes] = {
    "Conv": model(chain(CONV), constants=CONSTANTS),
    "Conv, strides and dilations": model(
        chain(("Conv", ["w", "b"], {"strides": [2, 1], "dilations": [1, 2], "pads": [1, 2, 0, 1]})),
        constants=CONSTANTS),
    "Conv in groups": model(chain(("Conv", ["w"], {"group": 2})),
                            constants={"w": weights(6, 2, 3, 3)}),
    "Conv of each channel": model(chain(("Conv", ["w"], {"group": 4, "pads": [1, 1, 1, 1]})),
                                  constants={"w": weights(4, 1, 3, 3)}),
    "Conv in one dimension": model(chain(("Conv", ["w"], {"pads": [2, 1]})), (1, 4, 12),
                                   {"w": weights(3, 4, 3)}),
    "Conv, Relu": model(chain(CONV, ("Relu", [], {})), constants=CONSTANTS),
    "Conv, Clip": model(chain(CONV, ("Clip", ["l", "h"], {})),
                        constants={**CONSTANTS, "l": np.float32(0), "h": np.float32(1)}),
    "Conv, Clip elsewhere": model(
        chain(CONV, ("Clip", ["l", "h"], {})),
        constants={**CONSTANTS, "l": np.float32(-1), "h": np.float32(1)}),
    "Conv, HardSwish by hand": model(
        [helper.make_node("Conv", ["x", "w", "b"], ["c"]),
         helper.make_node("Add", ["c", "three"], ["a"]),
         helper.make_node("Clip", ["a", "zero", "six"], ["k"]),
         helper.make_node("Mul", ["c", "k"], ["m"]),
         helper.make_node("Div", ["m", "six"], ["y"])],
        constants={**CONSTANTS, "three": np.float32(3), "zero": np.float32(0),
                   "six": np.float32(6)}),
    "Conv and what it skips": model(
        [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
         helper.make_node("Add", ["c", "x"], ["y"])], constants={"w": weights(4, 4, 3, 3)}),
    "squeeze and excite": model(
        [helper.make_node("Conv", ["x", "w"], ["c"]),
         helper.make_node("GlobalAveragePool", ["c"], ["p"]),
         helper.make_node("Conv", ["p", "v"], ["s"]),
         helper.make_node("HardSigmoid", ["s"], ["h"]),
         helper.make_node("Mul", ["h", "c"], ["y"])],
        constants={"w": weights(6, 4, 1, 1), "v": weights(6, 6, 1, 1)}),
    "Gemm": model(chain(("Gemm", ["w", "b"], {"transB": 1})), (3, 20),
                  {"w": weights(7, 20), "b": weights(7)}),
    "Gemm, alpha and beta": model(chain(("Gemm", ["w", "b"], {"alpha": 0.5, "beta": 2.0})),
                                  (1, 20), {"w": weights(20, 7), "b": weights(7)}),
    "MatMul, Add, Gelu": model(
        chain(("MatMul", ["w"], {}), ("Add", ["b"], {}), ("Tanh", [], {})), (1, 5, 16),
        {"w": weights(16, 9), "b": weights(9)}),
    "MaxPool": model(chain(CONV, ("MaxPool", [], {"kernel_shape": [2, 2], "strides": [2, 2]})),
                     constants=CONSTANTS),
    "MaxPool with a rim": model(
        chain(CONV, ("MaxPool", [], {"kernel_shape": [3, 3], "strides": [2, 2],
                                     "pads": [1, 1, 1, 1]})), constants=CONSTANTS),
    "AveragePool": model(chain(("AveragePool", [], {"kernel_shape": [2, 3], "strides": [2, 1]}))),
    "GlobalAveragePool": model(chain(("GlobalAveragePool", [], {}))),
    "ReduceMean": model(chain(("ReduceMean", [], {"axes": [2, 3], "keepdims": 0}))),
    "Concat at two scales": model(
        [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Exp", ["x"], ["b"]),
         helper.make_node("Concat", ["a", "b"], ["y"], axis=1)]),
    "Transpose": model(chain(("Transpose", [], {"perm": [0, 3, 1, 2]}))),
    "Slice backwards": model(chain(("Slice", ["s", "e", "a", "t"], {})), constants={
        "s": i64(-1, 1), "e": i64(-9, 4), "a": i64(3, 2), "t": i64(-2, 1)}),
    "Pad, Conv": model(chain(("Pad", ["p"], {}), ("Conv", ["w"], {})), constants={
        "p": i64(0, 0, 1, 2, 0, 0, 0, 1), "w": weights(3, 4, 3, 3)}),
    "Flatten, Gemm": model(
        chain(CONV, ("Relu", [], {}), ("Flatten", [], {}), ("Gemm", ["g"], {})),
        constants={**CONSTANTS, "g": weights(180, 5)}),
    "Reshape, Transpose, MatMul": model(
        chain(CONV, ("Reshape", ["s"], {}), ("Transpose", [], {"perm": [0, 2, 1]}),
              ("MatMul", ["g"], {})),
        constants={**CONSTANTS, "s": i64(1, 6, 30), "g": weights(6, 5)}),
    "two broadcast both ways": model(
        [helper.make_node("Slice", ["x", "s", "e", "r"], ["a"]),
         helper.make_node("Slice", ["x", "s", "e", "q"], ["b"]),
         helper.make_node("Sub", ["a", "b"], ["y"])],
        constants={"s": i64(0), "e": i64(1), "r": i64(2), "q": i64(3)}),
    "three tensors in one expression": model(
        [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Conv", ["x", "v"], ["b"]),
         helper.make_node("Conv", ["x", "u"], ["c"]), helper.make_node("Mul", ["a", "b"], ["d"]),
         helper.make_node("Add", ["c", "d"], ["e"]), helper.make_node("Sub", ["d", "e"], ["y"])],
        constants={n: weights(3, 4, 1, 1) for n in "wvu"}),
    "Softmax of two": model(chain(("Gemm", ["w"], {}), ("Softmax", [], {"axis": 1})), (4, 8),
                            {"w": weights(8, 2)}),
    "bytes as input": model(chain(("Cast", [], {"to": TensorProto.FLOAT}), CONV),
                            constants={"w": weights(6, 4, 3, 3) / 64, "b": weights(6)},
                            dtype=TensorProto.UINT8),
    "an embedding": model(
        [helper.make_node("Gather", ["t", "x"], ["e"]), helper.make_node("MatMul", ["e", "w"],
                                                                         ["y"])],
        (2, 7), {"t": weights(20, 8), "w": weights(8, 3)}, TensorProto.INT64),
    **{kind: model(chain((kind, [], attributes)), (1, 40), opset=14)
       for kind, attributes in {
           "LeakyRelu": {"alpha": 0.2}, "Sigmoid": {}, "Tanh": {}, "HardSigmoid": {},
           "HardSwish": {}, "Elu": {}, "Selu": {}, "Softplus": {}, "Softsign": {}, "Exp": {},
           "Abs": {}, "Neg": {}, "Erf": {}, "Sin": {}, "Floor": {}, "ThresholdedRelu": {},
       }.items()},
    **{f"{kind} with a number": model(chain((kind, ["c"], {})), (1, 40), {"c": f32(1.5)})
       for kind in ("Add", "Sub", "Mul", "Div", "Min", "Max")},
    "a number less a tensor": model([helper.make_node("Sub", ["c", "x"], ["y"])], (1, 40),
                                    {"c": f32(1.5)}),
}  # fmt: skip


def inputs_of(graph: bytes, count: int) -> np.ndarray:
    import onnx

    value = onnx.load_from_string(graph).graph.input[0].type.tensor_type
    shape = [d.dim_value for d in value.shape.dim]
    rng = np.random.default_rng(9)
    if value.elem_type == TensorProto.INT64:
        return rng.integers(0, 20, (count, *shape))
    if value.elem_type == TensorProto.UINT8:
        return rng.integers(0, 256, (count, *shape)).astype(np.uint8)
    return rng.uniform(-3, 3, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize("name", CASES)
def test_lowered__operator__near_the_float_model_and_the_twin_equal(name: str) -> None:
    graph = CASES[name]
    data = inputs_of(graph, 24)
    program = quantise(graph, {"x": data}).program
    floats, executor = Plain(graph), Executor(program)
    twin = Plain(twin_of(program).SerializeToString())
    wanted = np.stack([floats.run({"x": x})[0] for x in data])
    found = np.stack([executor.run([Tensor.of("x", x)])[0].array() for x in data])
    fast = np.stack([twin.run({"x": x})[0] for x in data])
    assert fast.tobytes() == found.tobytes()
    span = float(wanted.max() - wanted.min())
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() <= 0.02 * span
    assert np.abs(found - wanted).max() <= 0.25 * span  # a step of Floor's, one off


@pytest.mark.parametrize(
    "name", ["squeeze and excite", "Pad, Conv", "three tensors in one expression"]
)
def test_lowered__model__every_step_is_right(name: str) -> None:
    data = inputs_of(CASES[name], 6)
    program = quantise(CASES[name], {"x": data}).program
    assert list(faults(Executor(program).trace([Tensor.of("x", data[0])]))) == []


def test_lowered__arg_max__lowest_of_equals_on_any_axis() -> None:
    graph = model(chain(("ArgMax", [], {"axis": 1, "keepdims": 1})), (2, 5, 3),
                  out=TensorProto.INT64)  # fmt: skip
    data = np.random.default_rng(0).integers(-2, 3, (16, 2, 5, 3)).astype(np.float32)
    program = quantise(graph, {"x": data}).program
    for x in data:
        found = Executor(program).run([Tensor.of("x", x)])[0].array()
        assert found.tolist() == x.argmax(axis=1, keepdims=True).tolist()


REFUSED = {
    "a softmax of three": (
        model(chain(("Gemm", ["w"], {}), ("Softmax", [], {})), (1, 8), {"w": weights(8, 3)}),
        "Softmax .* two classes"),
    "an operator of no program": (
        model(chain(("CumSum", ["a"], {})), (1, 8), {"a": np.int64(1)}), "CumSum"),
    "a product of two tensors": (
        model([helper.make_node("MatMul", ["x", "x"], ["y"])], (8, 8)), "no constant matrix"),
    "too many pictures": (model(chain(CONV), (2, 4, 6, 5), CONSTANTS), "one picture"),
    "a long product": (
        model(chain(("Gemm", ["w"], {})), (1, 5000), {"w": weights(5000, 2)}), "limit is 4096"),
    "a constant of many numbers": (
        model(chain(("Add", ["c"], {})), (1, 3), {"c": f32(1, 2, 3)}), "more than one number"),
    "an average over its rim": (
        model(chain(("AveragePool", [], {"kernel_shape": [2, 2], "pads": [1, 1, 0, 0]}))),
        "at the rim"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_quantise__what_no_program_has__refused_with_the_reason(name: str) -> None:
    graph, reason = REFUSED[name]
    with pytest.raises(NotLowerable, match=reason) as caught:
        quantise(graph, {"x": inputs_of(graph, 5)})
    assert caught.value.operators


def test_quantise__cut__ends_before_the_softmax() -> None:
    graph = REFUSED["a softmax of three"][0]
    with pytest.raises(NotLowerable, match="with --cut it would end at '"):
        quantise(graph, {"x": inputs_of(graph, 20)})
    data = inputs_of(graph, 5)
    done = quantise(graph, {"x": data}, cut=True)
    assert len(done.outputs) == 1 and done.outputs != ("y",)
    assert done.program.outputs[0].shape == (1, 3)
    assert [t.operator for t in done.told if t.reason] == ["Softmax"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({}, "lack the model's input"),
        ({"x": np.zeros((0, 1, 4, 6, 5), np.float32)}, "or none"),
        ({"x": np.zeros((3, 4, 6), np.float32)}, "samples of 'x' have the shape"),
        ({"x": np.zeros((3, 4, 6, 7), np.float32)}, "samples of 'x' have the shape"),
        ({"x": np.zeros((3, *PICTURE), np.float64)}, "are float64, the model takes float32"),
    ],
)
def test_quantise__data_that_do_not_fit__refused(data: Any, reason: str) -> None:
    with pytest.raises(BadCalibration, match=reason):
        quantise(CASES["Conv"], data)


def test_quantise__open_batch__one_sample_a_run() -> None:
    graph = model(chain(("Gemm", ["w"], {})), ("n", 8), {"w": weights(8, 3)})
    program = quantise(graph, {"x": np.ones((4, 8), np.float32)}).program
    assert program.inputs[0].shape == (1, 8)
