"""What onnxruntime takes and refuses, and that the commitment is to what it received."""

from __future__ import annotations

from typing import Any

import counterfoil
import ml_dtypes
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BadTensor, BigEndianTensor, SealFailed, Uncommitted
from counterfoil.inference.capture import Inputs, Outputs, Unfit, element_number
from counterfoil.journal import Journal
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto

from . import small_models
from .conftest import Pair, same

NUMERIC = {
    "float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE,
    "bool": TensorProto.BOOL, "int8": TensorProto.INT8, "int16": TensorProto.INT16,
    "int32": TensorProto.INT32, "int64": TensorProto.INT64, "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16, "uint32": TensorProto.UINT32, "uint64": TensorProto.UINT64,
}  # fmt: skip

_sessions: dict[str, tuple[Any, Any]] = {}


def sessions(dtype: str, log: Journal) -> tuple[Any, Any]:
    if dtype not in _sessions:
        source = small_models.identity(NUMERIC[dtype])
        _sessions[dtype] = (
            counterfoil.InferenceSession(source, journal=log),
            onnxruntime.InferenceSession(source),
        )
    return _sessions[dtype]


def strided(array: Any, how: int) -> Any:
    """The same kind of array, laid out otherwise."""
    if how == 1:
        return array.T
    if how == 2 and array.ndim:
        return array[::-1]
    if how == 3 and array.ndim:
        return array[..., ::2]
    if how == 4:
        return np.asfortranarray(array)
    return array


@settings(max_examples=120, deadline=None)
@given(data=st.data(), how=st.integers(0, 4))
def test_run__any_array__equal_bits_and_committed(log: Journal, data: Any, how: int) -> None:
    dtype = data.draw(st.sampled_from(sorted(NUMERIC)))
    shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    array = strided(data.draw(hnp.arrays(np.dtype(dtype), shapes)), how)
    ours, bare = sessions(dtype, log)
    outputs, receipt = ours.run_with_receipt(None, {"x": array})
    assert same(outputs, bare.run(None, {"x": array}))
    assert same(receipt.inputs[0].array(), np.ascontiguousarray(array).reshape(array.shape))
    assert same(receipt.outputs[0].array(), outputs[0])


@settings(max_examples=60, deadline=None)
@given(
    value=st.recursive(
        st.one_of(st.integers(-(2**40), 2**40), st.floats(), st.booleans()),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=8,
    ).filter(lambda v: isinstance(v, list)),
    dtype=st.sampled_from(["float32", "int64", "bool", "uint8"]),
)
@pytest.mark.filterwarnings("ignore")
def test_run__any_list__as_onnxruntime_makes_it(log: Journal, value: Any, dtype: str) -> None:
    ours, bare = sessions(dtype, log)
    try:
        expected = bare.run(None, {"x": value})
    except Exception as refusal:
        with pytest.raises(type(refusal)) as raised:
            ours.run(None, {"x": value})
        assert str(raised.value) == str(refusal)
        return
    outputs, receipt = ours.run_with_receipt(None, {"x": value})
    assert same(outputs, expected)
    assert same(receipt.inputs[0].array(), expected[0])


STRINGS = [
    np.array(["a", "bé", "", "x\0y"], dtype=object),
    np.array(["a", "b\0c", "d\0"]),
    np.array([b"a", "é".encode()], dtype="S3"),
    np.array([b"a\0b"], dtype="S4"),
    np.array([1, None, 2.5, "a", b"b"], dtype=object),
    np.array("zero-dimensional"),
    np.array([], dtype=object),
    np.zeros((0, 2), "U3"),
    np.array([["a", "b"], ["c", "d"]], dtype=object).T,
    np.array(["a", "b"])[::-1],
    ["a", "b\0c"],
    [["a"], ["b"]],
    [["a"], ["b", "c"]],
    [1, None, b"x"],
    [],
]


@pytest.mark.parametrize("value", STRINGS, ids=range(len(STRINGS)))
def test_run__strings__committed_as_onnxruntime_reads_them(pair: Pair, value: Any) -> None:
    ours, bare = pair(small_models.identity(small_models.STRING))
    expected = bare.run(None, {"x": value})
    outputs, receipt = ours.run_with_receipt(None, {"x": value})
    assert same(outputs, expected)
    assert same(receipt.inputs[0].array(), expected[0])


