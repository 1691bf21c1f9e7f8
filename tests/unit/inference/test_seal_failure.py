"""When sealing fails: an error that keeps the outputs, or runs that are counted."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.config import load_profile
from counterfoil.errors import (
    BadDraft,
    BigEndianTensor,
    CounterfoilError,
    JournalError,
    KeyFileOpen,
    SealFailed,
    Uncommitted,
    UnknownProfile,
    Unsealed,
)
from counterfoil.inference import bindings, sealing, unsealed_count
from counterfoil.journal import Journal

from . import small_models
from .conftest import same

IDENTITY = small_models.identity(small_models.FLOAT)
FEED = {"x": np.float32([1, 2])}


@pytest.fixture
def closed(home: Path) -> Journal:
    """A journal that a session was given and that then was closed."""
    return Journal.open(load_profile())


def test_run__journal_closed__error_with_the_outputs(closed: Journal) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=closed)
    closed.close()
    with pytest.raises(SealFailed, match=r"the run has no receipt \(.+\); its outputs") as raised:
        session.run(None, FEED)
    assert same(raised.value.outputs, [FEED["x"]])
    assert isinstance(raised.value.__cause__, JournalError)
    assert raised.value.exit_code == raised.value.__cause__.exit_code
    assert "\n" not in str(raised.value)
    assert session.receipt is None
    assert unsealed_count() == 0


def test_run__journal_closed_and_unsealed__outputs_told_once(
    closed: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=closed, on_seal_failure="unsealed")
    _, receipt = session.run_with_receipt(None, FEED)
    assert receipt is not None and unsealed_count() == 0
    closed.close()
    with caplog.at_level(logging.WARNING, "counterfoil"):
        for _ in range(3):
            assert same(session.run(None, FEED), [FEED["x"]])
            assert session.receipt is None
    assert unsealed_count() == 3
    assert [r.name for r in caplog.records] == ["counterfoil"]
    assert "said once" in caplog.text
    assert Unsealed.exit_code not in (0, 1)


def test_session__journal_unusable__refused_at_once(home: Path) -> None:
    folder = home / "data" / "local"
    folder.mkdir(parents=True)
    (folder / "journal.db").write_bytes(b"no database, but long enough to be looked at" * 100)
    with pytest.raises(CounterfoilError):
        counterfoil.InferenceSession(IDENTITY)


def test_session__journal_unusable_and_unsealed__runs(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = home / "data" / "local"
    folder.mkdir(parents=True)
    database = folder / "journal.db"
    database.write_bytes(b"no database, but long enough to be looked at" * 100)
    session = counterfoil.InferenceSession(IDENTITY, on_seal_failure="unsealed")
    assert same(session.run(None, FEED), [FEED["x"]])
    assert session.receipt is None
    before = unsealed_count()
    assert before >= 1
    database.unlink()  # mended: after a while it is tried again
    monkeypatch.setattr(sealing, "RETRY", 0.0)
    session.run(None, FEED)
    assert session.receipt is not None
    assert unsealed_count() == before


def test_session__key_file_open_to_others__refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COUNTERFOIL_SECRET")
    monkeypatch.setenv("COUNTERFOIL_PASSPHRASE", "a passphrase of this test")
    with Journal.open(load_profile()) as journal:
        journal.unlock()
    keys = [
        p for p in home.rglob("*") if p.is_file() and "crypto" in p.read_bytes().decode("latin-1")
    ]
    assert keys
    for path in keys:
        os.chmod(path, 0o644)
    with pytest.raises(KeyFileOpen):
        counterfoil.InferenceSession(IDENTITY).run(None, FEED)


def test_session__unknown_profile__refused(home: Path) -> None:
    with pytest.raises(UnknownProfile):
        counterfoil.InferenceSession(IDENTITY, profile="nowhere")


@pytest.mark.parametrize("keep", [-1, float("inf"), float("nan")])
def test_session__keep_is_no_time__refused(closed: Journal, keep: float) -> None:
    with pytest.raises(BadDraft, match="seconds, 0 or more"):
        counterfoil.InferenceSession(IDENTITY, journal=closed, keep=keep)


def test_session__other_policy__refused(closed: Journal) -> None:
    with pytest.raises(ValueError, match="'raise' or 'unsealed'"):
        counterfoil.InferenceSession(IDENTITY, journal=closed, on_seal_failure="ignore")  # type: ignore[arg-type]


def test_run__big_endian_and_unsealed__what_onnxruntime_gives(closed: Journal) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=closed, on_seal_failure="unsealed")
    bare = onnxruntime.InferenceSession(IDENTITY)
    feed = {"x": np.array([1, 2], ">f4")}
    assert same(session.run(None, feed), bare.run(None, feed))
    assert unsealed_count() == 1
    strict = counterfoil.InferenceSession(IDENTITY, journal=closed)
    with pytest.raises(BigEndianTensor):
        strict.run(None, feed)


def test_run_with_iobinding__device_memory_and_unsealed__runs_and_is_counted(
    closed: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=closed, on_seal_failure="unsealed")
    monkeypatch.setattr(bindings, "_device", lambda device: "device type 1")
    binding = session.io_binding()
    binding.bind_cpu_input("x", FEED["x"])
    binding.bind_output("y")
    session.run_with_iobinding(binding)
    assert same(binding.copy_outputs_to_cpu(), [FEED["x"]])
    assert unsealed_count() == 1
    assert session.receipt is None
    strict = counterfoil.InferenceSession(IDENTITY, journal=closed)
    other = strict.io_binding()
    other.bind_cpu_input("x", FEED["x"])
    other.bind_output("y")
    with pytest.raises(Uncommitted, match="bind it to the CPU"):
        strict.run_with_iobinding(other)
    assert Uncommitted.exit_code == 65


def test_run__onnxruntime_refuses_and_unsealed__its_own_error_uncounted(closed: Journal) -> None:
    session = counterfoil.InferenceSession(IDENTITY, journal=closed, on_seal_failure="unsealed")
    with pytest.raises(Exception, match="Unexpected input data type"):
        session.run(None, {"x": np.float64([1])})
    assert unsealed_count() == 0


def test_run_async__journal_closed__the_callback_is_told(closed: Journal) -> None:
    import threading

    session = counterfoil.InferenceSession(IDENTITY, journal=closed)
    closed.close()
    done = threading.Event()
    seen: list[Any] = []

    def callback(results: Any, data: Any, problem: str) -> None:
        seen.extend([results, problem])
        done.set()

    session.run_async(None, FEED, callback, None)
    assert done.wait(20)
    assert seen[0] == [] and seen[1]


def test_run__journal_rotated__goes_on_in_its_successor(home: Path) -> None:
    session = counterfoil.InferenceSession(IDENTITY)
    _, before = session.run_with_receipt(None, FEED)
    with Journal.open(load_profile()) as journal:
        journal.rotate()
    _, after = session.run_with_receipt(None, FEED)
    assert before is not None and after is not None
    assert after.receipt.signer != before.receipt.signer
    assert after.receipt.sequence == 0
