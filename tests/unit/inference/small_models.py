"""Models of a few nodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def model(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    initializers: Sequence[Any] = (),
    opset: int = 21,
) -> bytes:
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=10,
    )
    return bytes(made.SerializeToString())


def tensor(name: str, element: int, shape: Sequence[Any] | None = None) -> Any:
    return helper.make_tensor_value_info(name, element, shape)


def identity(element: int) -> bytes:
    """x → y, of one element type and any shape."""
    return model(
        [helper.make_node("Identity", ["x"], ["y"])], [tensor("x", element)], [tensor("y", element)]
    )


def typed(kind: Any) -> bytes:
    """x → y, of one type."""
    return model(
        [helper.make_node("Identity", ["x"], ["y"])],
        [helper.make_value_info("x", kind)],
        [helper.make_value_info("y", kind)],
    )


def sequences(element: int = FLOAT) -> bytes:
    """A sequence of tensors, given back."""
    return typed(helper.make_sequence_type_proto(helper.make_tensor_type_proto(element, None)))


def optional() -> bytes:
    """An optional tensor, given back."""
    return typed(helper.make_optional_type_proto(helper.make_tensor_type_proto(FLOAT, None)))


def maps() -> bytes:
    """A map from strings to floats, laid out by the vocabulary a, b."""
    kind = onnx.TypeProto()
    kind.map_type.key_type = STRING
    kind.map_type.value_type.tensor_type.elem_type = FLOAT
    node = helper.make_node(
        "DictVectorizer", ["x"], ["y"], domain="ai.onnx.ml", string_vocabulary=["a", "b"]
    )
    return model([node], [helper.make_value_info("x", kind)], [tensor("y", FLOAT)])


def zip_maps() -> bytes:
    """Rows of two floats as a sequence of maps with the keys b and a."""
    kind = onnx.TypeProto()
    inner = kind.sequence_type.elem_type.map_type
    inner.key_type = STRING
    inner.value_type.tensor_type.elem_type = FLOAT
    node = helper.make_node(
        "ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_strings=["b", "a"]
    )
    return model([node], [tensor("x", FLOAT)], [helper.make_value_info("y", kind)])


def many() -> bytes:
    """Of b and a the sum and the difference, and a times w, an initialiser that may be fed."""
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
        helper.make_node("Mul", ["a", "w"], ["product"]),
    ]
    weight = numpy_helper.from_array(np.full(2, 3, dtype=np.float32), "w")
    return model(
        nodes,
        [tensor("b", FLOAT, ["n"]), tensor("w", FLOAT, [2]), tensor("a", FLOAT, ["n"])],
        [tensor("sum", FLOAT), tensor("product", FLOAT), tensor("difference", FLOAT)],
        [weight],
    )


def to_int4() -> bytes:
    """Floats as int4."""
    return model(
        [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])],
        [tensor("x", FLOAT)],
        [tensor("y", TensorProto.INT4)],
        [
            helper.make_tensor("s", FLOAT, [], [1.0]),
            helper.make_tensor("z", TensorProto.INT4, [], [0]),
        ],
    )


def to_strings() -> bytes:
    """Floats written out."""
    return model(
        [helper.make_node("Cast", ["x"], ["y"], to=STRING)],
        [tensor("x", FLOAT)],
        [tensor("y", STRING)],
    )


def random() -> bytes:
    """Noise of the input's shape."""
    return model(
        [helper.make_node("RandomNormalLike", ["x"], ["y"])],
        [tensor("x", FLOAT)],
        [tensor("y", FLOAT)],
    )


WEIGHTS = np.arange(600, dtype=np.float32)


def external(location: str = "weights.bin", *, offset: int = 0, extra: Sequence[str] = ()) -> bytes:
    """x + 600 floats that lie in another file."""
    names = ["w", *(f"w{i}" for i in range(len(extra)))]
    tensors = []
    for name, where in zip(names, [location, *extra], strict=True):
        proto = TensorProto(name=name, data_type=FLOAT, dims=[600])
        proto.data_location = TensorProto.EXTERNAL
        for key, value in (("location", where), ("offset", str(offset)), ("length", "2400")):
            proto.external_data.add(key=key, value=value)
        tensors.append(proto)
    return model(
        [helper.make_node("Sum", ["x", *names], ["y"])],
        [tensor("x", FLOAT, [600])],
        [tensor("y", FLOAT, [600])],
        tensors,
    )


def put_external(folder: Path, location: str = "weights.bin") -> Path:
    """The model of `external`, with its file, in a folder."""
    (folder / location).parent.mkdir(parents=True, exist_ok=True)
    (folder / location).write_bytes(WEIGHTS.tobytes())
    path = folder / "adder.onnx"
    path.write_bytes(external(location))
    return path
