"""Served receipts settle in the background, and whoever listens hears of it."""

from __future__ import annotations

import json
import threading
import time

import httpx
import pytest
from counterfoil.config import save_profile
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.verify import verify
from serving import Server, environment, linear, put
from world import world

pytestmark = [pytest.mark.slow, pytest.mark.anvil]


def ask(http: httpx.Client, number: int) -> str:
    body = {"inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32", "data": [number] * 16}]}
    answer = http.post("/v2/models/linear/infer", json=body)
    assert answer.status_code == 200, answer.text
    return answer.headers["Counterfoil-Receipt"]


class Listener:
    """Reads an event stream in a thread."""

    def __init__(self, url: str) -> None:
        self.events: list[dict] = []
        self.begun = threading.Event()
        self._url = url
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        assert self.begun.wait(20)

    def _read(self) -> None:
        with httpx.stream("GET", self._url + "/v2/events", timeout=None) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            kind = ""
            for line in stream.iter_lines():
                self.begun.set()
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    assert kind == "receipt"
                    self.events.append(json.loads(line.removeprefix("data: ")))


@pytest.fixture
def settled_world(anvil, tmp_path, monkeypatch):
    """An open log on anvil, under a profile that `counterfoil serve` loads."""
    env = environment(tmp_path / "home")
    for name in ("COUNTERFOIL_HOME", "COUNTERFOIL_SECRET"):
        monkeypatch.setenv(name, env[name])
    accounts = [anvil.account() for _ in range(3)]
    env["PAYER_KEY"] = accounts[1].key.hex()
    made = world(
        anvil.chain, tmp_path, accounts, rpc=anvil.url, payer="env:PAYER_KEY", batch_size=3,
        name="served",
    )  # fmt: skip
    save_profile(made.profile)
    yield made, env
    made.journal.close()


def test_settle__receipts_complete_themselves_and_events_say_so(settled_world, tmp_path, anvil):
    made, env = settled_world
    repository = put(tmp_path / "models", "linear", linear())
    server = Server(repository, env, "--profile", "served", "--settle")
    try:
        with server.client() as http:
            listener = Listener(server.url)
            digests = [ask(http, n) for n in range(3)]
            first = http.get(f"/v2/receipts/{digests[0]}")
            assert ReceiptFile.parse(first.content).receipt.settle_by > 0
            deadline = time.monotonic() + 60
            while {e["digest"] for e in listener.events if e["state"] == "final"} != set(digests):
                assert time.monotonic() < deadline, (listener.events, "".join(server.log))
                time.sleep(0.2)
            assert [e["sequence"] for e in listener.events if e["state"] == "final"] == [0, 1, 2]
            for digest in digests:
                answer = http.get(f"/v2/receipts/{digest}")
                assert answer.headers["Counterfoil-State"] == "final"
                file = ReceiptFile.parse(answer.content)
                assert file.opening is None and file.inclusion is not None
                assert verify(file, trust=made.trust, chain=anvil.chain).anchored
            signer = file.receipt.signer
            batch = BatchFile.parse(http.get(f"/v2/logs/{signer}/batches/0").content)
            assert batch.batch.size == 3
            assert batch.digests == b"".join(bytes.fromhex(d[2:]) for d in digests)
            assert http.get(f"/v2/logs/{signer}/batches/1").status_code == 404
            log = http.get(f"/v2/logs/{signer}").json()
            assert log["pending"]["count"] == 0 and log["batches"] == []
            assert "counterfoil_settling_trouble 0.0" in http.get("/metrics").text
    finally:
        assert server.stop() == 0
    listener.thread.join(10)
    assert not listener.thread.is_alive()


def test_settle__chain_gone__answers_go_on_and_the_metric_says_it(settled_world, tmp_path, anvil):
    _, env = settled_world
    server = Server(
        put(tmp_path / "models", "linear", linear()), env, "--profile", "served", "--settle"
    )
    try:
        with server.client() as http:
            anvil.stop()
            for number in range(4):
                ask(http, number)
            deadline = time.monotonic() + 60
            while "counterfoil_settling_trouble 1.0" not in http.get("/metrics").text:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            ask(http, 5)
    finally:
        assert server.stop() == 0


def test_restart__receipts_of_a_killed_server_settle_by_the_next(settled_world, tmp_path):
    _, env = settled_world
    repository = put(tmp_path / "models", "linear", linear())
    killed = Server(repository, env, "--profile", "served")
    with killed.client() as http:
        digests = [ask(http, n) for n in range(4)]
    killed.kill()
    server = Server(repository, env, "--profile", "served", "--settle")
    try:
        with server.client() as http:
            digests += [ask(http, n) for n in range(4, 6)]
            deadline = time.monotonic() + 60
            states: list[str] = []
            while set(states) != {"final"}:
                assert time.monotonic() < deadline, states
                time.sleep(0.3)
                answers = [http.get(f"/v2/receipts/{d}") for d in digests]
                states = [a.headers["Counterfoil-State"] for a in answers]
    finally:
        assert server.stop() == 0
