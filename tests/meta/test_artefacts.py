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


def committed(builder, name):
    return json.loads((builder.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("contract", _builder().CONTRACTS)
def test_artefacts__committed__are_of_these_sources(builder, contract):
    """The compiler's own digest of a source and its imports, which needs no code generated."""
    found = committed(builder, contract.rpartition("/")[2])
    made_from = builder.origin(contract)
    assert found | made_from == found, f"{contract} is stale: run `make artefacts`"


def test_artefacts__folder_and_page__hold_these_and_where_they_are_deployed(builder):
    names = {f"{name}.json" for name in NAMES}
    found = {each.name for each in builder.FOLDER.glob("*.json")}
    assert found == names | {"addresses.json", "deployments.json"}
    for name in names:
        text = (builder.FOLDER / name).read_text(encoding="utf-8")
        assert builder.text(json.loads(text)) == text
    addresses = builder.text(builder.addresses({name: committed(builder, name) for name in NAMES}))
    assert (builder.FOLDER / "addresses.json").read_text(encoding="utf-8") == addresses
    documented = builder.PAGE.read_text(encoding="utf-8")
    assert documented == builder.page(addresses), "stale: run `make artefacts`"


@pytest.mark.slow
def test_artefacts__committed__equal_a_fresh_compile(builder):
    for name, content in builder.build().items():
        text = (builder.FOLDER / name).read_text(encoding="utf-8")
        assert text == content, f"{name} is stale: run `make artefacts`"


@pytest.mark.parametrize("name", NAMES)
def test_artefacts__bytecode__carries_no_metadata(builder, name):
    found = committed(builder, name)
    assert found["integrity"] not in found["bytecode"]
    assert found["runtimeBytecode"][2:] in found["bytecode"]


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
    assert made["evm"]["bytecode"]["object"] == committed(builder, name)["bytecode"]
