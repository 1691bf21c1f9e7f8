"""The histogram of what receipts add, and its file."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import counterfoil
import numpy as np
import pytest
from counterfoil.config import load_profile
from counterfoil.inference import latency

from . import small_models


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "_histograms", {})


def test_class_of__every_time__within_its_class() -> None:
    last = -1
    for nanoseconds in [*range(5000), *(2**n + d for n in range(13, 60) for d in (-1, 0, 1))]:
        number = latency.class_of(nanoseconds)
        assert number >= last or nanoseconds < 5000
        last = max(last, number)
        assert latency.bound(number) == pytest.approx(nanoseconds, rel=0.19, abs=1)
    assert last < latency.CLASSES


@pytest.mark.parametrize("share", [0.5, 0.99])
def test_percentile__random_times__as_by_sorting(share: float) -> None:
    times = [int(random.Random(n).lognormvariate(12, 1)) for n in range(2000)]
    counts = [0] * latency.CLASSES
    for each in times:
        counts[latency.class_of(each)] += 1
    exact = sorted(times)[int(share * len(times)) - 1]
    assert latency.percentile(counts, share) == pytest.approx(exact, rel=0.2)


def test_note__from_runs__in_the_journals_folder(home: Path) -> None:
    session = counterfoil.InferenceSession(small_models.identity(small_models.FLOAT))
    folder = latency.folder_of(load_profile())
    assert latency.summary(folder) is None
    began = time.perf_counter()
    for _ in range(20):
        session.run(None, {"x": np.float32([1])})
    took = (time.perf_counter() - began) * 1e6
    latency._write_all()
    found = latency.summary(folder)
    assert found is not None and found["runs"] == 20
    assert 0 < found["medianMicroseconds"] <= found["p99Microseconds"] <= 1.2 * took
    (path,) = (folder / latency.FOLDER).glob("*.json")
    assert path.is_relative_to(home)


def test_summary__several_processes_and_broken_files__added_up(tmp_path: Path) -> None:
    folder = tmp_path / latency.FOLDER
    folder.mkdir()
    now = int(time.time())
    number = str(latency.class_of(1_000_000))
    for name, text in {
        "1-1.json": json.dumps({"until": now, "counts": {number: 3}}),
        "2-1.json": json.dumps({"until": now, "counts": {number: 4}}),
        "3-1.json": json.dumps({"until": now - 2 * latency.SPAN, "counts": {number: 100}}),
        "4-1.json": "{",
        "5-1.json": json.dumps({"until": now, "counts": {"9999": 1}}),
        "6-1.json": "[]",
    }.items():
        (folder / name).write_text(text)
    found = latency.summary(tmp_path)
    assert found is not None and found["runs"] == 7
    assert found["medianMicroseconds"] == pytest.approx(1000, rel=0.19)


def test_note__folder_not_writable__no_error(tmp_path: Path) -> None:
    (tmp_path / latency.FOLDER).write_text("a file where the folder should be")
    for _ in range(3):
        latency.note(tmp_path, 1000)
    latency._write_all()


def test_note__in_a_fork__each_writes_its_own(tmp_path: Path) -> None:
    latency.note(tmp_path, 1000)
    child = os.fork()
    if child == 0:
        latency.note(tmp_path, 1000)
        latency._write_all()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    latency._write_all()
    found = latency.summary(tmp_path)
    assert found is not None and found["runs"] == 2
