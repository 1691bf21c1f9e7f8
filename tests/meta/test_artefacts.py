"""The committed artefacts are what a fresh compile gives, and what explorers are sent."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _builder():
    spec = importlib.util.spec_from_file_location("builder", ROOT / "scripts/build_artefacts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def builder():
    return _builder()


QUICKEST = "ModelRegistry"
NAMES = sorted(each.rpartition("/")[2] for each in _builder().CONTRACTS)


def test_artefacts__committed__equal_a_fresh_compile(builder):
    fresh = builder.build()
    for name, content in fresh.items():
        committed = (builder.FOLDER / name).read_text(encoding="utf-8")
        assert committed == content, f"{name} is stale: run `make artefacts`"
    documented = builder.PAGE.read_text(encoding="utf-8")
    assert documented == builder.page(fresh["addresses.json"]), "stale: run `make artefacts`"
    found = {each.name for each in builder.FOLDER.glob("*.json")} - {"deployments.json"}
    assert found == set(fresh)


@pytest.mark.parametrize("name", NAMES)
def test_artefacts__bytecode__carries_no_metadata(builder, name):
    committed = json.loads((builder.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert committed["integrity"] not in committed["bytecode"]
    assert committed["runtimeBytecode"][2:] in committed["bytecode"]


@pytest.mark.parametrize(
    "name",
    # The quickest is always compiled this way; a compiler that writes all outputs takes its time.
    [pytest.param(each, marks=[] if each == QUICKEST else pytest.mark.slow) for each in NAMES],
)
def test_artefacts__standard_json__compiles_to_the_committed_bytecode(builder, name, tmp_path):
    """Runs the very lines of docs/deploying.md."""
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts/build_artefacts.py", "--standard-json", name],
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout
    (tmp_path / "input.json").write_bytes(printed)
    vyper_json = Path(sys.executable).with_name("vyper-json")
    compiled = subprocess.run(
        [vyper_json, "input.json"], cwd=tmp_path, capture_output=True, check=True, timeout=120
    ).stdout
    contracts = json.loads(compiled)["contracts"]
    (made,) = (found[name] for found in contracts.values() if name in found)
    committed = json.loads((builder.FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert made["evm"]["bytecode"]["object"] == committed["bytecode"]
