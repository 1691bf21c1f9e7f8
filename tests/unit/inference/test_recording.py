"""Recordings: every inference inside, whoever made the session, and nothing else changes."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BadDraft
from counterfoil.inference import active, bindings, provenance, unsealed_count
from counterfoil.journal import Journal
from onnxruntime import InferenceSession as ImportedEarlier

from . import small_models
from .conftest import same
from .test_session_run import opened

IDENTITY = small_models.identity(small_models.FLOAT)
FEED = {"x": np.float32([1, 2])}


@pytest.fixture(autouse=True)
def none_left_open() -> Iterator[None]:
    yield
    assert active.recorders() == ()
    assert active._open == 0


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(IDENTITY)
    return path


def test_recording__session_made_inside__one_receipt_a_run(log: Journal, model: Path) -> None:
    with counterfoil.recording(journal=log) as receipts:
        session = onnxruntime.InferenceSession(str(model))
        outputs = [session.run(None, FEED) for _ in range(3)]
    session.run(None, FEED)
    assert all(same(o, [FEED["x"]]) for o in outputs)
    assert len(receipts) == receipts.total == 3 and not receipts.problems
    assert [r.receipt.sequence for r in receipts] == sorted(r.receipt.sequence for r in receipts)
    assert opened(receipts[-1]) == (["x"], ["y"])
    assert receipts[0].model.files[0].size == len(IDENTITY)
    assert type(session) is onnxruntime.InferenceSession


def test_recording__session_made_before_from_bytes_by_a_name_imported_earlier__counts(
    log: Journal,
) -> None:
    session = ImportedEarlier(IDENTITY)
    run = session.run
    with counterfoil.recording(journal=log) as receipts:
        run(None, FEED)
        session.run_with_ort_values(
            None, {"x": onnxruntime.OrtValue.ortvalue_from_numpy(FEED["x"])}
        )
        made = session.io_binding()
        made.bind_cpu_input("x", FEED["x"])
        made.bind_output("y")
        session.run_with_iobinding(made)
    assert len(receipts) == 3
    assert {r.receipt.model for r in receipts} == {receipts[0].receipt.model}
    for receipt in receipts:
        opened(receipt)


def test_recording__the_same_model_and_options__the_same_digests_as_ours(
    log: Journal, model: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    ours = counterfoil.InferenceSession(model, options, journal=log)
    ours.run(None, FEED)
    with counterfoil.recording(journal=log) as receipts:
        onnxruntime.InferenceSession(model, options).run(None, FEED)
    assert receipts[0].receipt.model == ours.receipt.receipt.model
    assert receipts[0].receipt.runtime == ours.receipt.receipt.runtime


def test_recording__run_async__receipt_before_the_callback(log: Journal) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(IDENTITY, options)
    done = threading.Event()
    seen: list[Any] = []

    def callback(results: Any, data: Any, problem: str) -> None:
        seen.extend([results, data, problem, len(receipts)])
        done.set()

    with counterfoil.recording(journal=log) as receipts:
        session.run_async(None, FEED, callback, "mine")
        assert done.wait(20)
    assert same(seen[0], [FEED["x"]])
    assert seen[1:] == ["mine", "", 1]


def test_recording__ours_inside__sealed_once_and_collected(log: Journal) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=log)
    before = log.next_sequence()
    with counterfoil.recording(journal=log) as receipts:
        _, receipt = session.run_with_receipt(None, FEED)
    assert list(receipts) == [receipt]
    assert log.next_sequence() == before + 1


def test_recording__nested__both_get_it_and_it_is_sealed_once(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    before = log.next_sequence()
    with counterfoil.recording(journal=log) as outer:
        session.run(None, FEED)
        with counterfoil.recording(journal=log, public=True) as inner:
            session.run(None, FEED)
        session.run(None, FEED)
    assert (len(outer), len(inner)) == (3, 1)
    assert inner[0] in list(outer)
    assert not any(inner[0].input_master) and any(outer[0].input_master)
    assert log.next_sequence() == before + 3


def test_recording__threads_side_by_side__each_its_own(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    barrier = threading.Barrier(3)

    def work(number: int) -> bool:
        value = np.float32([number])
        barrier.wait()
        with counterfoil.recording(journal=log) as receipts:
            for _ in range(10):
                session.run(None, {"x": value})
        return len(receipts) == 10 and all(
            r.inputs[0].array().tolist() == [number] for r in receipts
        )

    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(work, range(3)))


def test_recording__threads_and_pools_started_inside__are_inside(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    with ThreadPoolExecutor(1) as before, counterfoil.recording(journal=log) as receipts:
        thread = threading.Thread(target=session.run, args=(None, FEED))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: session.run(None, FEED), range(4)))
        before.submit(session.run, None, FEED).result()
    assert len(receipts) == 6


def test_recording__thread_outside__is_not_inside(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    go, done = threading.Event(), threading.Event()

    def outside() -> None:
        go.wait(20)
        session.run(None, FEED)
        done.set()

    threading.Thread(target=outside, daemon=True).start()
    with counterfoil.recording(journal=log) as receipts:
        go.set()
        assert done.wait(20)
    assert len(receipts) == 0


def test_recording__everywhere__other_threads_too(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    go, done = threading.Event(), threading.Event()

    def outside() -> None:
        go.wait(20)
        session.run(None, FEED)
        done.set()

    threading.Thread(target=outside, daemon=True).start()
    with counterfoil.recording(journal=log, everywhere=True) as receipts:
        go.set()
        assert done.wait(20)
    assert len(receipts) == 1


def test_recording__tasks__each_its_own(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)

    async def one(number: int) -> bool:
        value = np.float32([number])
        with counterfoil.recording(journal=log) as receipts:
            for _ in range(4):
                await asyncio.to_thread(session.run, None, {"x": value})
        return [r.inputs[0].array().tolist() for r in receipts] == [[number]] * 4

    async def all_of_them() -> list[bool]:
        return await asyncio.gather(*(one(n) for n in range(4)))

    assert all(asyncio.run(all_of_them()))


def test_recording__limit__holds_the_newest_and_counts_all(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    with counterfoil.recording(journal=log, limit=2) as receipts:
        for number in range(5):
            session.run(None, {"x": np.float32([number])})
    assert (len(receipts), receipts.total) == (2, 5)
    assert [r.inputs[0].array().tolist() for r in receipts] == [[3], [4]]
    assert receipts[:1][0] is receipts[0]
    assert "5 receipts" in repr(receipts)


def test_recording__used_twice__refused(log: Journal) -> None:
    receipts = counterfoil.recording(journal=log)
    with receipts:
        pass
    onnxruntime.InferenceSession(IDENTITY).run(None, FEED)
    assert len(receipts) == 0
    with counterfoil.recording(journal=log) as used:
        onnxruntime.InferenceSession(IDENTITY).run(None, FEED)
    with pytest.raises(RuntimeError, match="used once"), used:
        pass


def test_recording__exception_inside__passes_and_ends_it(log: Journal) -> None:
    with pytest.raises(ZeroDivisionError), counterfoil.recording(journal=log):
        _ = 1 // 0
    with (
        counterfoil.recording(journal=log) as receipts,
        pytest.raises(Exception, match="Unexpected"),
    ):
        onnxruntime.InferenceSession(IDENTITY).run(None, {"x": np.float64([1])})
    assert not receipts and not receipts.problems


@pytest.mark.parametrize(
    "wrong", [{"sample": 1.5}, {"sample": True}, {"open": "some"}, {"keep": -1}]
)
def test_recording__wrong_argument__refused(log: Journal, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadDraft):
        counterfoil.recording(journal=log, **wrong)


# What cannot be committed: the program is left alone, and the recording is told


def test_recording__journal_closed__the_program_goes_on(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from counterfoil.config import load_profile

    closed = Journal.open(load_profile())
    closed.close()
    session = onnxruntime.InferenceSession(IDENTITY)
    with (
        caplog.at_level(logging.WARNING, "counterfoil"),
        counterfoil.recording(journal=closed) as receipts,
    ):
        for _ in range(3):
            assert same(session.run(None, FEED), [FEED["x"]])
    assert len(receipts) == 0 and receipts.unsealed == 3 and len(receipts.problems) == 1
    assert unsealed_count() == 3
    assert caplog.text.count("got no receipt") == 1


def test_recording__device_memory__reported(log: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    monkeypatch.setattr(bindings, "_device", lambda device: "device type 1")
    made = session.io_binding()
    made.bind_cpu_input("x", FEED["x"])
    made.bind_output("y")
    with counterfoil.recording(journal=log) as receipts:
        session.run_with_iobinding(made)
    assert same(made.copy_outputs_to_cpu(), [FEED["x"]])
    assert receipts.unsealed == 1
    assert "device's memory" in next(iter(receipts.problems))


def test_recording__file_changed_since_the_session_was_made__reported_not_guessed(
    log: Journal, model: Path
) -> None:
    session = onnxruntime.InferenceSession(str(model))
    model.write_bytes(small_models.identity(small_models.INT64))
    with counterfoil.recording(journal=log) as receipts:
        assert same(session.run(None, FEED), [FEED["x"]])
    assert not len(receipts) and "may have changed" in next(iter(receipts.problems))


def test_recording__file_of_an_old_session_gone__reported(log: Journal, model: Path) -> None:
    session = onnxruntime.InferenceSession(str(model))
    model.unlink()
    with counterfoil.recording(journal=log) as receipts:
        session.run(None, FEED)
    assert receipts.unsealed == 1


def test_recording__old_session_and_its_file_as_it_was__counts(log: Journal, model: Path) -> None:
    session = onnxruntime.InferenceSession(str(model))  # a moment after it was written: hashed
    with counterfoil.recording(journal=log) as receipts:
        session.run(None, FEED)
    assert len(receipts) == 1 and not receipts.problems


def test_recording__file_swapped_while_it_is_loaded__reported(
    log: Journal, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = small_models.random()
    before = provenance.before

    def swapped(*args: Any, **kwargs: Any) -> Any:
        seen = before(*args, **kwargs)
        model.write_bytes(other)
        return seen

    monkeypatch.setattr(provenance, "before", swapped)
    with counterfoil.recording(journal=log) as receipts:
        onnxruntime.InferenceSession(str(model)).run(None, FEED)
    assert not len(receipts)
    assert "changed while it was loaded" in next(iter(receipts.problems))


def test_recording__external_data__named(log: Journal, tmp_path: Path) -> None:
    path = small_models.put_external(tmp_path / "m")
    feed = {"x": np.zeros(600, np.float32)}
    with counterfoil.recording(journal=log) as receipts:
        session = onnxruntime.InferenceSession(str(path))
        session.run(None, feed)
    assert [f.path for f in receipts[0].model.files] == ["model.onnx", "weights.bin"]
    ours = counterfoil.InferenceSession(path, journal=log)
    ours.run(None, feed)
    assert receipts[0].receipt.model == ours.receipt.receipt.model


def test_recording__options_of_a_running_session_changed__in_the_runtime(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    with counterfoil.recording(journal=log) as receipts:
        session.run(None, FEED)
        session.set_tuning_results([])
        session.run(None, FEED)
        session.set_providers(["CPUExecutionProvider"])
        session.run(None, FEED)
    runtimes = [r.receipt.runtime for r in receipts]
    assert runtimes[0] != runtimes[1] and runtimes[0] == runtimes[2]


# Sampling and what may be opened


def test_recording__every_third__the_first_and_each_third_after(log: Journal) -> None:
    session = onnxruntime.InferenceSession(IDENTITY)
    with counterfoil.recording(journal=log, sample=3) as receipts:
        for number in range(7):
            session.run(None, {"x": np.float32([number])})
    assert [int(r.inputs[0].array()[0]) for r in receipts] == [0, 3, 6]
    assert not receipts.problems


def test_session__sampled_by_a_callable__gets_the_feed(log: Journal) -> None:
    session = counterfoil.InferenceSession(
        IDENTITY, journal=log, sample=lambda feed: feed["x"][0] > 0
    )
    assert session.run_with_receipt(None, {"x": np.float32([-1])})[1] is None
    assert session.receipt is None and unsealed_count() == 0
    assert session.run_with_receipt(None, {"x": np.float32([1])})[1] is not None


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)])
def test_sample__share__about_so_many(share: float, low: int, high: int) -> None:
    from counterfoil.inference.sampling import sampler

    chosen = sampler(share)
    assert low <= sum(chosen is None or chosen({}) for _ in range(200)) <= high


MANY = {"a": np.float32([1, 2]), "b": np.float32([3, 4])}


@pytest.mark.parametrize(
    ("what", "inputs", "outputs"),
    [("all", True, True), ("inputs", True, False), ("outputs", False, True), (None, False, False)],
)
def test_open__sides__the_file_and_the_journal_show_no_more(
    log: Journal, what: Any, inputs: bool, outputs: bool
) -> None:
    session = counterfoil.InferenceSession(small_models.many(), journal=log, open=what, keep=60)
    _, receipt = session.run_with_receipt(None, MANY)
    for file in (receipt.file(), log.receipt_file(receipt.receipt.sequence)):
        opening = file.opening
        assert (opening is not None and opening.inputs is not None) == inputs
        assert (opening is not None and opening.outputs is not None) == outputs
    kept = log.masters(receipt.receipt.sequence)
    assert [m is not None for m in kept] == [inputs, outputs]


def test_open__one_tensor_by_name__that_alone(log: Journal) -> None:
    session = counterfoil.InferenceSession(small_models.many(), journal=log, open=("sum",))
    _, receipt = session.run_with_receipt(None, MANY)
    opening = receipt.file().opening
    assert opening.inputs is None and opening.outputs.master is None
    shown = {t.commitment.name: len(t.opened) for t in opening.outputs.partial}
    assert shown == {"sum": 1, "product": 0, "difference": 0}
    assert opening.outputs.commitment().digest == receipt.receipt.outputs
    assert log.masters(receipt.receipt.sequence) == (None, None)


def test_open__name_that_the_model_lacks__refused(log: Journal) -> None:
    with pytest.raises(BadDraft, match="'nothing', which the model does not have"):
        counterfoil.InferenceSession(small_models.many(), journal=log, open=("nothing",))


# Tasks and forks


def test_receipt__tasks_whose_runs_are_in_threads__each_its_own(log: Journal) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=log)
    session.run(None, FEED)

    async def one(number: int, pool: ThreadPoolExecutor) -> bool:
        good = []
        loop = asyncio.get_running_loop()
        for step in range(4):
            feed = {"x": np.float32([number, step])}
            if step % 2:
                await asyncio.to_thread(session.run, None, feed)
            else:
                await loop.run_in_executor(pool, session.run, None, feed)
            good.append(session.receipt.inputs[0].array().tolist() == [number, step])
        return all(good)

    async def idle() -> bool:
        await asyncio.sleep(0.01)
        return session.receipt is None

    async def all_of_them() -> list[bool]:
        with ThreadPoolExecutor(3) as pool:
            return await asyncio.gather(*(one(n, pool) for n in range(5)), idle())

    assert all(asyncio.run(all_of_them()))


def _forked(session: Any, results: Any) -> None:
    with counterfoil.recording() as receipts:
        session.run(None, FEED)
    results.put([r.receipt.sequence for r in receipts])


def test_recording__in_forks__numbers_are_shared(home: Path) -> None:
    session = onnxruntime.InferenceSession(IDENTITY, _one_thread())
    context = multiprocessing.get_context("fork")
    with counterfoil.recording() as receipts:
        session.run(None, FEED)
        results = context.Queue()
        children = [context.Process(target=_forked, args=(session, results)) for _ in range(2)]
        for child in children:
            child.start()
        theirs = [results.get(timeout=60) for _ in children]
        for child in children:
            child.join(60)
        session.run(None, FEED)
    numbers = [r.receipt.sequence for r in receipts] + [n for one in theirs for n in one]
    assert sorted(numbers) == [0, 1, 2, 3]


def _one_thread() -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options


# Sessions from before the package was imported, in a process of their own


def test_recording__session_from_before_the_import__only_what_can_be_known(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old.onnx").write_bytes(IDENTITY)
    (folder / "touched.onnx").write_bytes(IDENTITY)
    code = """
        import pathlib, sys, time
        import numpy as np, onnxruntime as ort
        path = pathlib.Path(sys.argv[1])
        options = ort.SessionOptions()
        sessions = {
            "path": ort.InferenceSession(str(path / "old.onnx")),
            "bytes": ort.InferenceSession((path / "old.onnx").read_bytes()),
            "touched": ort.InferenceSession(str(path / "touched.onnx")),
            "options": ort.InferenceSession((path / "old.onnx").read_bytes(), options),
        }
        with (path / "touched.onnx").open("ab") as stream:
            stream.write(b"")
        (path / "touched.onnx").touch()
        import counterfoil
        for name, session in sessions.items():
            with counterfoil.recording() as receipts:
                session.run(None, {"x": np.float32([1])})
            unseen = receipts and '"madeUnseen":true' in receipts[0].runtime.options
            print(name, len(receipts), bool(unseen), receipts.unsealed)
    """
    import time

    time.sleep(2.1)  # the clocks of file systems are coarse: a second is not trusted
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(folder)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "path 1 True 0", "bytes 1 True 0", "touched 0 False 1", "options 0 False 1",
    ]  # fmt: skip
