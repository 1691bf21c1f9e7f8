"""`up`, `run`, `settle`, `verify` in terminals of their own, on a real node that is killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counterfoil.chain import Chain
from counterfoil.cli.demo_inputs import FileTypeModel

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from counterfoil.cli import main; main()"]
READY_SECONDS = 90
pytestmark = [pytest.mark.anvil, pytest.mark.slow]


class Terminals:
    """Commands in one home, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERFOIL_")}
        path = os.pathsep.join([clean.get("PATH", ""), str(ROOT / "node_modules" / ".bin")])
        self.environment = clean | {
            "COUNTERFOIL_HOME": str(self.home),
            "PATH": path,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        }
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        log = (self.folder / f"{len(self.started)}.log").open("w+")
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def up(self) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = self.start("up", "--port", self.port, "--json")
        line = process.stdout.readline()
        assert line, (self.folder / f"{len(self.started) - 1}.log").read_text()
        said = json.loads(line)
        assert "error" not in said, said
        return process, said

    def run(
        self, *arguments: object, code: int | None = 0, environment: Mapping[str, str] | None = None
    ) -> Any:
        done = subprocess.run(
            [*COMMAND, *map(str, arguments), "--json"], cwd=self.folder,
            env={**self.environment, **(environment or {})},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, done.stdout + done.stderr
        lines = done.stdout.strip()
        return json.loads(lines) if lines else None

    def words(self, *files: str) -> list[list[str]]:
        results = self.run("verify", *files, "--rpc", self.url)["results"]
        return [r["verified"] for r in results]

    @property
    def state(self) -> Path:
        return self.home / "data" / "local" / "chain" / "state.json"

    def node_pid(self) -> int:
        return int(json.loads(self.state.with_name("node.json").read_text())["pid"])

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(20)


@pytest.fixture
def terminals(tmp_path) -> Iterator[Terminals]:
    made = Terminals(tmp_path)
    model = FileTypeModel.shipped()
    shutil.copy(model.path, tmp_path / "model.onnx")
    np.save(tmp_path / "x.npy", model.features((ROOT / "README.md").read_bytes()))
    yield made
    made.end()


ALL = ["signed", "opened", "included", "anchored"]


def test_up__killed_with_its_node__goes_on_where_the_chain_was(terminals):
    t = terminals
    assert t.run("status")["logs"] == []
    up, said = t.up()
    assert said["rpc"] == t.url
    genesis = Chain.connect(t.url).genesis
    assert t.run("status")["rpc"] == t.url
    with_key = t.url.replace("http://", "http://user:hush@") + "/?key=hush"
    findings = t.run("doctor", environment={"COUNTERFOIL_RPC": with_key}, code=None)["findings"]
    assert next(f["text"] for f in findings if f["what"] == "node").startswith(f"{t.url}, block ")
    assert "hush" not in json.dumps(findings)
    courts = {f["what"]: f["text"] for f in findings if f["what"] in ("court", "faults")}
    assert courts == {"court": said["court"], "faults": said["faultCourt"]}
    swapped = {"COUNTERFOIL_FAULT_COURT": said["ledger"]}
    findings = t.run("doctor", environment=swapped, code=1)["findings"]
    bad = [f for f in findings if f["level"] == "bad"]
    assert [f["what"] for f in bad] == ["faults"]
    assert bad[0]["text"].endswith("correct the profile's fault_court")
    assert findings[-1]["what"] == "gas"  # what comes after it was looked at too

    first = t.run("run", "model.onnx", "--input", "x.npy", "--receipt", "a.json")
    assert first["settleBy"] > time.time()  # the log is open, so the receipt promises
    watch = t.start("settle", "--watch", "--interval", "0.5")
    assert t.run("settle")["settled"] == 1
    assert t.words("a.json") == [ALL]

    # Something else wants the node's place
    error = t.run("up", "--port", t.port, code=69)["error"]
    assert error["message"].startswith(f"port {t.port} is taken")

    # What the second batch does to the chain is lost with the machine
    time.sleep(1)
    kept = t.state.read_bytes()
    t.run("run", "model.onnx", "--input", "x.npy", "--receipt", "b.json")
    assert t.run("settle")["settled"] == 1
    time.sleep(random.random())
    for pid in (up.pid, t.node_pid()):
        os.kill(pid, signal.SIGKILL)
    up.wait(20)
    t.state.write_bytes(kept)
    assert t.run("settle", code=75)["error"]["class"] == "ChainUnreachable"

    up, again = t.up()
    assert (again["ledger"], Chain.connect(t.url).genesis) == (said["ledger"], genesis)
    t.run("settle")
    assert t.words("a.json", "b.json") == [ALL, ALL]
    t.run("run", "model.onnx", "--input", "x.npy", "--receipt", "c.json")
    t.run("settle")
    assert t.words("a.json", "b.json", "c.json") == [ALL] * 3
    (log,) = t.run("status")["logs"]
    assert (log["sealed"], log["batches"]["final"], log["broken"]) == (3, 3, False)

    # Wrong chain: the file is of another
    other = json.loads((t.folder / "a.json").read_text()) | {"chainId": 1}
    (t.folder / "other.json").write_text(json.dumps(other))
    assert t.run("verify", "other.json", "--rpc", t.url, code=69)["error"]["class"] == "WrongChain"

    watch.send_signal(signal.SIGTERM)
    assert watch.wait(60) == 0
    assert t.run("doctor")["findings"]
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
    assert not t.state.with_name("node.json").exists()


@pytest.mark.parametrize("moment", range(2))
def test_up__killed_at_a_random_moment__starts_again(terminals, moment):
    t = terminals
    process = t.start("up", "--port", t.port)
    deadline = time.monotonic() + READY_SECONDS
    while not t.state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(random.random() * (0.3 if moment else 3))
    process.kill()  # its node lives on, as after a kill by memory pressure
    process.wait(20)
    up, said = t.up()
    first = t.run("run", "model.onnx", "--input", "x.npy")
    assert first["settleBy"]
    assert t.run("settle")["settled"] == 1
    assert t.words("receipt.json") == [ALL]
    assert said["chainId"] == 31337
    up.terminate()
    assert up.wait(60) == 0


def test_up__ctrl_c_before_it_serves__ends_its_node(terminals):
    t = terminals
    process = t.start("up", "--port", t.port)
    notes = t.state.with_name("node.json")
    deadline = time.monotonic() + READY_SECONDS
    while not notes.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in (0, 130)
    assert not notes.exists()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", t.port))  # nobody listens there any more


def test_up__chain_deleted__refused_until_a_new_log_is_begun(terminals):
    t = terminals
    up, _ = t.up()
    t.run("run", "model.onnx", "--input", "x.npy", "--receipt", "old.json")
    up.terminate()
    assert up.wait(60) == 0
    shutil.rmtree(t.state.parent)

    refused = t.start("up", "--port", t.port, "--json")
    assert json.loads(refused.stdout.read())["error"]["class"] == "OtherGenesis"
    assert refused.wait(60) == 74
    t.run("key", "rotate")
    up, _ = t.up()
    t.run("run", "model.onnx", "--input", "x.npy", "--receipt", "new.json")
    settled = subprocess.run(
        [*COMMAND, "settle", "--json"], cwd=t.folder, env=t.environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert settled.returncode == 0, settled.stdout + settled.stderr
    old, new = map(json.loads, settled.stdout.splitlines())
    assert "genesis" in old["passedOver"] and new["settled"] == 1
    assert t.words("new.json") == [ALL]
    watch = t.start("settle", "--watch", "--interval", "0.5")
    time.sleep(8)
    assert watch.poll() is None  # what is past does not end it
    watch.terminate()
    assert watch.wait(60) == 0
