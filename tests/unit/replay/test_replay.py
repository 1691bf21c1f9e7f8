"""Runs done again: equal, close and why, random, different, and what cannot be done."""

from __future__ import annotations

from dataclasses import replace

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BadConfig, NotReplayable
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.receipt_file import Opening
from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import Tensor
from counterfoil.replay import Models, Replayer, Tolerance, compare
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from small_models import FLOAT, STRING, model, sequences, tensor

from .conftest import resigned

FEED = {"x": np.arange(12, dtype=np.float32).reshape(3, 4)}


def squares() -> bytes:
    return model(
        [helper.make_node("Mul", ["x", "x"], ["y"])],
        [tensor("x", FLOAT, [3, 4])],
        [tensor("y", FLOAT, [3, 4])],
    )


def noise(operator: str = "RandomNormalLike") -> bytes:
    return model(
        [helper.make_node(operator, ["x"], ["y"])],
        [tensor("x", FLOAT, [3, 4])],
        [tensor("y", FLOAT, [3, 4])],
    )


@pytest.fixture
def replayer() -> Replayer:
    return Replayer(Models())


def test_replay__same_machine__equal(ran, replayer):
    found = replayer.replay(ran(squares(), FEED))
    assert found.verdict == "equal"
    assert [(o.name, o.equal, o.size) for o in found.outputs] == [("y", True, 12)]
    assert found.reasons == () and found.random == ()


def test_replay__options_of_the_run__are_had_again(ran, replayer):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    file = ran(squares(), FEED, options)
    found = replayer.replay(file)
    assert found.verdict == "equal"
    assert found.here == file.preimage.runtime


def test_replay__denormals_as_the_run_had_them(ran, replayer):
    tiny = {"x": np.full((3, 4), 1e-22, np.float32)}
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    assert replayer.replay(ran(squares(), tiny, options)).verdict == "equal"
    assert replayer.replay(ran(squares(), tiny)).verdict == "equal"


def test_replay__one_value_changed__different(ran, replayer):
    def lie(y):
        y[1, 2] += 1
        return y

    found = replayer.replay(resigned(ran(squares(), FEED), lie))
    (output,) = found.outputs
    assert found.verdict == "different"
    assert (output.unequal, output.worst) == (1, 1.0)
    assert found.reasons == ()


def test_replay__another_machine_and_its_rounding__close_with_the_reason(ran, replayer):
    file = resigned(
        ran(squares(), FEED), lambda y: np.nextafter(y, np.float32(1e9)), machine="aarch64+fp16"
    )
    found = replayer.replay(file)
    assert found.verdict == "close"
    assert found.outputs[0].unequal == 12 and found.outputs[0].same_choice
    assert any("aarch64+fp16 there" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", "1.17.0", "another version of onnxruntime: 1.17.0 there"),
        ("providers", "CUDAExecutionProvider,CPUExecutionProvider", "another execution provider"),
    ],
)
def test_replay__another_runtime__named(ran, replayer, field, value, said):
    file = resigned(ran(squares(), FEED), lambda y: y * np.float32(1.00001), **{field: value})
    assert any(said in reason for reason in replayer.replay(file).reasons)


def test_replay__another_batch__named(ran, replayer):
    file = ran(squares(), FEED)
    options = file.preimage.runtime.options.replace('"batching":"none"', '"batching":"dynamic"')
    assert options != file.preimage.runtime.options
    found = replayer.replay(resigned(file, lambda y: y * np.float32(1.00001), options=options))
    assert found.verdict == "close"
    assert found.reasons == ('another batch: "dynamic" there, alone here',)


@pytest.mark.parametrize("operator", ["RandomNormalLike", "RandomUniformLike"])
def test_replay__random_graph__named_as_such(ran, replayer, operator):
    found = replayer.replay(ran(noise(operator), FEED, times=2))
    assert found.verdict == "random"
    assert found.random == (operator,)


def test_replay__random_inside_a_branch__named(ran, replayer):
    def branch(name, operator):
        node = helper.make_node(operator, ["x"], [name])
        return helper.make_graph([node], name, [], [tensor(name, FLOAT, [3, 4])])

    choose = helper.make_node(
        "If", ["c"], ["y"],
        then_branch=branch("a", "RandomNormalLike"), else_branch=branch("b", "Identity"),
    )  # fmt: skip
    graph = model(
        [choose],
        [tensor("x", FLOAT, [3, 4]), tensor("c", TensorProto.BOOL, [])],
        [tensor("y", FLOAT, [3, 4])],
    )
    assert replayer.replay(ran(graph, {**FEED, "c": np.array(True)}, times=2)).verdict == "random"
    calm = replayer.replay(ran(graph, {**FEED, "c": np.array(False)}))
    assert calm.verdict == "equal" and calm.random == ("RandomNormalLike",)


def test_replay__strings(ran, replayer):
    graph = model(
        [helper.make_node("Identity", ["x"], ["y"])], [tensor("x", STRING)], [tensor("y", STRING)]
    )
    file = ran(graph, {"x": np.array(["a", "b"], dtype=object)})
    assert replayer.replay(file).verdict == "equal"
    changed = resigned(file, lambda y: np.array(["a", "c"], dtype=object))
    assert replayer.replay(changed).verdict == "different"


def test_replay__inside_a_recording__makes_no_receipt(ran, replayer):
    file = ran(squares(), FEED)
    with counterfoil.recording(everywhere=True) as receipts:
        assert replayer.replay(file).verdict == "equal"
    assert receipts.total == 0 and not receipts.problems