def test_run__bytes_that_fill_their_width__fed_as_they_are(pair: Pair) -> None:
    # onnxruntime itself reads on past the last of these, into whatever lies behind.
    ours, _ = pair(small_models.identity(small_models.STRING))
    outputs, receipt = ours.run_with_receipt(None, {"x": np.array([b"a", "é".encode()])})
    assert outputs[0].tolist() == receipt.inputs[0].array().tolist() == ["a", "é"]


@settings(max_examples=60, deadline=None)
@given(
    array=st.one_of(
        hnp.arrays(np.dtype("U4"), hnp.array_shapes(min_dims=0, min_side=0, max_side=3)),
        hnp.arrays(
            object,
            hnp.array_shapes(min_dims=0, min_side=0, max_side=3),
            elements=st.text(st.characters(codec="utf-8")),
        ),
    )
)
def test_run__any_strings__equal_and_committed(log: Journal, array: Any) -> None:
    if "string" not in _sessions:
        source = small_models.identity(small_models.STRING)
        _sessions["string"] = (
            counterfoil.InferenceSession(source, journal=log),
            onnxruntime.InferenceSession(source),
        )
    ours, bare = _sessions["string"]
    try:
        expected = bare.run(None, {"x": array})
    except Exception as refusal:
        with pytest.raises(type(refusal)):
            ours.run(None, {"x": array})
        return
    outputs, receipt = ours.run_with_receipt(None, {"x": array})
    assert same(outputs, expected)
    assert same(receipt.inputs[0].array(), expected[0])


REFUSED = {
    "float64 for float32": np.zeros(2),
    "int32 for float32": np.zeros(2, np.int32),
    "a number": 3,
    "a NumPy scalar": np.float32(2),
    "None": None,
    "a tuple": (1.0, 2.0),
    "a dict": {1: 2.0},
    "text": "text",
    "ragged": [[1.0], [2.0, 3.0]],
    "complex": [1j],
    "strings": np.array(["a"]),
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED)
def test_run__what_onnxruntime_refuses__its_own_error(pair: Pair, value: Any) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    with pytest.raises(Exception) as theirs:
        bare.run(None, {"x": value})
    with pytest.raises(Exception) as mine:
        ours.run(None, {"x": value})
    assert type(mine.value) is type(theirs.value)
    assert str(mine.value) == str(theirs.value)
    assert ours.receipt is None


@pytest.mark.parametrize(
    "feed",
    [{}, {"z": np.float32([1])}, {"x": np.float32([1]), "z": np.float32([1])}, [("x", 1)], None],
    ids=["nothing", "another name", "one too many", "a list", "None"],
)
def test_run__wrong_names__onnxruntimes_own_error(pair: Pair, feed: Any) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    with pytest.raises(Exception) as theirs:
        bare.run(None, feed)
    with pytest.raises(type(theirs.value)) as mine:
        ours.run(None, feed)
    assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("asked", [["z"], [""], ["y", ""], "y", 5])
def test_run__wrong_output_names__onnxruntimes_own_error(pair: Pair, asked: Any) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    feed = {"x": np.float32([1])}
    with pytest.raises(Exception) as theirs:
        bare.run(asked, feed)
    with pytest.raises(type(theirs.value)):
        ours.run(asked, feed)


def test_run__wrong_rank__onnxruntimes_own_error(pair: Pair) -> None:
    ours, bare = pair(small_models.many())
    feed = {"a": np.zeros((2, 2), np.float32), "b": np.zeros(2, np.float32)}
    with pytest.raises(Exception) as theirs:
        bare.run(None, feed)
    with pytest.raises(type(theirs.value), match="Invalid rank for input"):
        ours.run(None, feed)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        (TensorProto.FLOAT, np.array([1, 2], ">f4")),
        (TensorProto.INT64, np.array([1, 2], ">i8")),
        (TensorProto.STRING, np.array(["ab"], ">U2")),
    ],
)
def test_run__big_endian__refused_before_it_runs(pair: Pair, element: int, value: Any) -> None:
    ours, _ = pair(small_models.identity(element))
    with pytest.raises(BigEndianTensor, match=r"big-endian .* give \.astype"):
        ours.run(None, {"x": value})
    assert ours.receipt is None


