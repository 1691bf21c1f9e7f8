"""A server under load, with receipts and without.

Two servers on loopback that differ in `--no-receipts` alone are loaded in turns by wrk, one small
process in C, on the same processors; JSON both ways, one row a request, one thread a model, medians
of the turns. Every answer is then held against the journal: as many receipts as answers.
"""

from __future__ import annotations

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .rows import Row

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

CONNECTIONS = (1, 16)

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"inputs":[{"name":"x","shape":[1,%d],"datatype":"FP32","data":[%s]}]}'
"""

Turn = tuple[int, float, float]
"""Answers, answers a second, 99th percentile in ms."""


def rows(quick: bool) -> Iterator[Row]:
    """Two models, one connection and sixteen: answers a second, and the slowest hundredth."""
    if shutil.which("wrk") is None:
        yield Row(what="answers a second", ours=0, unit="/s", more=True, peer="no receipts",
                  note="wrk is missing: apt-get install wrk")  # fmt: skip
        return
    from serving import Server, environment, linear, put

    folder = Path(tempfile.mkdtemp(prefix="counterfoil-load-"))
    models = {"16 × 8 weights": ("linear", 16), "four layers of 1,024²": ("layers", 1024)}
    put(folder / "models", "linear", linear())
    put(folder / "models", "layers", layers())
    on = Server(folder / "models", environment(folder / "home"), "--threads", "1")
    off = Server(folder / "models", environment(folder / "none"), "--threads", "1", "--no-receipts")
    rounds, seconds = (3, 1) if quick else (5, 3)
    answered = 0
    try:
        for what, (name, width) in models.items():
            script = folder / f"{name}.lua"
            script.write_text(SCRIPT % (width, ",".join(["0.5"] * width)))
            for connections in CONNECTIONS:
                turns: dict[str, list[Turn]] = {"on": [], "off": []}
                for _ in range(rounds):
                    for key, server in (("off", off), ("on", on)):
                        url = f"{server.url}/v2/models/{name}/infer"
                        turns[key].append(_wrk(url, script, connections, seconds))
                answered += sum(count for count, _, _ in turns["on"])
                with_, without = (
                    [statistics.median(turn[i] for turn in turns[key]) for i in (1, 2)]
                    for key in ("on", "off")
                )
                told = f"{what}, {connections} connection{'s' * (connections > 1)}"
                yield Row(what=f"{told}: answers", ours=with_[0], unit="/s", more=True,
                          peer="no receipts", peers=without[0])  # fmt: skip
                yield Row(what=f"{told}: 99th percentile", ours=with_[1], unit="ms",
                          peer="no receipts", peers=without[1])  # fmt: skip
        with on.client() as http:
            found = http.get("/v2/logs").json()["logs"][0]["sealed"]
        # What wrk left unfinished at a turn's end was sealed and answered to nobody.
        assert answered <= found <= answered + rounds * sum(CONNECTIONS) * len(models)
    finally:
        on.stop()
        off.stop()
        shutil.rmtree(folder)


def layers(width: int = 1024, count: int = 4) -> bytes:
    """x [n, width] through so many square layers: some milliseconds a row."""
    from onnx import TensorProto, helper, numpy_helper
    from serving import model, value

    rng = np.random.default_rng(1)
    nodes, weights, last = [], [], "x"
    for i in range(count):
        out = "y" if i == count - 1 else f"h{i}"
        made = rng.standard_normal((width, width)).astype(np.float32) / 32
        weights.append(numpy_helper.from_array(made, f"w{i}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{i}"], [out]))
        last = out
    shape = ["n", width]
    x, y = value("x", TensorProto.FLOAT, shape), value("y", TensorProto.FLOAT, shape)
    return model(nodes, [x], [y], weights)


def _wrk(url: str, script: Path, connections: int, seconds: int) -> Turn:
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(script), url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Non-2xx" not in done and "Socket errors" not in done, done
    count, rate = re.search(r"(\d+) requests in", done), re.search(r"Requests/sec:\s+(\S+)", done)
    late = re.search(r"99%\s+([0-9.]+)(us|ms|s)\b", done)
    assert count and rate and late, done
    number, unit = late.groups()
    return int(count[1]), float(rate[1]), float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]
