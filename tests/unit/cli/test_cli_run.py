"""`counterfoil run`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_models import save_model
from counterfoil import config
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.journal import Journal


def test_run__writes_outputs_and_a_receipt(invoke, model, x):
    answer = invoke("run", model, "-i", x, "--json")
    assert answer.code == 0 and answer.json["sequence"] == 0
    with np.load("outputs.npz") as outputs:
        assert outputs["y"].tolist() == [[1, 2, 3, 4]]
    file = ReceiptFile.load(Path("receipt.json"))
    assert answer.json["digest"] == "0x" + file.digest.hex()
    assert file.opening.outputs.tensors[0].array().tolist() == [[1, 2, 3, 4]]


def test_run__npy_output(invoke, model, x):
    assert invoke("run", model, "-i", x, "-o", "y.npy").code == 0
    assert np.load("y.npy").tolist() == [[1, 2, 3, 4]]


def test_run__output_named_file__is_written(invoke, x):
    model = save_model(Path("odd.onnx"), output="file")
    assert invoke("run", model, "-i", x).code == 0
    with np.load("outputs.npz") as outputs:
        assert outputs.files == ["file"]


@pytest.mark.parametrize("kind", ["npz", "npy", "json", "json alone", "raw"])
def test_run__every_kind_of_input(invoke, model, kind):
    array = np.arange(4, dtype=np.float32).reshape(1, 4)
    spec = "in." + {"json alone": "json", "raw": "bin"}.get(kind, kind)
    if kind == "npz":
        np.savez(spec, x=array)
    elif kind == "npy":
        np.save(spec, array)
    elif kind == "raw":
        Path(spec).write_bytes(array.tobytes())
    else:
        value = array.tolist()
        Path(spec).write_text(json.dumps({"x": value} if kind == "json" else value))
    assert invoke("run", model, "-i", spec).code == 0
    with np.load("outputs.npz") as outputs:
        assert outputs["y"].tolist() == [[1, 2, 3, 4]]


def test_run__several_inputs_by_name(invoke, x):
    model = save_model(Path("two.onnx"), names=("a", "b"))
    assert invoke("run", model, "-i", f"a={x}", "-i", f"b={x}").code == 0
    assert "say which" in invoke("run", model, "-i", x).complaint
    assert "needs the input 'b'" in invoke("run", model, "-i", f"a={x}").complaint
    assert "given twice" in invoke("run", model, "-i", f"a={x}", "-i", f"a={x}").complaint


def test_run__equals_sign_in_a_file_name(invoke, model, x):
    os.rename(x, "k=v.npy")
    assert invoke("run", model, "-i", "k=v.npy").code == 0


BAD_INPUTS = {
    "missing.npy": None,
    "empty.npy": b"",
    "text.npy": b"no array",
    "text.npz": b"no archive",
    "list.json": b"[[1, 2,",
    "deep.json": b"[" * 100_000,
    "objects.json": b'{"x": {"a": 1}}',
    "large.json": b"[[1e999, 1, 1, 1]]x",
    "infinite.json": b"[[1e999, 1, 1, 1]]",
    "past float32.json": b"[[1e39, 1, 1, 1]]",
    "nan.json": b"[[NaN, 1, 1, 1]]",
    "twice.json": b'{"x": [[1, 1, 1, 1]], "x": [[2, 2, 2, 2]]}',
    "short.bin": b"12345",
    "unknown.json": b'{"z": [1]}',
    "huge.npy": b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000,), }".ljust(117)
    + b"\n",
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_run__bad_input_file__one_line(invoke, model, name):
    if BAD_INPUTS[name] is not None:
        Path(name).write_bytes(BAD_INPUTS[name])
    answer = invoke("run", model, "-i", name)
    assert answer.code == 65
    assert name in answer.complaint
    assert not Path("receipt.json").exists()


def test_run__deep_json_where_recursion_is_hardly_bound__one_line(invoke, model):
    """As in a program with py-evm in it: json's own recursion would end the process."""
    Path("deep.json").write_bytes(b"[" * 100_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    try:
        assert "nests deeper" in invoke("run", model, "-i", "deep.json").complaint
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_run__input_without_an_end__refused(invoke, model, kind):
    name = {"pipe": "pipe.bin", "device": "/dev/zero", "folder": "folder.npy"}[kind]
    if kind == "pipe":
        os.mkfifo(name)
    if kind == "folder":
        Path(name).mkdir()
    assert "no regular file" in invoke("run", model, "-i", name).complaint


@pytest.mark.parametrize("name", ["x.json", "x.bin"])
def test_run__input_past_the_bound__refused_unread(invoke, model, name):
    with Path(name).open("wb") as stream:
        stream.truncate(2**35)  # sparse
    assert "larger than" in invoke("run", model, "-i", name).complaint


def test_run__pickle__is_not_loaded(invoke, model):
    np.save("p.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert "pickle" in invoke("run", model, "-i", "p.npy").complaint


def test_run__npz_by_the_name_of_npy__refused(invoke, model):
    with Path("z.npy").open("wb") as stream:
        np.savez(stream, x=np.ones(4, np.float32))
    assert "no npy file" in invoke("run", model, "-i", "z.npy").complaint


def test_run__wrong_type__onnxruntimes_refusal_in_one_line(invoke, model):
    np.save("i.npy", np.ones((1, 4), np.int32))
    answer = invoke("run", model, "-i", "i.npy")
    assert (answer.code, "does not take the inputs" in answer.complaint) == (65, True)
    answer = invoke("run", model, "-i", "i.npy", "--json")
    assert answer.json["error"]["class"] == "InputRefused"


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_run__bad_model__one_line(invoke, x, content):
    if content is not None:
        Path("bad.onnx").write_bytes(content)
    answer = invoke("run", "bad.onnx", "-i", x)
    assert answer.code == 65 and answer.complaint
    assert not Path("receipt.json").exists()


@pytest.mark.parametrize("option", ["--output", "--receipt"])
def test_run__place_not_writable__refused_before_sealing(invoke, model, x, option):
    for place, why in (("gone/file", "make the folder"), (".", "is a folder")):
        answer = invoke("run", model, "-i", x, option, place)
        assert (answer.code, why in answer.complaint) == (73, True)
    assert not config.data_folder().exists()  # nothing was sealed: not even a journal is there


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_run__disk_full__says_where_the_receipt_is(invoke, model, x):
    answer = invoke("run", model, "-i", x, "--receipt", "/dev/full")
    assert answer.code == 73
    assert "number 0 of the journal" in answer.complaint
    with Journal.open(config.load_profile(), create=False) as journal:
        assert journal.next_sequence() == 1


def test_run__journal_out_of_use__raises_or_goes_on_unsealed(invoke, model, x, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_JOURNAL", "sqlite:////proc/none/journal.db")
    answer = invoke("run", model, "-i", x)
    assert answer.code == 74 and answer.complaint
    assert not Path("outputs.npz").exists()
    answer = invoke("run", model, "-i", x, "--unsealed", "--json")
    assert answer.code == 3
    assert answer.json == {"outputs": "outputs.npz", "receipt": None}
    with np.load("outputs.npz") as outputs:
        assert outputs["y"].tolist() == [[1, 2, 3, 4]]
    assert not Path("receipt.json").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--keep", "soon"), ("--request", "0x12"), ("--nope", "1")]
)
def test_run__bad_option__one_line_and_code_2(invoke, model, x, option, value):
    answer = invoke("run", model, "-i", x, option, value)
    assert (answer.code, "counterfoil run --help" in answer.complaint) == (2, True)
    answer = invoke("run", model, "-i", x, option, value, "--json")
    assert answer.json["error"]["class"] == "UsageError"


def test_run__request_and_keep(invoke, model, x):
    request = "0x" + "ab" * 32
    assert invoke("run", model, "-i", x, "--request", request, "--keep", "1d").code == 0
    assert ReceiptFile.load(Path("receipt.json")).receipt.request == bytes.fromhex(request[2:])
    assert invoke("export", "files").code == 0
    (file,) = Path("files").glob("*.json")
    assert ReceiptFile.load(file).opening is not None
    assert invoke("forget", "--all", "--json").json["tensors"] == 2


def test_files_with_openings__their_owners_alone(invoke, model, x):
    Path("receipt.json").touch(mode=0o644)
    assert invoke("run", model, "-i", x, "--keep", "1d").code == 0
    assert Path("receipt.json").stat().st_mode & 0o777 == 0o600
    assert invoke("export", "open").code == 0
    assert invoke("export", "closed", "--no-openings").code == 0
    (opened,) = Path("open").iterdir()
    (closed,) = Path("closed").iterdir()
    assert ReceiptFile.load(opened).opening is not None
    assert ReceiptFile.load(closed).opening is None
    umask = os.umask(0)
    os.umask(umask)
    assert opened.stat().st_mode & 0o777 == 0o600
    assert closed.stat().st_mode & 0o777 == 0o666 & ~umask
