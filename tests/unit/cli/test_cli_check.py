"""`counterfoil verify` and `counterfoil show`."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from counterfoil import config


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def changed(path: Path, name: str, **fields: object) -> Path:
    value = json.loads(path.read_text())
    value["receipt"] |= fields
    Path(name).write_text(json.dumps(value))
    return Path(name)


def test_verify__no_node__says_what_holds_and_what_was_not_asked(invoke, receipt):
    answer = invoke("verify", receipt)
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "receipt.json: signed, opened"
    assert "no chain was asked" in answer.out
    assert "promises nothing" in answer.out


def test_verify__require_anchored__fails_offline(invoke, receipt):
    answer = invoke("verify", receipt, "--require-anchored")
    assert answer.code == 1 and answer.complaint


def test_verify__changed_field__fails(invoke, receipt):
    bad = changed(receipt, "bad.json", outputs="0x" + "00" * 32)
    answer = invoke("verify", bad)
    assert answer.code == 1 and "signature is not" in answer.complaint
    assert invoke("verify", bad, "--json").json["error"]["class"] == "WrongSigner"


def test_verify__several_files__all_are_said_and_the_first_failure_is_the_code(invoke, receipt):
    bad = changed(receipt, "bad.json", sequence=7)
    answer = invoke("verify", receipt, "gone.json", bad, receipt, "--json")
    assert answer.code == 65
    results = answer.json["results"]
    assert [r.get("error", {}).get("class") for r in results] == [
        None, "MalformedFile", "WrongSequence", None
    ]  # fmt: skip
    assert invoke("verify", bad, "gone.json").code == 1
    lines = invoke("verify", receipt, bad).out.splitlines()
    assert lines[0] == "receipt.json: signed, opened"
    assert lines[-1].startswith("bad.json: FAILED WrongSequence: ")


def test_verify__profiles_node_out_of_reach__is_a_note(invoke, receipt, monkeypatch, closed_port):
    monkeypatch.setenv("COUNTERFOIL_RPC", closed_port)
    answer = invoke("verify", receipt)
    assert answer.code == 0
    assert "the profile's node was not asked" in answer.out
    assert "not asked" not in invoke("verify", receipt, "--offline").out.replace(
        "no chain was asked", ""
    )


def test_verify__named_node_out_of_reach__is_an_error_found_once(invoke, receipt, closed_port):
    answer = invoke("verify", receipt, "--rpc", closed_port)
    assert answer.code == 75 and "cannot be reached" in answer.complaint
    start = time.monotonic()
    one = time.monotonic() - start
    many = invoke("verify", *[receipt] * 50, "--rpc", closed_port, "--json")
    assert len(many.json["results"]) == 50
    assert all(r["error"]["class"] == "ChainUnreachable" for r in many.json["results"])
    assert time.monotonic() - start < 30 + one  # 50 tries would take minutes


def test_verify__rpc_that_is_no_address(invoke, receipt):
    assert invoke("verify", receipt, "--rpc", "not a url").code == 78


def test_verify__unknown_ledger__is_said(invoke, receipt, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_LEDGER", "0x" + "11" * 20)
    assert "unknown ledger" in invoke("verify", receipt, "--offline").out
    known = json.loads(receipt.read_text())["ledger"]
    added = invoke("verify", receipt, "--offline", "--ledger", f"31337:{known}")
    assert "unknown ledger" not in added.out


@pytest.mark.parametrize("option", ["--ledger", "--publisher"])
def test_verify__option_that_is_no_address(invoke, receipt, option):
    answer = invoke("verify", receipt, option, "0x12")
    assert answer.code == 78 and answer.complaint


@pytest.mark.parametrize("command", ["verify", "show"])
def test_standard_input__is_not_read(invoke, command):
    answer = invoke(command, "-")
    assert (answer.code, "name a file" in answer.complaint) == (2, True)


@pytest.mark.parametrize("command", ["verify", "show"])
@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 10**6, b'{"format":"counterfoil/x"}'],
)
def test_bad_file__one_line(invoke, command, content):
    Path("bad.json").write_bytes(content)
    answer = invoke(command, "bad.json")
    assert answer.code == 65 and answer.complaint


@pytest.mark.parametrize("command", ["verify", "show"])
def test_folder_or_nothing__one_line(invoke, command):
    for name in (".", "gone.json"):
        answer = invoke(command, name)
        assert answer.code == 65 and answer.complaint


def test_show__receipt(invoke, receipt):
    answer = invoke("show", receipt)
    assert answer.code == 0
    assert "batch     not in this file" in answer.out
    assert answer.out.splitlines()[-1] == "unchecked: counterfoil verify checks it"
    shown = invoke("show", receipt, "--json").json
    assert shown["sequence"] == 0 and shown["included"] is False
    assert shown["outputsOpened"] == ["y float32[1, 4]"]


def test_show__batch_file(invoke, receipt):
    from counterfoil.journal import Journal

    with Journal.open(config.load_profile()) as journal:
        Path("batch.json").write_bytes(journal.cut_batch("ipfs://x").dump())
    shown = invoke("show", "batch.json", "--json").json
    assert (shown["first"], shown["size"], shown["uri"]) == (0, 1, "ipfs://x")
    assert "batch     0 … 0" in invoke("show", "batch.json").out
