"""The README's lines run, its contract compiles against the wheel, its targets exist."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from counterfoil.formats.receipt_file import ReceiptFile
from onnx import TensorProto, helper
from wheels import build_wheel, run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def lines(beginning: str) -> list[str]:
    """The commands, without comments, of the block that has one of this beginning."""
    (block,) = [b for b in blocks("") if re.search(rf"^{beginning}", b, re.MULTILINE)]
    return [line.split("#")[0].strip() for line in block.splitlines() if line.strip()]


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A folder with a small model.onnx and x.npy, and a home of its own."""
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "one"], ["y"])],
        "add",
        [value("x", TensorProto.FLOAT, [1, 4])],
        [value("y", TensorProto.FLOAT, [1, 4])],
        [one],
    )
    made = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(made, str(tmp_path / "model.onnx"))
    np.save(tmp_path / "x.npy", np.ones((1, 4), np.float32))
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    path = [str(BIN), os.environ["PATH"], str(ROOT / "node_modules" / ".bin")]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return tmp_path


def test_python_example__runs_and_leaves_a_receipt(project):
    (example,) = blocks("python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    subprocess.run([sys.executable, "-c", example], cwd=project, check=True, timeout=120)
    receipt = ReceiptFile.load(project / "receipt.json")
    assert receipt.opening.outputs.tensors[0].array().tolist() == [[2, 2, 2, 2]]


@pytest.mark.anvil
@pytest.mark.slow
def test_shell_lines__run_in_their_order_and_end_anchored(project):
    up, *others = lines("counterfoil up")
    assert up == "counterfoil up"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serving = subprocess.Popen(
        [*up.split(), "--port", str(port)], cwd=project, stdout=subprocess.PIPE, text=True
    )
    try:
        for line in serving.stdout:
            if line.startswith("Ctrl-C"):
                break
        for line in others:
            done = subprocess.run(
                line.split(), cwd=project, capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert done.stdout.splitlines()[0] == "receipt.json: signed, opened, included, anchored"
    finally:
        serving.terminate()
        assert serving.wait(60) == 0


def test_contract_example__compiles_against_the_wheel(tmp_path):
    (example,) = blocks("vyper")
    assert len([line for line in example.splitlines() if line.strip()]) <= 10
    source = tmp_path / "source"
    source.mkdir()
    installed = tmp_path / "installed"
    zipfile.ZipFile(build_wheel(source)).extractall(installed)
    (tmp_path / "Example.vy").write_text(example)
    run(BIN / "vyper", "-p", installed, "-p", tmp_path, tmp_path / "Example.vy", cwd=tmp_path)


def test_make_targets__exist():
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"\bmake ([a-z]+)\b", "\n".join(blocks("")))
    assert {"demo", "test"} <= set(named)
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_first_screen__has_both_commands():
    assert "make demo" in README[:1500] and "make test" in README[:1500]


@pytest.mark.slow
@pytest.mark.skipif(not (BIN / "ape").exists(), reason="needs Ape, as `make` installs it")
def test_ape_line__runs_on_a_local_network(tmp_path):
    local = [line for line in lines("ape run") if ":local:" in line]
    assert local
    # A copy, as a deployment is recorded in the project and others compile there now
    for name in ("contracts", "scripts", "offchain", "ape-config.yaml", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "node_modules")
            shutil.copytree(source, tmp_path / name, ignore=skipped)
        else:
            shutil.copy(source, tmp_path)
    for line in local:
        said = run(
            BIN / line.split()[0], *line.split()[1:], cwd=tmp_path, PATH=f"{BIN}:/usr/bin:/bin"
        )
        assert re.search(r"0x[0-9a-fA-F]{40}", said)


def test_ape_lines__name_scripts_that_exist():
    for line in lines("ape run"):
        assert (ROOT / "scripts" / f"{line.split()[2]}.py").exists()
    for script in re.findall(r"`([a-z]+_[a-z]+)`", README):
        assert (ROOT / "scripts" / f"{script}.py").exists(), script
