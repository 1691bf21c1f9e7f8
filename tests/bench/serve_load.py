"""What receipts cost a server under load: `python tests/bench/serve_load.py [SECONDS]`.

Two servers on loopback that differ in `--no-receipts` alone are loaded in turns with wrk, so that
a busy machine troubles both alike; shown are medians of the turns. wrk, as it is one small
process in C: a client in Python would take the processor that it measures. Every answer is
then held against the journal: as many receipts as answers, without a gap.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scenario"))

from onnx import TensorProto, helper, numpy_helper
from serving import Server, environment, linear, model, put, value

ROUNDS = 5
CONNECTIONS = (1, 16)

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"inputs":[{"name":"x","shape":[1,%d],"datatype":"FP32","data":[%s]}]}'
"""


def layers(width: int = 1024, count: int = 4) -> bytes:
    """x [n, width] through so many square layers: some milliseconds a row."""
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


def wrk(url: str, script: Path, connections: int, seconds: int) -> tuple[int, float, float]:
    """(answers, answers a second, 99th percentile in ms) of one turn."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "-s", str(script), url],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Non-2xx" not in done and "Socket errors" not in done, done
    count = int(re.search(r"(\d+) requests in", done)[1])
    rate = float(re.search(r"Requests/sec:\s+([0-9.]+)", done)[1])
    number, unit = re.search(r"99%\s+([0-9.]+)(us|ms|s)\b", done).groups()
    return count, rate, float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def sealed(server: Server) -> int:
    """Receipts in the server's log."""
    with server.client() as http:
        return http.get("/v2/logs").json()["logs"][0]["sealed"]


def main() -> None:
    """Measure and print."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-load-"))
    widths = {"linear": 16, "layers": 1024}
    put(folder / "models", "linear", linear())
    put(folder / "models", "layers", layers())
    on = Server(folder / "models", environment(folder / "home"), "--threads", "1")
    off = Server(folder / "models", environment(folder / "none"), "--threads", "1", "--no-receipts")
    answered = 0
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    try:
        for name, width in widths.items():
            script = folder / f"{name}.lua"
            script.write_text(SCRIPT % (width, ",".join(["0.5"] * width)))
            for connections in CONNECTIONS:
                turns: dict[str, list[tuple[int, float, float]]] = {"on": [], "off": []}
                for _ in range(ROUNDS):
                    for key, server in (("off", off), ("on", on)):
                        url = f"{server.url}/v2/models/{name}/infer"
                        turns[key].append(wrk(url, script, connections, seconds))
                answered += sum(count for count, _, _ in turns["on"])
                for key in ("off", "on"):
                    rate = statistics.median(r for _, r, _ in turns[key])
                    late = statistics.median(p for _, _, p in turns[key])
                    print(f"{name:7} {connections:3} connections  receipts {key:3}  "
                          f"{rate:7.0f} /s  99%: {late:6.1f} ms", flush=True)  # fmt: skip
        # What wrk left unfinished at a turn's end was sealed and answered to nobody.
        found, unread = sealed(on), ROUNDS * sum(CONNECTIONS) * len(widths)
        print(f"{answered} answers, {found} receipts in the journal")
        assert answered <= found <= answered + unread
    finally:
        on.stop()
        off.stop()
        shutil.rmtree(folder)
    print(f"load average {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
