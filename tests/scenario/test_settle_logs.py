"""Several logs of one profile, one of them in trouble: the commands settle the others."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from counterfoil import config
from counterfoil.config import save_profile
from counterfoil.settle import revoke_log
from world import World

pytestmark = pytest.mark.anvil

KEY = "SETTLE_PAYER_KEY"


@pytest.fixture
def two_logs(anvil, on_anvil, tmp_path, monkeypatch) -> World:
    """A rotated log at whose first number the ledger has another batch, and a healthy new one."""
    log = on_anvil
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(KEY, log.payer.key.hex())
    for field in config.FIELDS:
        monkeypatch.delenv(f"COUNTERFOIL_{field.upper()}", raising=False)
    log.profile = replace(log.profile, rpc=anvil.url, payer=f"env:{KEY}")
    save_profile(log.profile)
    log.seal(3)
    ours = log.journal.cut_batch()
    revoke_log(log.journal, log.chain, log.operator)
    other = replace(ours, batch=replace(ours.batch, size=2))
    log.ledger.post_batch(other, log.operator, signed=False)
    old, log.journal = log.journal, log.journal.rotate()
    old.close()
    log.open()
    log.seal(4)
    return log


def settle(log: World, *arguments: str) -> subprocess.Popen[str]:
    program = "from counterfoil.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "settle", "--profile", log.profile.name, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip


def test_settle__another_log_is_foreign__settled_and_the_error_said_once(two_logs):
    process = settle(two_logs)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 70
    assert two_logs.journal.state(3) == "final" and "4 receipts settled" in out
    assert err.count("holds another batch at number 0") == 1 and "Traceback" not in err


def test_settle_watch__another_log_is_foreign__goes_on_with_the_rest(two_logs):
    process = settle(two_logs, "--watch", "--interval", "0.2")
    try:
        for last in (3, 7):
            deadline = time.monotonic() + 30
            while two_logs.journal.state(last) != "final":
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.1)
            two_logs.seal(4)
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 70
    assert err.count("holds another batch at number 0") == 1 and "Traceback" not in err