def test_run__big_endian_in_a_sequence__refused(pair: Pair) -> None:
    ours, _ = pair(small_models.sequences())
    with pytest.raises(BigEndianTensor):
        ours.run(None, {"x": [np.array([1], ">f4")]})


def test_run__nan_payload_and_negative_zero__kept(pair: Pair) -> None:
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000], np.uint32)
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    feed = {"x": bits.view(np.float32)}
    outputs, receipt = ours.run_with_receipt(None, feed)
    assert same(outputs, bare.run(None, feed))
    assert receipt.inputs[0].data == receipt.outputs[0].data == bits.tobytes()


class Labelled(np.ndarray):  # type: ignore[type-arg]
    """A subclass, as libraries have them."""


def test_run__masked_and_read_only_arrays__as_onnxruntime_reads_them(pair: Pair) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    for value in (
        np.ma.array([1, 2], mask=[False, True], dtype=np.float32),
        np.broadcast_to(np.float32(1), (3,)),
        np.float32([[1, 2]]).view(Labelled),
    ):
        expected = bare.run(None, {"x": value})
        outputs, receipt = ours.run_with_receipt(None, {"x": value})
        assert same(outputs, expected)
        assert same(receipt.inputs[0].array(), expected[0])


@pytest.mark.parametrize(
    ("element", "name", "raw"),
    [
        (TensorProto.BFLOAT16, "bfloat16", np.array([0x3F80, 0x4000], np.uint16)),
        (TensorProto.FLOAT8E4M3FN, "float8_e4m3fn", np.array([1, 0xFF], np.uint8)),
    ],
)
def test_run__types_that_numpy_lacks__committed_from_ortvalues(
    pair: Pair, element: int, name: str, raw: Any
) -> None:
    ours, _ = pair(small_models.identity(element))
    value = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, element)
    ours.run_with_ort_values(None, {"x": value})
    receipt = ours.receipt
    assert (receipt.inputs[0].dtype, receipt.outputs[0].dtype) == (element, element)
    assert same(receipt.outputs[0].array(), raw.view(getattr(ml_dtypes, name)))


def test_run__float8_given_back_as_bytes__committed_as_float8(pair: Pair) -> None:
    ours, bare = pair(small_models.identity(TensorProto.FLOAT8E4M3FN))
    raw = np.array([1, 2], np.uint8)
    value = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, 17)
    outputs, receipt = ours.run_with_receipt(None, {"x": value})
    assert same(outputs, bare.run(None, {"x": value}))
    assert outputs[0].dtype == np.uint8
    assert receipt.outputs[0].dtype == 17


def test_run__int4__packed_as_onnx_has_it(pair: Pair) -> None:
    ours, _ = pair(small_models.to_int4())
    value = onnxruntime.OrtValue.ortvalue_from_numpy(np.float32([1, -2, 3]))
    ours.run_with_ort_values(None, {"x": value})
    assert ours.receipt.outputs[0].data == b"\xe1\x03"
    assert ours.receipt.outputs[0].array().astype(int).tolist() == [1, -2, 3]


def test_run_with_ort_values__string_output__committed(pair: Pair) -> None:
    ours, _ = pair(small_models.to_strings())
    value = onnxruntime.OrtValue.ortvalue_from_numpy(np.float32([1, 2.5]))
    ours.run_with_ort_values(None, {"x": value})
    assert ours.receipt.outputs[0].array().tolist() == ["1", "2.5"]


def test_run_with_ort_values__sequence__its_outputs_are_in_the_error(pair: Pair) -> None:
    source = small_models.model(
        [small_models.helper.make_node("SequenceConstruct", ["x"], ["y"])],
        [small_models.tensor("x", small_models.FLOAT)],
        [small_models.helper.make_tensor_sequence_value_info("y", small_models.FLOAT, None)],
    )
    ours, bare = pair(source)
    value = np.float32([1])
    with pytest.raises(SealFailed, match="no dense tensor") as raised:
        ours.run_with_ort_values(None, {"x": onnxruntime.OrtValue.ortvalue_from_numpy(value)})
    assert isinstance(raised.value.__cause__, Uncommitted)
    assert raised.value.exit_code == Uncommitted.exit_code
    assert raised.value.outputs[0].is_tensor_sequence()
    assert same(ours.run(None, {"x": value}), bare.run(None, {"x": value}))


