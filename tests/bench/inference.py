"""Inference with receipts, beside onnxruntime alone: what a receipt adds.

One thread for onnxruntime, runs in turns, medians of differences; journal and signature included.

A machine that is shared takes its caches away while a long run lasts, so what comes after one is
slower, whatever it is. The rows "after a pause" tell how much: the same small run as before, with
7 ms of a loop that touches nothing between two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
from counterfoil.hashing import lanes
from counterfoil.journal import Journal

from .home import home
from .rows import Row
from .timing import added

PAUSE = 0.007
"""Seconds: about what magika runs."""


def rows(quick: bool) -> Iterator[Row]:
    """magika, a small network, and tensors of several sizes passed through."""
    import onnxruntime

    lanes.available()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    seconds = 2.0 if quick else 10.0
    with tempfile.TemporaryDirectory() as folder:
        models = list(_models(Path(folder)))
        for durability in ("normal", "full"):
            with home(durability) as profile, Journal.open(profile) as journal:
                for name, path, feed, size in models:
                    bare: Any = onnxruntime.InferenceSession(path, options)
                    ours = counterfoil.InferenceSession(path, options, journal=journal)
                    alone, more = added(
                        lambda bare=bare, feed=feed: bare.run(None, feed),
                        lambda ours=ours, feed=feed: ours.run(None, feed),
                        seconds=seconds if size < 10**6 else seconds / 2,
                    )
                    yield from _told(name, durability, alone, more, size)
                    if name != "magika" and size <= 10_000 and durability == "normal":
                        paused = added(
                            lambda bare=bare, feed=feed: bare.run(None, feed),
                            lambda ours=ours, feed=feed: ours.run(None, feed),
                            seconds=seconds,
                            idle=PAUSE,
                        )
                        yield _after_a_pause(name, durability, *paused)


def _told(name: str, durability: str, alone: float, more: float, size: int) -> Iterator[Row]:
    what = f"{name}, {durability}"
    if size >= 10**6:
        yield Row(
            what=what,
            ours=size / more / 1e6,
            unit="MB/s",
            more=True,
            target=500 if durability == "normal" else None,
            note=f"{size:,} bytes, both sides; the run alone {alone * 1e6:,.0f} µs",
        )
        return
    normal = durability == "normal"
    yield Row(what=f"{what}: added", ours=more * 1e6, unit="µs", peer="the run alone",
              peers=alone * 1e6, target=150 if normal and size <= 10_000 and alone < 1e-3 else None,
              note=f"{size:,} bytes, both sides")  # fmt: skip
    if name == "magika":
        yield Row(what=f"{what}: added, of the run alone", ours=100 * more / alone, unit="%",
                  target=5 if normal else None)  # fmt: skip


def _after_a_pause(name: str, durability: str, alone: float, more: float) -> Row:
    return Row(what=f"{name}, {durability}, after a pause: added", ours=more * 1e6, unit="µs",
               peer="the run alone", peers=alone * 1e6, note=f"{PAUSE * 1e3:g} ms")  # fmt: skip


def _models(folder: Path) -> Iterator[tuple[str, str, dict[str, Any], int]]:
    made = np.random.default_rng(1)
    try:
        import magika
    except ImportError:
        pass
    else:
        found = sorted((Path(magika.__file__).parent / "models").glob("standard_v*/model.onnx"))
        feed = made.integers(0, 257, (1, 2048), dtype=np.int32)
        yield "magika", str(found[-1]), {"bytes": feed}, 8192 + 4 * 214
    mlp = _mlp(folder)
    yield "network of two layers", mlp, {"x": made.random((1, 64), dtype=np.float32)}, 296
    same = _identity(folder)
    for count in (4, 1250, 262_144, 4_194_304):
        feed = {"x": made.random(count, dtype=np.float32)}
        yield f"{4 * count:,} bytes passed through", same, feed, 8 * count


def _mlp(folder: Path) -> str:
    from onnx import TensorProto, helper, numpy_helper

    made = np.random.default_rng(2)
    weights = [
        numpy_helper.from_array(made.random(shape, dtype=np.float32), name)
        for name, shape in (("a", (64, 128)), ("b", (128, 10)))
    ]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "a"], ["h"]),
            helper.make_node("Relu", ["h"], ["r"]),
            helper.make_node("MatMul", ["r", "b"], ["y"]),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        weights,
    )
    return _saved(graph, folder / "mlp.onnx")


def _identity(folder: Path) -> str:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    return _saved(graph, folder / "identity.onnx")


def _saved(graph: Any, path: Path) -> str:
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return str(path)
