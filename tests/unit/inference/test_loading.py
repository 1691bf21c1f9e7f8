"""Loading: the bytes that were hashed are the bytes that run; bad models are refused first."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BadModel, ModelChanged, UnsafeModelPath
from counterfoil.formats import model as model_format
from counterfoil.formats.model import Model
from counterfoil.inference import loading
from counterfoil.journal import Journal
from onnx import TensorProto, helper

from . import small_models
from .conftest import Pair, same

FEED = {"x": np.ones(600, np.float32)}


def test_session__path__model_of_its_bytes(pair: Pair, tmp_path: Path) -> None:
    content = small_models.identity(small_models.FLOAT)
    path = tmp_path / "anything.onnx"
    path.write_bytes(content)
    for source in (path, str(path), content):
        ours, _ = pair(source)
        _, receipt = ours.run_with_receipt(None, {"x": np.float32([1])})
        assert receipt.receipt.model == Model.of({"model.onnx": content}).digest
        assert receipt.model.files[0].sha256 == hashlib.sha256(content).digest()


@pytest.mark.parametrize("location", ["weights.bin", "deep/er/weights.bin"])
def test_session__external_data__hashed_and_run(pair: Pair, tmp_path: Path, location: str) -> None:
    path = small_models.put_external(tmp_path, location)
    ours, bare = pair(path)
    outputs, receipt = ours.run_with_receipt(None, FEED)
    assert same(outputs, bare.run(None, FEED))
    assert [f.path for f in receipt.model.files] == sorted(["model.onnx", location])
    expected = {"model.onnx": path.read_bytes(), location: small_models.WEIGHTS.tobytes()}
    assert receipt.receipt.model == Model.of(expected).digest


@pytest.mark.parametrize("options", [None, "fresh", "providers"])
def test_session__files_change_after_reading__what_was_hashed_runs(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str | None
) -> None:
    path = small_models.put_external(tmp_path)
    made = onnxruntime.SessionOptions() if options else None
    if options == "providers":
        made.add_provider("CPUExecutionProvider", {})
    read = model_format._read_external

    def then_swap(folder: Path, location: str) -> bytes:
        content = read(folder, location)
        (folder / location).write_bytes(bytes(2400))
        path.write_bytes(small_models.identity(small_models.FLOAT))
        return content

    monkeypatch.setattr(model_format, "_read_external", then_swap)
    session = counterfoil.InferenceSession(path, made, journal=log)
    outputs, receipt = session.run_with_receipt(None, FEED)
    assert receipt is not None
    assert same(outputs[0], small_models.WEIGHTS + 1)
    sizes = {f.path: f.sha256 for f in receipt.model.files}
    assert sizes["weights.bin"] == hashlib.sha256(small_models.WEIGHTS.tobytes()).digest()


def test_session__callers_options__never_hold_a_models_files(log: Journal, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    first, second = tmp_path / "first", tmp_path / "second"
    path = small_models.put_external(first)
    other = small_models.put_external(second)
    (second / "weights.bin").write_bytes(bytes(2400))
    for _ in range(2):
        for source, expected in ((path, small_models.WEIGHTS + 1), (other, np.ones(600, "f4"))):
            session = counterfoil.InferenceSession(source, options, journal=log)
            assert same(session.run(None, FEED)[0], expected)


def test_session__two_files__both_hashed(pair: Pair, tmp_path: Path) -> None:
    small_models.put_external(tmp_path)
    (tmp_path / "more.bin").write_bytes(bytes(2400))
    path = tmp_path / "two.onnx"
    path.write_bytes(small_models.external(extra=["more.bin", "more.bin"]))
    ours, bare = pair(path)
    outputs, receipt = ours.run_with_receipt(None, FEED)
    assert same(outputs, bare.run(None, FEED))
    assert [f.path for f in receipt.model.files] == ["model.onnx", "more.bin", "weights.bin"]


def test_session__bytes_with_a_folder_option__external_data_from_there(
    pair: Pair, tmp_path: Path
) -> None:
    path = small_models.put_external(tmp_path)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(loading.EXTERNAL_FOLDER, str(tmp_path))
    ours, bare = pair(path.read_bytes(), options=options)
    outputs, receipt = ours.run_with_receipt(None, FEED)
    assert same(outputs, bare.run(None, FEED))
    assert len(receipt.model.files) == 2


def test_session__external_data_in_memory__hashed_from_there(pair: Pair) -> None:
    weights = small_models.WEIGHTS.tobytes()
    options = onnxruntime.SessionOptions()
    options.add_external_initializers_from_files_in_memory(
        ["weights.bin"], [weights], [len(weights)]
    )
    ours, bare = pair(small_models.external(), options=options)
    outputs, receipt = ours.run_with_receipt(None, FEED)
    assert same(outputs, bare.run(None, FEED))
    assert receipt.model.files[1].sha256 == hashlib.sha256(weights).digest()


def test_session__onnxruntimes_own_format__runs(pair: Pair, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "model.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(small_models.many(), options)
    ours, bare = pair(tmp_path / "model.ort")
    feed = {"a": np.float32([1, 2]), "b": np.float32([3, 4])}
    assert same(ours.run(None, feed), bare.run(None, feed))


def test_set_providers__files_unchanged__runs_on(log: Journal, tmp_path: Path) -> None:
    path = small_models.put_external(tmp_path)
    session = counterfoil.InferenceSession(path, journal=log)
    session.set_providers(["CPUExecutionProvider"])
    assert same(session.run(None, FEED)[0], small_models.WEIGHTS + 1)


def test_set_providers__files_changed__refused_and_the_session_runs_on(
    log: Journal, tmp_path: Path
) -> None:
    path = small_models.put_external(tmp_path)
    session = counterfoil.InferenceSession(path, journal=log)
    (tmp_path / "weights.bin").write_bytes(bytes(2400))
    with pytest.raises(ModelChanged, match="make a new session"):
        session.set_providers(["CPUExecutionProvider"])
    assert same(session.run(None, FEED)[0], small_models.WEIGHTS + 1)


def nested(levels: int) -> bytes:
    """A graph of branches within branches, deeper than the library would write it."""
    body = b""
    for _ in range(levels):
        attribute = b"\x32" + _length(body) + body  # AttributeProto.g
        node = b"\x2a" + _length(attribute) + attribute  # NodeProto.attribute
        body = b"\x0a" + _length(node) + node  # GraphProto.node
    return b"\x08\x0a\x3a" + _length(body) + body  # ModelProto.ir_version, .graph


def _length(content: bytes) -> bytes:
    number, out = len(content), b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


WHOLE = small_models.many()
HOSTILE = {
    "empty": b"",
    "garbage": b"garbage" * 20,
    "cut off": WHOLE[:-5],
    "half": WHOLE[: len(WHOLE) // 2],
    "no graph": b"\x08\x0a",
    "a length of 2 GiB and more": b"\x08\x0a\x3a\xff\xff\xff\xff\x0f" + b"\0" * 64,
    "nested 2,000 deep": nested(2000),
    "an own format that is none": b"\0\0\0\0ORTM" + b"\xff" * 64,
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("as_path", [False, True])
def test_session__hostile_model__onnxruntimes_own_error(
    log: Journal, tmp_path: Path, content: bytes, as_path: bool
) -> None:
    path = tmp_path / ("model.ort" if content[4:8] == b"ORTM" else "model.onnx")
    path.write_bytes(content)
    source = path if as_path else content
    with pytest.raises(Exception) as theirs:
        onnxruntime.InferenceSession(source)
    with pytest.raises(Exception) as mine:
        counterfoil.InferenceSession(source, journal=log)
    assert type(mine.value) is type(theirs.value)


@pytest.mark.parametrize("name", ["missing.onnx", ".", "missing/model.onnx"])
def test_session__no_such_file__onnxruntimes_own_error(
    log: Journal, tmp_path: Path, name: str
) -> None:
    with pytest.raises(Exception) as theirs:
        onnxruntime.InferenceSession(tmp_path / name)
    with pytest.raises(Exception) as mine:
        counterfoil.InferenceSession(tmp_path / name, journal=log)
    assert type(mine.value) is type(theirs.value)
    assert str(mine.value) == str(theirs.value)


@pytest.mark.parametrize("source", [None, 7, ["model.onnx"], bytearray(b"x")])
def test_session__no_path_and_no_bytes__onnxruntimes_own_error(log: Journal, source: Any) -> None:
    with pytest.raises(TypeError, match="Unable to load from type"):
        counterfoil.InferenceSession(source, journal=log)


def test_session__graph_of_2_gib__refused_unread(log: Journal, tmp_path: Path) -> None:
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)  # a hole: no disk is used
    with pytest.raises(BadModel, match="2 GiB or more"):
        model_format.load(path)
    with pytest.raises(Exception):  # noqa: B017 onnxruntime's own
        counterfoil.InferenceSession(path, journal=log)


LOCATIONS = {
    "absolute": "/etc/passwd",
    "above": "../weights.bin",
    "above, from within": "a/../../weights.bin",
    "the graph itself": "model.onnx",
    "the graph itself, otherwise": "./model.onnx",
    "empty": "",
    "another system's": "C:\\weights.bin",
    "a NUL": "weights\0.bin",
}


@pytest.mark.parametrize("location", LOCATIONS.values(), ids=LOCATIONS)
def test_session__location_outside__refused_before_anything_is_loaded(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    folder = tmp_path / "in"
    small_models.put_external(folder)
    (tmp_path / "weights.bin").write_bytes(bytes(2400))
    path = folder / "bad.onnx"
    path.write_bytes(small_models.external(location))
    _refuses_unloaded(log, path, monkeypatch)


def test_session__one_file_by_two_names__refused(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_models.put_external(tmp_path)
    path = tmp_path / "bad.onnx"
    path.write_bytes(small_models.external(extra=["./weights.bin"]))
    _refuses_unloaded(log, path, monkeypatch)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_session__link_out_of_the_folder__refused(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    outside = tmp_path / "outside"
    small_models.put_external(outside)
    folder = tmp_path / "in"
    folder.mkdir()
    location = "linked" if kind == "file" else "linked/weights.bin"
    (folder / "linked").symlink_to(outside / "weights.bin" if kind == "file" else outside)
    path = folder / "bad.onnx"
    path.write_bytes(small_models.external(location))
    _refuses_unloaded(log, path, monkeypatch)


def _refuses_unloaded(log: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(*_: Any) -> None:
        pytest.fail("the engine was asked to load the model")

    monkeypatch.setattr(loading, "given_to_engine", loaded)
    monkeypatch.setattr(loading.Origin, "probe", loaded)
    with pytest.raises(UnsafeModelPath):
        counterfoil.InferenceSession(path, journal=log)


def test_session__external_data_is_a_pipe__refused_unread(log: Journal, tmp_path: Path) -> None:
    path = small_models.put_external(tmp_path)
    (tmp_path / "weights.bin").unlink()
    os.mkfifo(tmp_path / "weights.bin")
    with pytest.raises(BadModel, match="is no file"):
        counterfoil.InferenceSession(path, journal=log)


def test_session__external_data_missing_or_short__onnxruntimes_own_error(
    log: Journal, tmp_path: Path
) -> None:
    path = small_models.put_external(tmp_path)
    for content in (None, bytes(10)):
        (tmp_path / "weights.bin").unlink()
        if content is not None:
            (tmp_path / "weights.bin").write_bytes(content)
        with pytest.raises(Exception) as theirs:
            onnxruntime.InferenceSession(path)
        with pytest.raises(type(theirs.value)):
            counterfoil.InferenceSession(path, journal=log)
        (tmp_path / "weights.bin").touch()


def test_session__bytes_that_name_external_data__refused(
    log: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_models.put_external(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadModel, match="load it from its path"):
        counterfoil.InferenceSession(small_models.external(), journal=log)


def test_session__operator_that_does_not_exist__onnxruntimes_own_error(log: Journal) -> None:
    source = small_models.model(
        [helper.make_node("Nothing", ["x"], ["y"])],
        [small_models.tensor("x", TensorProto.FLOAT)],
        [small_models.tensor("y", TensorProto.FLOAT)],
    )
    with pytest.raises(Exception) as theirs:
        onnxruntime.InferenceSession(source)
    with pytest.raises(type(theirs.value)):
        counterfoil.InferenceSession(source, journal=log)
