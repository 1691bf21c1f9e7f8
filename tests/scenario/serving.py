"""`counterfoil serve` as a process of a test's own, and models for it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from onnx import TensorProto, helper, numpy_helper


def environment(home: Path, **variables: str) -> dict[str, str]:
    """A user without a configuration, whose key is derived and takes no time."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERFOIL_")}
    return {
        **inherited,
        "COUNTERFOIL_HOME": str(home),
        "COUNTERFOIL_SECRET": secrets.token_hex(32),
        **variables,
    }


class Server:
    """A server on a free port of loopback, ended by its pid.

    Attributes:
        said: its first line, as JSON.
        log: its log's lines, as they came.
    """

    def __init__(self, models: Path, env: Mapping[str, str], *options: str) -> None:
        start = "from counterfoil.cli import main; main()"
        given = ["serve", str(models), "--port", "0", "--json", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-c", start, *given],
            env=dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        if not line.startswith('{"url"'):
            self.process.kill()
            self.process.wait(10)
            self._reader.join(5)
            raise AssertionError(line + self.process.stdout.read() + "".join(self.log))
        self.said: dict[str, Any] = json.loads(line)
        self.url: str = self.said["url"]

    def _read_log(self) -> None:
        for line in self.process.stderr:
            self.log.append(line)

    @property
    def address(self) -> str:
        """Host and port, as tritonclient takes them."""
        return self.url.removeprefix("http://")

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60, **options)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end, and wait.

        Returns:
            Its exit code.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self._reader.join(5)
        return self.process.returncode


def put(root: Path, name: str, model: bytes, version: int = 1, config: str | None = None) -> Path:
    """A model in a repository."""
    folder = root / name / str(version)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    if config is not None:
        (root / name / "config.pbtxt").write_text(config)
    return root


def model(nodes: Any, inputs: Any, outputs: Any, initializers: Any = ()) -> bytes:
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return made.SerializeToString()


def value(name: str, element: int, shape: Any = None) -> Any:
    return helper.make_tensor_value_info(name, element, shape)


def identity(element: int) -> bytes:
    """x → y, of one type and any shape."""
    return model(
        [helper.make_node("Identity", ["x"], ["y"])], [value("x", element)], [value("y", element)]
    )


def linear(rows: int = 16, columns: int = 8) -> bytes:
    """x [n, rows] times constant weights → y [n, columns]."""
    weights = np.random.default_rng(7).standard_normal((rows, columns)).astype(np.float32)
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", TensorProto.FLOAT, ["n", rows])],
        [value("y", TensorProto.FLOAT, ["n", columns])],
        [numpy_helper.from_array(weights, "w")],
    )


def two() -> bytes:
    """a [n] and b [n] of integers → their sum and their difference."""
    kind = TensorProto.INT32
    return model(
        [
            helper.make_node("Add", ["a", "b"], ["sum"]),
            helper.make_node("Sub", ["a", "b"], ["difference"]),
        ],
        [value("a", kind, ["n"]), value("b", kind, ["n"])],
        [value("sum", kind, ["n"]), value("difference", kind, ["n"])],
    )


def slow() -> bytes:
    """x, a number of rounds → y, that many: a loop of matrix products, some ms a round."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["m", "m"], ["mm"]),
            helper.make_node("Softmax", ["mm"], ["next"]),
            helper.make_node("Identity", ["keep"], ["still"]),
        ],
        "body",
        [value("i", TensorProto.INT64, []), value("keep", TensorProto.BOOL, []),
         value("m", TensorProto.FLOAT, [400, 400])],
        [value("still", TensorProto.BOOL, []), value("next", TensorProto.FLOAT, [400, 400])],
    )  # fmt: skip
    start = numpy_helper.from_array(np.eye(400, dtype=np.float32), "start")
    yes = numpy_helper.from_array(np.array(True), "yes")
    return model(
        [
            helper.make_node("Loop", ["x", "yes", "start"], ["last"], body=body),
            helper.make_node("ReduceSum", ["last"], ["y"], keepdims=0),
        ],
        [value("x", TensorProto.INT64, [])],
        [value("y", TensorProto.FLOAT, [])],
        [start, yes],
    )


def sequence() -> bytes:
    """x → a sequence of it alone."""
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    return model(
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        [value("x", TensorProto.FLOAT)],
        [helper.make_value_info("y", kind)],
    )
