"""`counterfoil demo`, whole: every figure, every refusal, and what is left in the folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from counterfoil.formats.receipt_file import ReceiptFile

pytestmark = pytest.mark.slow
COMMAND = [sys.executable, "-c", "from counterfoil.cli import main; main()"]
SECONDS = 60
"""The bound for `make demo`, in the processor's time: other tests run beside this one."""

REFUSED = {
    "a changed output": "OutputsMismatch",
    "a changed input": "InputsMismatch",
    "a wrong sequence": "WrongSequence",
    "another chain's id": "SignedForAnotherChain",
    "another ledger's address": "SignedForAnotherLedger",
    "a ledger that the verifier does not know": "UnknownLedger",
    "a path from another batch": "BadInclusion",
    "a signature in the upper half": "BadSignature",
    "a receipt that was never settled": "NotSettled",
}


def counterfoil(folder: Path, *arguments: object, code: int = 0) -> str:
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder, env={**os.environ, "COUNTERFOIL_HOME": str(folder / "home")},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == "" or code != 0  # no progress bar where there is no terminal
    return done.stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    before = os.times()
    said = json.loads(counterfoil(folder, "demo", "--files", 100, "--out", "shown", "--json"))
    after = os.times()
    used = after.children_user - before.children_user + after.children_system
    said["seconds"] = used - before.children_system
    return folder, said


def test_demo__in_time(demo):
    assert demo[1]["seconds"] < SECONDS


def test_demo__figures(demo):
    _, said = demo
    assert said["inferences"] == 101  # and one that a contract ordered
    assert 0 < said["bare"] < 10**6
    assert -said["bare"] < said["added"] < 10**6  # both are medians of measured times
    assert 800 < said["receipt_bytes"] < 2500
    assert said["receipt_bytes"] < said["file_bytes"] < 40_000
    assert 40_000 < said["gas_per_batch"] <= 62_000
    assert 1_500 < said["gas_per_receipt"] < 62_000 * 4 / 100 * 1.2
    assert 25_000 < said["gas_per_verification"] < 60_000


def test_demo__refusals_each_with_its_reason(demo):
    refused = {case["what"]: case for case in demo[1]["refused"]}
    assert {w: c["off_chain"].partition(":")[0] for w, c in refused.items()} == REFUSED
    assert len({c["off_chain"] for c in refused.values()}) == len(REFUSED)
    asked = [c["on_chain"] for c in refused.values() if c["on_chain"]]
    assert len(asked) >= 5 and all(reason.startswith("ledger: ") for reason in asked)


def test_demo__receipts_verify_afterwards_and_the_chain_is_gone(demo):
    folder, said = demo
    files = sorted((folder / said["receipts"]).glob("*.json"))
    assert len(files) == 101
    assert [ReceiptFile.load(f).receipt.sequence for f in files] == list(range(101))
    results = json.loads(counterfoil(folder, "verify", *files, "--json"))["results"]
    assert all(r["verified"] == ["signed", "opened", "included"] for r in results)
    assert all(any("embedded chain is gone" in n for n in r["notes"]) for r in results)
    assert all(r["settleBy"] for r in results)  # the log was open: each receipt promised
    batches = {ReceiptFile.load(f).inclusion.first for f in files}
    assert len(batches) == 4


def test_demo__again_in_its_folder__made_anew(demo):
    folder, _ = demo
    other = folder / "mine"
    (other / "receipts").mkdir(parents=True)
    (other / "receipts" / "precious.json").write_text("{}")
    counterfoil(folder, "demo", "--out", "mine", code=73)
    assert (other / "receipts" / "precious.json").exists()
