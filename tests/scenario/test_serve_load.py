"""Under load, overload, signals and kills: what a client was told is in the journal."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from counterfoil.config import load_profile
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.journal import Journal
from counterfoil.verify.offline import check_openings, check_signature
from serving import Server, environment, linear, put, slow

pytestmark = pytest.mark.slow


@pytest.fixture
def repository(tmp_path) -> Path:
    put(tmp_path / "models", "linear", linear())
    return put(tmp_path / "models", "slow", slow())


@pytest.fixture
def env(tmp_path) -> dict[str, str]:
    return environment(tmp_path / "home")


@pytest.fixture
def start(repository, env) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def make(*options: str) -> Server:
        started.append(Server(repository, env, *options))
        return started[-1]

    yield make
    for server in started:
        server.kill()


@contextmanager
def journal(env, monkeypatch) -> Iterator[Journal]:
    for name in ("COUNTERFOIL_HOME", "COUNTERFOIL_SECRET"):
        monkeypatch.setenv(name, env[name])
    with Journal.open(load_profile("local"), create=False) as opened:
        yield opened


def linear_body(number: int) -> dict:
    x = np.arange(16) + number
    return {
        "id": str(number),
        "inputs": [{"name": "x", "shape": [1, 16], "datatype": "FP32", "data": x.tolist()}],
    }


def slow_body(rounds: int) -> dict:
    return {"inputs": [{"name": "x", "shape": [], "datatype": "INT64", "data": [rounds]}]}


async def load(url: str, count: int, at_once: int, got: list[ReceiptFile], **limits) -> list[int]:
    """So many requests; receipts as they come, and the statuses. A broken connection is 0."""
    left = iter(range(count))
    statuses: list[int] = []

    async def worker(client: httpx.AsyncClient) -> None:
        for number in left:
            try:
                answer = await client.post("/v2/models/linear/infer", json=linear_body(number))
            except httpx.TransportError:
                statuses.append(0)
                continue
            statuses.append(answer.status_code)
            if answer.status_code == 200:
                text = answer.json()["parameters"]["receipt"]
                got.append(ReceiptFile.parse(text.encode()))

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await asyncio.gather(*(worker(client) for _ in range(at_once)))
    return statuses


def check_all_in(opened: Journal, got: list[ReceiptFile]) -> None:
    """Every receipt that a client got is in the journal as it got it, each number once."""
    numbers = [file.receipt.sequence for file in got]
    assert len(set(numbers)) == len(numbers)
    for file in got:
        assert opened.get(file.receipt.sequence).digest == file.digest
        check_signature(file, ())
    check_openings(got[0])


def test_load__no_receipt_lost_and_no_number_twice(start, env, monkeypatch):
    server, got = start(), []
    statuses = asyncio.run(load(server.url, 400, 16, got))
    assert statuses == [200] * 400
    assert server.stop() == 0
    with journal(env, monkeypatch) as opened:
        check_all_in(opened, got)
        assert opened.next_sequence() == 400
        assert [s.receipt.sequence for s in opened.iterate()] == list(range(400))


def test_overload__503_with_retry_after_and_the_accepted_are_answered(start, env, monkeypatch):
    server, got = start("--running", "1", "--waiting", "2"), []
    statuses = asyncio.run(load(server.url, 200, 24, got))
    assert set(statuses) == {200, 503}
    assert statuses.count(200) == len(got) >= 3
    with server.client() as http:
        body = linear_body(0)
        assert http.post("/v2/models/linear/infer", json=body).status_code == 200
    assert server.stop() == 0
    with journal(env, monkeypatch) as opened:
        check_all_in(opened, got)
        assert opened.next_sequence() == len(got) + 1  # nothing was sealed for nobody


def test_overload__says_when_to_come_again(start):
    server = start("--running", "1", "--waiting", "0")
    with server.client() as http:
        busy = threading.Thread(
            target=lambda: server.client().post("/v2/models/slow/infer", json=slow_body(400))
        )
        busy.start()
        wait_for(lambda: accepted(http) == 1)
        answer = http.post("/v2/models/linear/infer", json=linear_body(0))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert list(answer.json()) == ["error"]
        busy.join()
        assert http.post("/v2/models/linear/infer", json=linear_body(0)).status_code == 200


def test_timeout__a_run_is_ended_and_one_that_waits_is_not_begun(start, env, monkeypatch):
    server = start("--running", "1", "--timeout", "1.5")
    with server.client() as http:
        answers: list[httpx.Response] = []

        def ask(model: str, body: dict) -> threading.Thread:
            url = f"{server.url}/v2/models/{model}/infer"
            thread = threading.Thread(
                target=lambda: answers.append(httpx.post(url, json=body, timeout=60))
            )
            thread.start()
            return thread

        first = ask("slow", slow_body(10**7))
        wait_for(lambda: accepted(http) == 1)
        began = time.monotonic()
        second = ask("linear", linear_body(1))
        first.join()
        second.join()
        assert time.monotonic() - began < 10
        by_status = {a.status_code: a for a in answers}
        assert 504 in by_status and "was ended" in by_status[504].json()["error"]
        # The other one's time began later; it ran at once, or was not begun.
        assert set(by_status) <= {200, 503, 504}
        assert http.post("/v2/models/linear/infer", json=linear_body(2)).status_code == 200
    assert server.stop() == 0
    with journal(env, monkeypatch) as opened:
        assert opened.next_sequence() == [a.status_code for a in answers].count(200) + 1


def test_sigterm__finishes_what_it_accepted(start, env, monkeypatch):
    server = start()
    with server.client() as http:
        answers: list[httpx.Response] = []
        threads = [
            threading.Thread(
                target=lambda: answers.append(
                    httpx.post(
                        f"{server.url}/v2/models/slow/infer", json=slow_body(150), timeout=60
                    )
                )
            )
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        wait_for(lambda: accepted(http) == 3)
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    assert [a.status_code for a in answers] == [200] * 3
    got = [ReceiptFile.parse(a.json()["parameters"]["receipt"].encode()) for a in answers]
    with journal(env, monkeypatch) as opened:
        check_all_in(opened, got)


def test_sigterm__ends_event_streams(start):
    server = start()
    with server.client() as http, http.stream("GET", "/v2/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        assert all(line.startswith(":") or not line for line in lines)


@pytest.mark.slow
def test_kill_in_mid_load__every_receipt_that_left_is_in_the_journal(start, env, monkeypatch):
    got: list[ReceiptFile] = []
    for round_ in range(3):
        server = start()
        before = len(got)
        thread = threading.Thread(target=lambda url=server.url: asyncio.run(load(url, 600, 8, got)))
        thread.start()
        wait_for(lambda before=before, round_=round_: len(got) > before + 40 * (round_ + 1))
        server.kill()
        thread.join()
    server = start()  # it goes on where the journal is
    asyncio.run(load(server.url, 20, 4, got))
    assert server.stop() == 0
    with journal(env, monkeypatch) as opened:
        check_all_in(opened, got)
        sealed = list(opened.iterate())
        assert [s.receipt.sequence for s in sealed] == list(range(len(sealed)))
        assert len(sealed) >= len(got)


def test_two_servers_on_one_journal__one_log_without_gaps(start, env, monkeypatch):
    first, second = start(), start()
    got: list[ReceiptFile] = []

    async def both() -> list[list[int]]:
        return await asyncio.gather(load(first.url, 120, 6, got), load(second.url, 120, 6, got))

    assert asyncio.run(both()) == [[200] * 120] * 2
    digest = "0x" + got[-1].digest.hex()
    for server in (first, second):  # each knows what the other has sealed
        with server.client() as http:
            assert http.get(f"/v2/receipts/{digest}").status_code == 200
    assert first.stop() == 0 and second.stop() == 0
    with journal(env, monkeypatch) as opened:
        check_all_in(opened, got)
        assert opened.next_sequence() == 240


def test_journal_that_refuses__no_answer_without_a_receipt(start, env, monkeypatch):
    server = start()
    with server.client() as http:
        assert http.post("/v2/models/linear/infer", json=linear_body(0)).status_code == 200
        with journal(env, monkeypatch) as opened:
            halt(opened)
        answer = http.post("/v2/models/linear/infer", json=linear_body(1))
        assert answer.status_code == 503 and "no receipt" in answer.json()["error"]
        assert "data" not in answer.text and "Retry-After" in answer.headers
        ready = http.get("/v2/health/ready")
        assert ready.status_code == 503 and "no receipts" in ready.json()["error"]
        assert http.get("/v2/health/live").status_code == 200
        assert "counterfoil_seal_failures_total 1.0" in http.get("/metrics").text
    assert server.stop() == 0
    open_handed = start("--unsealed")
    with open_handed.client() as http:
        answer = http.post("/v2/models/linear/infer", json=linear_body(1))
        assert answer.status_code == 200 and "Counterfoil-Receipt" not in answer.headers
        assert "parameters" not in answer.json()
        assert http.get("/v2/health/ready").status_code == 200
        assert "counterfoil_inferences_unsealed_total 1.0" in http.get("/metrics").text


def halt(opened: Journal) -> None:
    """Have the journal find out that it was restored: the chain says more than it holds."""
    from types import SimpleNamespace

    from counterfoil.errors import RestoredBackup

    ahead = SimpleNamespace(
        operator="0x" + "11" * 20, opened_at=1, closes_at=2**40, revoked_at=0, max_delay=60,
        next_sequence=10**6,
    )  # fmt: skip
    with pytest.raises(RestoredBackup):
        opened.note_chain(bytes(32), ahead, int(time.time()))


def accepted(http: httpx.Client) -> int:
    page = http.get("/metrics").text
    line = next(v for v in page.splitlines() if v.startswith("counterfoil_inferences_accepted "))
    return int(float(line.split()[1]))


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)
