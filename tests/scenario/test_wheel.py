"""The wheel in empty environments: the demo, part of the suite, and another project's contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from wheels import build_wheel, run

ROOT = Path(__file__).parents[2]
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(UV is None, reason="needs uv, as `make` installs it"),
]

SUITE = ("formats", "hashing", "journal", "test_config.py", "test_keys.py")
"""What of tests/unit runs against the wheel: all that needs no more than its extra [demo]."""

CONTRACT = """# pragma version 0.4.3
from counterfoil.contracts.interfaces import IReceiptLedger
from counterfoil.contracts.modules import merkle_path
from counterfoil.contracts.modules import tensor_opening

LEDGER: immutable(IReceiptLedger)


@deploy
def __init__(ledger: address):
    LEDGER = IReceiptLedger(ledger)


@external
@view
def settled(receipt: IReceiptLedger.Receipt, inclusion: IReceiptLedger.Inclusion) -> bool:
    return staticcall LEDGER.verify(receipt, inclusion)


@external
@view
def opens(outputs: bytes32, opening: IReceiptLedger.ChunkOpening) -> bool:
    tensor_opening.require_chunk(outputs, opening)
    return True


@external
@pure
def leaf(data: bytes32) -> bytes32:
    return merkle_path.leaf(data)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("source"))


def environment(folder: Path, *requirements: object) -> Path:
    """An empty environment with these; its Python. Skips where there is no package index."""
    python = folder / "venv" / "bin" / "python"
    run(UV, "venv", "--quiet", "--python", sys.executable, "venv", cwd=folder)
    done = subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", python, *map(str, requirements)],
        cwd=folder, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"the requirements cannot be installed: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    return python


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """Wheel and extra [demo] with the test tools, and no Ape."""
    folder = tmp_path_factory.mktemp("installed")
    return environment(folder, f"{wheel}[demo]", "pytest", "pytest-xdist", "hypothesis")


def test_wheel__holds_contracts_artefacts_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"counterfoil"}
    for source in ("interfaces", "modules"):
        for path in (ROOT / "contracts" / source).glob("*.vy*"):
            assert f"counterfoil/contracts/{source}/{path.name}" in names
    assert "counterfoil/artefacts/ReceiptLedger.json" in names
    assert "counterfoil/py.typed" in names
    assert not [n for n in names if "harness" in n.lower() or "test" in n.lower().split("/")[-1]]


def test_wheel__no_ape_and_nothing_of_this_checkout(python):
    code = (
        "import importlib.util as u, counterfoil; print(u.find_spec('ape'), counterfoil.__file__)"
    )
    said = run(python, "-c", code, cwd=python.parent)
    assert said.startswith("None ") and str(ROOT) not in said


def test_wheel__demo_then_verify(python, tmp_path):
    counterfoil = python.parent / "counterfoil"
    home = {"COUNTERFOIL_HOME": str(tmp_path / "home")}
    said = json.loads(
        run(counterfoil, "demo", "--files", 100, "--out", "out", "--json", cwd=tmp_path, **home)
    )
    assert said["inferences"] == 101 and len(said["refused"]) == 9
    file = tmp_path / "out" / "receipts" / "00007.json"
    answer = run(counterfoil, "verify", file, cwd=tmp_path, **home)
    assert answer.splitlines()[0].endswith(": signed, opened, included")
    assert "the embedded chain is gone" in answer


def test_wheel__base_suite(python, tmp_path):
    """On a copy of the tests, so that no import can find the checkout's package."""
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("unit", "support", "vectors"):
        shutil.copytree(ROOT / "tests" / name, tmp_path / "tests" / name, ignore=skipped)
    for name in ("conftest.py", "needs.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    chosen = [f"tests/unit/{name}" for name in SUITE]
    # The wheel is installed without the extra [postgres].
    without = ("--ignore", "tests/unit/journal/test_postgres.py", "-k", "not postgres")
    said = run(
        python, "-m", "pytest", "-q", "-n", "2", *chosen, *without,
        cwd=tmp_path, HYPOTHESIS_PROFILE="ci",
    )  # fmt: skip
    passed = int(said.rsplit(" passed", 1)[0].split()[-1])
    assert passed > 300, said[-2000:]


def test_wheel__another_projects_contract_compiles(wheel, tmp_path):
    locked = (ROOT / "requirements" / "dev.in").read_text()
    (vyper,) = [line for line in locked.splitlines() if line.startswith("vyper==")]
    python = environment(tmp_path, vyper)
    run(UV, "pip", "install", "--quiet", "--no-deps", "--python", python, wheel, cwd=tmp_path)
    (tmp_path / "Mine.vy").write_text(CONTRACT)
    abi = json.loads(run(python.parent / "vyper", "-f", "abi", "Mine.vy", cwd=tmp_path))
    assert {f["name"] for f in abi if f["type"] == "function"} == {"settled", "opens", "leaf"}


def test_wheel__requirements_leave_ape_out():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + [
        line for lines in project["optional-dependencies"].values() for line in lines
    ]
    assert not [line for line in wanted if line.startswith(("eth-ape", "ape-", "vyper"))]
