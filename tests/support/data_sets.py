"""Small models and data sets for tests of mapping."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

ROWS = 50


def rows(count: int = ROWS) -> NDArray[np.float32]:
    return np.random.default_rng(7).normal(size=(count, 4)).astype(np.float32)


def save_model(path: Path, *, first: Any = "rows", seed: int = 3) -> Path:
    """float32[rows, 4] → the softmax of a product, float32[rows, 5]: it rounds."""
    weights = np.random.default_rng(seed).normal(size=(4, 5)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [first, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [first, 5])],
        [numpy_helper.from_array(weights, "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), str(path))
    return path


def save_parquet(path: Path, values: NDArray[Any], column: str = "x", group: int = 16) -> Path:
    flat = pa.array(np.ascontiguousarray(values).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    pq.write_table(pa.table({"name": [f"r{n}" for n in range(len(values))], column: lists}), path,
                   row_group_size=group)  # fmt: skip
    return path


def save(folder: Path, kind: str, values: NDArray[Any]) -> Path:
    """The same rows as one kind of data set."""
    match kind:
        case "parquet":
            return save_parquet(folder / "d.parquet", values)
        case "parquet folder":
            (folder / "d").mkdir()
            half = len(values) // 3
            save_parquet(folder / "d" / "a.parquet", values[:half])
            save_parquet(folder / "d" / "b.parquet", values[half:])
            (folder / "d" / "_SUCCESS").touch()
        case "jsonl":
            lines = [json.dumps({"x": row.tolist(), "z": 1}) for row in values]
            (folder / "d.jsonl").write_text("\n".join(lines) + "\n\n")
            return folder / "d.jsonl"
        case "npz":
            np.savez(folder / "d.npz", x=values)
            return folder / "d.npz"
        case "npy files":
            (folder / "d").mkdir()
            for n, row in enumerate(values):
                np.save(folder / "d" / f"{n:04d}.npy", row)
        case "raw files":
            (folder / "d" / "deep").mkdir(parents=True)
            for n, row in enumerate(values):
                (folder / "d" / "deep" / f"{n:04d}.bin").write_bytes(row.tobytes())
    return folder / "d"


DECODE = {"npy files": "npy", "raw files": "raw"}
KINDS = ("parquet", "parquet folder", "jsonl", "npz", "npy files", "raw files")
