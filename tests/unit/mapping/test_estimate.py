"""How long a job takes and how much it writes: told before it begins, and while it runs."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from counterfoil.cli import map as command
from counterfoil.cli.output import Output
from counterfoil.mapping import Mapper, Options, open_data
from counterfoil.mapping import estimate as estimating
from counterfoil.mapping.estimate import Estimate, estimate
from counterfoil.mapping.work import Task, Worker
from support.data_sets import rows, save, save_model


@pytest.fixture
def mapper(tmp_path) -> Mapper:
    data = open_data(save(tmp_path, "npz", rows(2000)))
    return Mapper(save_model(tmp_path / "m.onnx"), data, Options(columns={}, block=250))


@pytest.mark.parametrize("ahead", [3, 7, 63, 2000])
def test_estimate__outputs__what_a_job_writes_however_few_were_tried(mapper, monkeypatch, ahead):
    run, clock = Worker.run, [0.0]

    def slow(self, task):
        clock[0] += 4.0 if task.stop >= ahead else 0.0
        return run(self, task)

    monkeypatch.setattr(estimating.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(Worker, "run", slow)
    found = estimate(mapper.setup, 2000, mapper.block)
    assert found.tried == min(ahead, 2000) and found.blocks == 8
    monkeypatch.setattr(Worker, "run", run)
    worker = Worker(mapper.setup)
    written = sum(
        len(worker.run(Task(block=n, start=250 * n, stop=250 * n + 250)).outputs) for n in range(8)
    )
    assert 0.5 < found.output_for_all / written < 2


@pytest.mark.parametrize(
    ("blocks", "workers", "seconds"), [(1, 64, 200), (4, 2, 100), (5, 2, 120), (4, 1, 200)]
)
def test_seconds_for_all__a_block_is_one_workers(blocks, workers, seconds):
    found = Estimate(rows=100, blocks=blocks, tried=1, seconds=2.0, frame=0, output=1)
    assert found.seconds_for_all(workers) == pytest.approx(seconds)


def test_estimate__no_rows__nothing(mapper):
    found = estimate(mapper.setup, 0, mapper.block)
    assert (found.tried, found.seconds_for_all(2), found.output_for_all) == (0, 0.0, 0)


def test_progress__workers_that_begin_late__rate_of_what_runs(monkeypatch):
    clock, said = [0.0], []
    monkeypatch.setattr(command.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(Output, "note", lambda self, text: said.append(text))
    with ExitStack() as stack:
        progress = command._Progress(Output(json=False), stack)
        progress.begun(10_000, 3_000)
        for _ in range(10):
            clock[0] += 20.0 if not clock[0] else 1.0  # Ray takes twenty seconds to begin
            progress.finished(100)
    assert said == ["estimate  100 rows/s, 63 s left"]
