"""A small model for tests of commands."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper


def save_model(path: Path, *, names: tuple[str, ...] = ("x",), output: str = "y") -> Path:
    """The sum of float32[1, 4] inputs, plus 1."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    nodes = [helper.make_node("Sum", [*names, "one"], [output])]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in names]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 4])]
    graph = helper.make_graph(nodes, "sum", inputs, outputs, [one])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), str(path))
    return path