def test_run__sequences_maps_optionals__flattened(pair: Pair) -> None:
    ours, bare = pair(small_models.sequences())
    for value in ([np.float32([1, 2]), np.zeros((1, 1), np.float32)], []):
        outputs, receipt = ours.run_with_receipt(None, {"x": value})
        assert same(outputs, bare.run(None, {"x": value}))
        assert [t.name for t in receipt.inputs] == [
            "x#length",
            *(f"x#{i}" for i in range(len(value))),
        ]

    ours, bare = pair(small_models.optional())
    for feed, names in (
        ({"x": np.float32([1])}, ["x"]),
        ({"x": None}, ["x#absent"]),
        ({"x": [1.0]}, ["x"]),
        ({}, []),
    ):
        outputs, receipt = ours.run_with_receipt(None, feed)
        assert same(outputs, bare.run(None, feed))
        assert [t.name for t in receipt.inputs] == names

    ours, bare = pair(small_models.zip_maps())
    feed = {"x": np.float32([[0.1, 0.2]])}
    outputs, receipt = ours.run_with_receipt(None, feed)
    assert same(outputs, bare.run(None, feed))
    assert [t.name for t in receipt.outputs] == ["y#length", "y#0#keys", "y#0#values"]
    assert receipt.outputs[1].array().tolist() == list(outputs[0][0])


def test_run__map__committed_in_the_order_of_its_keys(pair: Pair) -> None:
    ours, bare = pair(small_models.maps())
    for value in ({"b": 2.5, "a": 1}, {"a": np.float64(0.1)}, {"z": 1.0}):
        outputs, receipt = ours.run_with_receipt(None, {"x": value})
        assert same(outputs, bare.run(None, {"x": value}))
        keys = receipt.inputs[0].array().tolist()
        assert keys == sorted(value)
        assert receipt.inputs[1].array().tolist() == [np.float32(value[k]) for k in keys]


@pytest.mark.parametrize("value", [{}, [{"a": 1.0}], {1: 1.0}, {"a": "b"}, {None: 1.0}])
def test_run__bad_map__onnxruntimes_own_error(pair: Pair, value: Any) -> None:
    ours, bare = pair(small_models.maps())
    with pytest.raises(Exception) as theirs:
        bare.run(None, {"x": value})
    with pytest.raises(type(theirs.value)) as mine:
        ours.run(None, {"x": value})
    assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize(
    "value", [[[1.0]], [np.zeros(2)], np.zeros(2, np.float32), (np.zeros(2, np.float32),), None]
)
def test_run__bad_sequence__onnxruntimes_own_error(pair: Pair, value: Any) -> None:
    ours, bare = pair(small_models.sequences())
    with pytest.raises(Exception) as theirs:
        bare.run(None, {"x": value})
    with pytest.raises(type(theirs.value)):
        ours.run(None, {"x": value})


def test_capture__names_collide__refused() -> None:
    inputs = Inputs([("x", "seq(tensor(float))"), ("x#length", "tensor(int64)")])
    with pytest.raises(BadTensor, match="'x#length'"):
        inputs.capture({"x": [], "x#length": np.int64(1).reshape(())})


def test_outputs__sparse__refused() -> None:
    with pytest.raises(BadTensor, match="sparse"):
        Outputs([("y", "sparse_tensor(float)")]).tensors(["y"], [object()])


def test_capture__unknown_kind__is_left_to_onnxruntime() -> None:
    with pytest.raises(Unfit):
        Inputs([("x", "opaque(a,b)")]).capture({"x": 1})


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("tensor(float)", 1), ("tensor(double)", 11), ("tensor(string)", 8),
        ("tensor(Float8E4M3FN)", 17), ("tensor(Float8E5M2FNUZ)", 20), ("tensor(bfloat16)", 16),
        ("tensor(int4)", 22), ("seq(tensor(float))", None), ("tensor(nothing)", None),
    ],
)  # fmt: skip
def test_element_number__of_onnxruntimes_names(kind: str, number: int | None) -> None:
    assert element_number(kind) == number
