"""`counterfoil map` on plain processes and in a plain loop: real commands, killed and run again."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.dataset
import pytest
from counterfoil import config, keys, mapping
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.inference import drafts
from counterfoil.mapping import processes
from counterfoil.mapping.points import NAMES
from counterfoil.mapping.tables import part
from counterfoil.mapping.work import Task
from counterfoil.verify import WORDS_OF_OPENING, Trust, verify
from support.data_sets import DECODE, KINDS, ROWS, rows, save, save_model
from support.mapped import Scene, children, done_blocks, ended, plain_loop, wait_for, wait_for_end

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(tmp_path) -> Scene:
    return Scene(tmp_path)


# The same results however they are made


@pytest.mark.parametrize("kind", KINDS)
def test_map__every_kind_of_data__outputs_and_receipts(scene, tmp_path, kind):
    (tmp_path / "other").mkdir()
    data = save(tmp_path / "other", kind, rows())
    options = ["--decode", DECODE[kind]] if kind in DECODE else []
    told = scene.run("--on", "loop", *options, data=data)
    assert (told["rows"], told["sealed"], told["verified"]) == (ROWS, ROWS, ROWS)
    scene.check()
    table = pyarrow.dataset.dataset(scene.out / "outputs").to_table()
    assert table.num_rows == ROWS
    assert ("file" in table.column_names) == (kind in DECODE)


def test_map__on_processes__bit_for_bit_the_plain_loop(scene):
    told = scene.run("--on", "processes", "--workers", 2, "--block", 7)
    assert told["sealed"] == ROWS
    scene.check()
    assert scene.run("--on", "loop")["sealed"] == 0, "complete: nothing is done again"
    scene.check()


def test_map__receipts__make_files_that_verify(scene):
    scene.run("--on", "loop", "--keep", "1h")
    (journal,) = scene.journals()
    for receipt in list(mapping.receipts(scene.out))[::9]:
        file = journal.receipt_file(receipt.sealed.receipt.sequence)
        result = verify(ReceiptFile.parse(file.dump()), trust=Trust.shipped())
        assert set(result.opened) == set(WORDS_OF_OPENING) and result.signed == file.receipt.signer
        assert file.opening.inputs.tensors[0].array().tolist() == [rows()[receipt.row].tolist()]
        assert file.opening.outputs.commitment().digest == file.receipt.outputs
    journal.close()


def test_map__batch__recorded_and_equal_to_batched_runs(scene):
    scene.run("--on", "loop", "--batch", 8, "--block", 20)
    expected = []
    for at in range(0, ROWS, 20):  # a batch never spans two blocks
        expected += plain_loop(scene.model, rows()[at : at + 20], 8)
    for output, wanted in zip(mapping.outputs(scene.out), expected, strict=True):
        assert output.tensors[0].data == wanted.tobytes()
    (journal,) = scene.journals()
    for receipt in mapping.receipts(scene.out):
        file = journal.receipt_file(receipt.sealed.receipt.sequence, openings=False)
        record = json.loads(file.preimage.runtime.options)
        place = receipt.row % 20 % 8
        size = min(8, 20 - receipt.row % 20 // 8 * 8, ROWS - receipt.row + place)
        assert record["batching"] == "fixed"
        assert record["run"] == {"batch": {"first": place, "rows": size}}
    journal.close()


def test_map__several_logs__a_block_each_in_turn(scene):
    told = scene.run("--on", "processes", "--workers", 2, "--block", 7, "--logs", 3)
    assert len(set(told["logs"])) == 3
    scene.check(logs=3)
    for receipt in mapping.receipts(scene.out):
        assert receipt.sealed.receipt.signer == told["logs"][receipt.row // 7 % 3]
    assert 'profile = "local' not in (scene.home / "config.toml").read_text()


def test_map__no_rows__a_job_without_files(scene, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    for data in (tmp_path / "empty.jsonl", save_empty(tmp_path)):
        scene.out = tmp_path / f"{data.name}.out"
        told = scene.run("--on", "processes", data=data)
        assert told["rows"] == told["sealed"] == 0
        assert list(mapping.receipts(scene.out)) == []


def save_empty(folder: Path) -> Path:
    np.savez(folder / "empty.npz", x=np.zeros((0, 4), np.float32))
    return folder / "empty.npz"


def test_map__estimate__seals_and_writes_nothing(scene):
    told = scene.run("--estimate", "--workers", 2)
    assert told["rows"] == told["tried"] == ROWS and told["seconds"] > 0
    assert not scene.out.exists() and not (scene.home / "data").exists()


# What is refused


def test_map__another_model_data_or_option__refused_and_unchanged(scene, tmp_path):
    scene.run("--on", "loop")
    before = {p: p.stat().st_mtime_ns for p in scene.out.rglob("*.parquet")}
    other = tmp_path / "o"
    other.mkdir()
    changed = rows()
    changed[17, 2] += 1
    data = save(other, "npz", changed)
    refused = scene.run("--on", "loop", data=data, code=65)
    assert "the data is not that of the job" in refused["error"]["message"]
    refused = scene.run("--on", "loop", "--public", code=65)
    assert "public false, not true" in refused["error"]["message"]
    kept = scene.model.read_bytes()
    save_model(scene.model, seed=4)
    refused = scene.run("--on", "loop", code=65)
    assert refused["error"]["class"] == "JobChanged" and "model" in refused["error"]["message"]
    scene.model.write_bytes(kept)
    scene.run("--on", "loop")
    assert before == {p: p.stat().st_mtime_ns for p in scene.out.rglob("*.parquet")}
    scene.check()


def test_map__another_journal__refused(scene):
    scene.run("--on", "loop", "--block", 10, point="map.outputs:3", code=-9)
    shutil.move(scene.home, scene.home.with_name("away"))
    refused = scene.run("--on", "loop", code=65)
    assert "which this profile does not have" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--column", "x=z"], "has no column 'z'"),
        (["--column", "q=x"], "has no input 'q'"),
        (["--column", "x"], "INPUT=COLUMN"),
        (["--decode", "npy"], "--decode is for a folder"),
    ],
)
def test_map__wrong_columns__refused(scene, options, said):
    code = 2 if options == ["--column", "x"] else 65
    assert said in scene.run("--on", "loop", *options, code=code)["error"]["message"]
    assert not scene.out.exists()


def test_map__batch_of_a_fixed_model__refused(scene):
    save_model(scene.model, first=1)
    refused = scene.run("--on", "loop", "--batch", 4, code=65)
    assert "run without --batch" in refused["error"]["message"]


def test_map__folder_with_other_things__refused(scene):
    scene.out.mkdir()
    (scene.out / "thesis.tex").touch()
    refused = scene.run("--on", "loop", code=65)
    assert "thesis.tex" in refused["error"]["message"]


def test_map__bad_rows__stop_the_job_or_are_noted(scene, tmp_path):
    lines = [json.dumps({"x": row.tolist()}) for row in rows()]
    lines[3], lines[20] = '{"x": [1, 2]}', "no json"
    (tmp_path / "bad.jsonl").write_text("\n".join(lines))
    refused = scene.run("--on", "processes", data=tmp_path / "bad.jsonl", code=65)
    assert "row 3" in refused["error"]["message"]
    scene.out = tmp_path / "out2"
    told = scene.run("--on", "processes", "--skip-bad-rows", data=tmp_path / "bad.jsonl", code=3)
    assert (told["verified"], told["refused"]) == (ROWS - 2, 2)
    receipts = list(mapping.receipts(scene.out))
    assert [r.row for r in receipts if r.sealed is None] == [3, 20]
    assert "takes" in receipts[3].note and "no JSON" in receipts[20].note


# Killed, and run again


POINTS = [
    pytest.param(point, marks=() if point == "map.sealed:2" else pytest.mark.slow)
    for point in ("map.begun", *(f"{name}:2" for name in NAMES if name != "map.begun"))
]


@pytest.mark.parametrize("point", POINTS)
def test_map__owner_killed_at_a_point__completed_by_the_next(scene, point):
    scene.run("--on", "loop", "--block", 10, point=point, code=-signal.SIGKILL)
    told = scene.run("--on", "loop")
    assert told["verified"] == ROWS
    scene.check()
    if point == "map.sealed:2":
        assert (told["taken"], told["before"], told["sealed"]) == (10, 10, ROWS - 20)


@pytest.mark.slow
@pytest.mark.parametrize("point", ["seal.inserted:2", "seal.committed:2"])
def test_map__owner_killed_while_sealing__completed_by_the_next(scene, point):
    scene.run("--on", "loop", "--block", 10, point=point, code=-signal.SIGKILL)
    scene.run("--on", "loop")
    scene.check()


def test_map__sealed_and_outputs_lost__run_again_and_compared(scene):
    scene.run("--on", "loop", "--block", 10)
    for kind in ("outputs", "receipts"):
        part(scene.out, kind, 2).unlink()
    part(scene.out, "outputs", 4).unlink()
    told = scene.run("--on", "loop")
    assert (told["sealed"], told["taken"], told["verified"]) == (0, 20, ROWS)
    scene.check()


def test_map__sealed_and_outputs_spoilt__noted_where_nobody_can_tell(scene):
    scene.run("--on", "loop", "--block", 10, point="map.sealed:3", code=-signal.SIGKILL)
    part(scene.out, "outputs", 2).write_bytes(part(scene.out, "outputs", 1).read_bytes())
    (journal,) = scene.journals()
    journal.forget_masters(25, 30)
    journal.close()
    told = scene.run("--on", "loop", code=3)
    assert (told["verified"], told["differing"], told["sealed"]) == (45, 5, 20)
    noted = [r.row for r in mapping.receipts(scene.out) if r.note]
    assert noted == [25, 26, 27, 28, 29]


def test_map__rerun_gives_other_outputs__noted(scene, monkeypatch):
    scene.run("--on", "loop", "--block", 10, point="map.sealed:1", code=-signal.SIGKILL)
    part(scene.out, "outputs", 0).unlink()
    engine = drafts.Drafting._engine

    def another_machine(self, feed):
        return [np.nextafter(v, np.float32(2)) for v in engine(self, feed)]

    monkeypatch.setattr(drafts.Drafting, "_engine", another_machine)
    monkeypatch.setenv("COUNTERFOIL_HOME", str(scene.home))
    monkeypatch.setenv(keys.SECRET, "ab" * 32)
    mapper = mapping.Mapper(scene.model, mapping.open_data(scene.data), mapping.Options(columns={}))
    done = mapper.run(scene.out, [config.load_profile("local")], backend="loop", workers=1)
    assert (done.differing, done.verified, done.sealed) == (10, 40, 40)
    noted = [r for r in mapping.receipts(scene.out) if r.note]
    assert [r.row for r in noted] == list(range(10))
    assert all("gave others" in r.note for r in noted)


def test_map__log_rotated_between__its_rows_are_not_sealed_twice(scene):
    scene.run("--on", "loop", "--block", 10, point="map.sealed:2", code=-signal.SIGKILL)
    (journal,) = scene.journals()
    journal.rotate().close()
    journal.close()
    told = scene.run("--on", "loop")
    assert (told["taken"], told["sealed"]) == (10, 30)
    scene.check()


@pytest.mark.slow
def test_map__worker_killed_at_a_point__another_takes_over(scene):
    told = scene.run("--on", "processes", "--workers", 2, "--block", 5, point="map.worked:3")
    assert told["sealed"] == ROWS  # each worker dies at its third block; the owner never
    scene.check()


@pytest.mark.slow
def test_run__workers_without_a_block_die__the_others_go_on(scene, monkeypatch):
    mapper = mapping.Mapper(scene.model, mapping.open_data(scene.data), mapping.Options(columns={}))
    begin, give = processes._Process.__init__, processes._Process.give
    begun, stopped, killed = [], [], set()

    def note(self, setup):
        begin(self, setup)
        begun.append(self)

    def stop_the_first(self, task):
        if not stopped:
            os.kill(self.process.pid, signal.SIGSTOP)
            stopped.append(self)
        give(self, task)

    def kill_the_idle():
        deadline = time.monotonic() + 30
        while len(killed) < 3 and time.monotonic() < deadline:
            for one in list(begun):
                if one.ready and not one.given and one.process.pid not in killed:
                    os.kill(one.process.pid, signal.SIGKILL)
                    killed.add(one.process.pid)
            time.sleep(0.05)
        os.kill(stopped[0].process.pid, signal.SIGCONT)

    monkeypatch.setattr(processes._Process, "__init__", note)
    monkeypatch.setattr(processes._Process, "give", stop_the_first)
    killer = threading.Thread(target=kill_the_idle, daemon=True)
    killer.start()
    tasks = [Task(block=n, start=n, stop=n + 1) for n in range(4)]
    done = sorted(one.block for one in processes.run(mapper.setup, tasks, 4))
    assert done == [0, 1, 2, 3] and len(killed) == 3


@pytest.mark.slow
def test_map__worker_that_always_dies__said_and_the_rest_is_kept(scene):
    refused = scene.run("--on", "processes", "--workers", 1, point="map.worked:1", code=71)
    assert "a worker died 3 times" in refused["error"]["message"]
    scene.run("--on", "processes", "--workers", 1)
    scene.check()


@pytest.mark.slow
def test_map__owner_and_workers_killed_at_random__completed(scene, tmp_path):
    chance = random.Random(5)
    values = rows(3000)
    np.savez(tmp_path / "many.npz", x=values)
    data, options = tmp_path / "many.npz", ["--on", "processes", "--workers", 2, "--block", 8]
    killed = 0
    for turn in range(8):
        process = scene.start(*options, data=data)
        before = done_blocks(scene)
        if not wait_for(lambda b=before: done_blocks(scene) > b, process):
            break
        time.sleep(chance.uniform(0, 0.25))
        workers = children(process.pid)
        if turn % 2 and workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
            time.sleep(chance.uniform(0.1, 0.8))
        process.kill()
        killed += ended(process) == -signal.SIGKILL
        assert wait_for_end(workers), "a worker outlived its owner"
    assert killed >= 3
    told = scene.run(*options, data=data)
    assert told["verified"] == 3000
    scene.check(values)


@pytest.mark.slow
def test_map__two_owners__one_works(scene):
    first = scene.start("--on", "processes", "--workers", 1, "--block", 1)
    assert wait_for((scene.out / "job.json").exists, first)
    os.kill(first.pid, signal.SIGSTOP)
    refused = scene.run("--on", "loop", "--block", 1, code=75)
    assert refused["error"]["class"] == "JobBusy"
    os.kill(first.pid, signal.SIGCONT)
    assert ended(first) == 0
    scene.check()
