"""The commands of bonds, proofs and audits, against a real node."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from counterfoil import chain as chains
from counterfoil import config
from counterfoil.cli import main
from counterfoil.config import save_profile
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Digest
from test_watch_anvil import jump
from watching import ANSWER_WINDOW, GRACE, UNIT, watched

pytestmark = pytest.mark.anvil


@pytest.fixture
def case(anvil, on_anvil, tmp_path, monkeypatch):
    made = watched(on_anvil, anvil.account(), tmp_path)
    on_anvil.settler().step()
    for field in config.FIELDS:
        monkeypatch.delenv(f"COUNTERFOIL_{field.upper()}", raising=False)
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPERATOR_KEY", on_anvil.operator.key.hex())
    monkeypatch.setenv("WATCHER_KEY", made.watcher.key.hex())
    profile = replace(
        on_anvil.profile, rpc=anvil.url, operator="env:OPERATOR_KEY", payer="env:WATCHER_KEY"
    )
    save_profile(profile)
    monkeypatch.setenv("COUNTERFOIL_PROFILE", profile.name)
    return made


def call(*arguments: object) -> tuple[int, dict]:
    """A command's exit code and what it prints under --json."""
    done = CliRunner(mix_stderr=False).invoke(main, [*map(str, arguments), "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    found = json.loads(done.stdout) if done.stdout.strip() else {}
    return done.exit_code, found


def test_bond__made_added_asked_and_kept(case, anvil):
    log = case.log.journal.signer
    assert call("standing", log) == (0, call("standing", log)[1])
    code, found = call("bond", "1", "--unit", "0.5")
    assert (code, found["amount"], found["unit"]) == (0, str(UNIT), str(UNIT // 2))
    code, found = call("bond", "500000000000000000wei")
    assert (code, int(found["amount"])) == (0, UNIT * 3 // 2)
    assert call("bond", "1", "--unit", "1")[0] == 2
    assert call("withdraw")[0] == 4
    code, found = call("withdraw", "--ask")
    assert code == 0 and found["withdrawableAfter"] > case.log.chain.now()
    assert call("withdraw")[0] == 4
    jump(anvil, found["withdrawableAfter"] - case.log.chain.now() + 10)
    before = case.log.chain.balance(case.log.operator.address)
    assert call("withdraw")[0] == 0
    assert case.log.chain.balance(case.log.operator.address) > before + UNIT


def test_prove__late__and_the_standing_as_of_a_time(case, anvil):
    case.bond()
    case.hand_out(case.log.seal(2))
    file = case.folder / "0001.json"
    code, found = call("prove", "late", file)
    assert code == 65 and "still be settled in time" in found["error"]["message"]
    before = case.log.chain.now()
    jump(anvil, 600 + GRACE + 60)
    code, found = call("prove", "late", file)
    assert code == 0 and found["proved"] and len(found["steps"]) == 3
    assert call("prove", "late", case.folder / "0000.json")[0] == 65
    log = case.log.journal.signer
    code, found = call("standing", log)
    assert (code, found["clean"], found["reason"], found["count"]) == (6, False, "late", 1)
    assert call("standing", log, "--at", before)[0] == 0
    code, found = call("audit", log)
    assert code == 6 and found["offences"] == [{"number": 0, "offence": "late"}]
    code, found = call("audit", log, "--receipts", case.folder)
    assert code == 6 and found["counts"] == {"broken": 2}


def test_prove__double_sign_and_conflict(case):
    case.bond(units=3)
    sealed = case.log.seal(3)
    others = [each.receipt for each in sealed]
    others[1] = replace(others[1], outputs=Digest(bytes([9]) * 32))
    case.hand_out(sealed)
    other = case.write(case.forge(others[1]), "other.json", case.folder.parent)
    batch = case.folder.parent / "batch.json"
    batch.write_bytes(case.post(others).dump())
    mine = case.folder / "0001.json"
    code, found = call("prove", "conflict", mine)
    assert code == 65 and "not to be had" in found["error"]["message"]
    assert call("prove", "conflict", case.folder / "0000.json", "--batch", batch)[0] == 65
    code, found = call("prove", "conflict", mine, "--batch", batch)
    assert code == 0 and found["proved"]
    code, found = call("prove", "double-sign", mine, other)
    assert code == 65 and "proved already" in found["error"]["message"]
    assert call("prove", "double-sign", mine)[0] == 2
    zero = replace(sealed[0].receipt, outputs=Digest(bytes([7]) * 32))
    second = case.write(case.forge(zero), "zero.json", case.folder.parent)
    code, found = call("prove", "double-sign", second, case.folder / "0000.json")
    assert code == 0 and found["proved"]
    assert case.court.standing(sealed[0].receipt.signer).count == 2


def test_prove__withheld__demanded_answered_or_timed_out(case, anvil):
    case.bond()
    sealed = case.log.seal(2)
    case.hand_out(sealed)
    batch = case.folder.parent / "batch.json"
    batch.write_bytes(case.post([each.receipt for each in sealed]).dump())
    log = sealed[0].receipt.signer
    assert call("answer", log, 0, "--batch", batch)[0] == 65
    assert call("prove", "withheld", case.folder / "0000.json")[0] == 4
    assert call("prove", "withheld", case.folder / "0001.json")[0] == 4
    code, found = call("audit", log)
    assert code == 6 and found["openDemands"] == [0, 1] and found["counts"] == {"no path": 2}
    assert call("answer", log, 0)[0] == 65
    code, found = call("answer", log, 0, "--batch", batch)
    assert code == 0 and int(found["fee"]) > 0
    assert call("prove", "withheld", case.folder / "0000.json")[0] == 65
    jump(anvil, ANSWER_WINDOW + 10)
    code, found = call("prove", "withheld", case.folder / "0001.json")
    assert code == 0 and found["proved"]
    assert case.court.standing(log).reason == "withheld"


def test_audit__honest_log__nothing_is_wrong_and_every_receipt_final(case):
    case.hand_out(case.log.seal(3))
    case.log.settler().drain()
    case.hand_out(case.log.seal(2))
    case.log.settler().drain()
    code, found = call("audit", "--mirror", case.published, "--receipts", case.folder, "--list")
    assert code == 0 and found["problems"] == [] and found["counts"] == {"final": 5}
    assert [r["sequence"] for r in found["receipts"]] == list(range(5))
    assert [r["batch"] for r in found["receipts"]] == [0, 0, 0, 3, 3]
    (case.published / case.log.journal.signer / "3.json").unlink()
    code, found = call("audit", "--mirror", case.published)
    assert code == 6 and found["counts"] == {"final": 3, "no path": 2}
    assert "batch at 3: no file" in found["problems"][0]


def test_log_close_and_revoke__settle_first(case):
    case.log.seal(3)
    assert call("log", "close")[0] == 0
    assert case.log.ledger.next_sequence(case.log.journal.signer) == 3
    case.log.seal(2)
    assert call("log", "revoke", "--yes")[0] == 0
    assert case.log.ledger.next_sequence(case.log.journal.signer) == 5
    record = case.log.ledger.log_record(case.log.journal.signer)
    assert record is not None and record.revoked_at


def test_verify__caught_before_and_after_the_posting__said(case, anvil):
    case.bond()
    case.log.seal(1)
    case.log.settler().drain()
    file = case.folder.parent / "receipt.json"
    file.write_bytes(case.log.journal.receipt_file(0, openings=False).dump())
    code, found = call("verify", file)
    assert code == 0 and found["results"][0]["anchored"]["clean"] is True
    sealed = case.log.seal(1)
    case.hand_out(sealed)
    jump(anvil, 600 + GRACE + 60)
    assert call("prove", "late", case.folder / "0001.json")[0] == 0
    found = call("verify", file)[1]["results"][0]
    assert found["anchored"]["clean"] is True and any("caught" in n for n in found["notes"])
    case.log.settler().drain()
    done = case.log.journal.receipt_file(1, openings=False)
    assert isinstance(done, ReceiptFile)
    file.write_bytes(done.dump())
    found = call("verify", file)[1]["results"][0]
    assert found["anchored"]["clean"] is False
    assert (
        chains.CourtClient(case.log.chain, case.court.address)
        .standing(case.log.journal.signer)
        .count
        == 1
    )