def test_replay__without_a_side__says_whom_to_ask(ran, replayer):
    file = ran(squares(), FEED)
    for opening in (None, Opening(inputs=file.opening.inputs, outputs=None)):
        with pytest.raises(NotReplayable, match="ask its holder"):
            replayer.replay(replace(file, opening=opening))
    part = Opening(inputs=file.opening.inputs.only({0: [0]}), outputs=file.opening.outputs)
    with pytest.raises(NotReplayable, match="inputs whole"):
        replayer.replay(replace(file, opening=part))


def test_replay__runtime_not_in_the_file__is_a_reason(ran, replayer):
    file = resigned(ran(squares(), FEED), lambda y: y * np.float32(1.00001))
    bare = replace(file, preimage=replace(file.preimage, runtime=None))
    found = replayer.replay(bare)
    assert found.verdict == "close"
    assert found.reasons == ("the file does not say with what the receipt's run was made",)


def test_replay__sequences__not_fed_again(ran, replayer):
    file = ran(sequences(), {"x": [np.ones(2, np.float32)]})
    with pytest.raises(NotReplayable, match="sequence"):
        replayer.replay(file)


def test_replay__library_of_operators__only_the_operator_has_it(ran, replayer):
    file = ran(squares(), FEED)
    options = file.preimage.runtime.options[:-1] + ',"customOperators":["00"]}'
    with pytest.raises(NotReplayable, match="custom operators"):
        replayer.replay(resigned(file, options=options))


@pytest.mark.parametrize(
    "options",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"config":[]}',
        '{"config":{"ep.context_enable":"1"}}',
        '{"config":{"ep.context_file_path":"/dev/shm/counterfoil"}}',
        '{"config":{"session.node_partition_config_file":"/etc/passwd"}}',
        '{"config":{"session.save_external_prepacked_constant_initializers":"1"}}',
        '{"disabledOptimizers":7}',
        '{"disabledOptimizers":0}',
        '{"disabledOptimizers":[[]]}',
        '{"disabledOptimizers":{"a":1}}',
        '{"run":0}',
        '{"run":null}',
        '{"freeDimensions":{"a":1180591620717411303424}}',
        '{"freeDimensions":{"a":[]}}',
        '{"executionOrder":[]}',
        '{"deterministic":{"a":1},"intraOpThreads":[]}',
        '{"executionMode":"sideways"}',
        '{"intraOpThreads":100000}',
        '{"intraOpThreads":-1}',
        '{"interOpThreads":1e400}',
        '{"run":[]}',
        '{"run":{"config":{"kvcache_rewind":"1","memory.enable_memory_arena_shrinkage":"x"}}}',
        '{"a":1,"a":2}',
    ],
)
def test_replay__hostile_options__refused(ran, replayer, options):
    with pytest.raises(NotReplayable):
        replayer.replay(resigned(ran(squares(), FEED), options=options))


def test_replay__other_engine_or_exact_program__said(ran, replayer):
    file = ran(squares(), FEED)
    with pytest.raises(NotReplayable, match="engine"):
        replayer.replay(resigned(file, engine="tvm"))
    program = Program(root=b"\1" * 32, rows=1, trace_rows=1, version=1)
    with pytest.raises(NotReplayable, match="exact program"):
        replayer.replay(replace(file, preimage=replace(file.preimage, runtime=program)))


# Comparing


def of(values, dtype="float32"):
    return Tensor.of("y", np.array(values, dtype=dtype))


def test_compare__specials():
    same = compare(of([np.nan, np.inf, -0.0]), of([np.nan, np.inf, -0.0]), Tolerance())
    assert same.equal
    zero = compare(of([0.0]), of([-0.0]), Tolerance())
    assert not zero.equal and zero.close and zero.unequal == 1 and zero.worst is None
    for one, other in (([np.nan], [1.0]), ([np.inf], [1.0]), ([np.inf], [-np.inf])):
        apart = compare(of(one), of(other), Tolerance())
        assert not apart.close and "infinity or NaN" in apart.why


def test_compare__integers__never_close():
    found = compare(of([1, 2, 3], "int64"), of([1, 2, 4], "int64"), Tolerance(absolute=10))
    assert not found.close and found.unequal == 1


def test_compare__type_and_shape():
    assert "float64, not float32" in compare(of([1.0]), of([1.0], "float64"), Tolerance()).why
    assert "[1, 1], not [1]" in compare(of([1.0]), of([[1.0]]), Tolerance()).why


def test_compare__bfloat16():
    def bits(*values):
        return Tensor(
            name="y", dtype=NUMBERS["bfloat16"], shape=(len(values),),
            data=np.array(values, "<u2").tobytes(),
        )  # fmt: skip

    found = compare(bits(0x3F80, 0x3F80), bits(0x3F80, 0x3F81), Tolerance(relative=0.01))
    assert found.close and found.unequal == 1 and found.worst == pytest.approx(2**-7)


def test_compare__another_largest__said():
    found = compare(of([[0.5, 0.5001]]), of([[0.5001, 0.5]]), Tolerance())
    assert found.close and found.same_choice is False


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    st.floats(0, 1e-2), st.floats(0, 1e-2),
)  # fmt: skip
def test_compare__the_tolerance_is_what_it_says(values, absolute, relative):
    one = np.array(values, np.float32)
    other = np.nextafter(one, np.float32(np.inf)).astype(np.float32)
    tolerance = Tolerance(absolute=absolute, relative=relative)
    found = compare(Tensor.of("y", one), Tensor.of("y", other), tolerance)
    with np.errstate(all="ignore"):
        a, b = one.astype(np.float64), other.astype(np.float64)
        expected = bool(((np.abs(a - b) <= absolute + relative * np.abs(a)) | (a == b)).all())
    assert found.close is expected


@pytest.mark.parametrize("value", [-1e-9, float("inf"), float("nan")])
def test_tolerance__no_such(value):
    with pytest.raises(BadConfig):
        Tolerance(relative=value)
