"""Commands about the set-up: status, doctor, log, key, settle, up, export, backup, forget."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest
from counterfoil import config
from counterfoil.cli import COMMANDS
from counterfoil.cli.local_node import LocalNode
from counterfoil.errors import NodeRuns, PortTaken
from counterfoil.journal import Journal
from support import journals


@pytest.mark.parametrize("command", COMMANDS)
def test_help__every_command_and_every_line_in_80_columns(invoke, command):
    answer = invoke(command, "--help")
    assert answer.code == 0
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "--json" in answer.out or "Commands:" in answer.out


def test_no_arguments__help(invoke):
    assert all(f"  {name}" in invoke().out for name in COMMANDS)


def test_status__nothing_yet(invoke):
    answer = invoke("status")
    assert answer.code == 0
    assert "journal   none yet" in answer.out
    assert "can never settle elsewhere" in answer.out
    assert invoke("status", "--json").json["logs"] == []


def test_status__sealed_and_no_log(invoke, receipt):
    assert "1 in no batch" in invoke("status").out
    (log,) = invoke("status", "--json").json["logs"]
    assert (log["sealed"], log["waiting"], log["log"], log["broken"]) == (1, 1, None, False)


@pytest.mark.parametrize(
    ("age", "code", "word", "sealing"),
    [(1000, 0, "promise", True), (2000, 5, "DANGER", True), (3000, 5, "DANGER", False),
     (4000, 5, "BROKEN", False)],
)  # fmt: skip
def test_status__promise_of_an_hour__says_danger_long_before_it_breaks(
    invoke, age, code, word, sealing
):
    then = int(time.time()) - age
    with Journal.open(config.load_profile(), clock=lambda: then) as journal:
        open_log = journals.log(opened_at=then - 1, closes_at=then + 10**6)
        journal.note_chain(journals.GENESIS, open_log, then)
        journal.seal(journals.draft())
    now = then + age
    with Journal.open(config.load_profile(), clock=lambda: now) as journal:
        journal.note_chain(journals.GENESIS, open_log, now)
        assert (journal.refusal() is None) is sealing
    answer = invoke("status")
    assert answer.code == code and f"  {word}" in answer.out
    (entry,) = invoke("status", "--json").json["logs"]
    assert (entry["danger"] is not None) is (code == 5)


def test_unknown_profile__every_command_says_which_there_are(invoke):
    for command in ("status", "settle", "doctor"):
        answer = invoke(command, "--profile", "nope")
        assert answer.code in (1, 78)
        assert "no profile 'nope'" in answer.out + answer.err
        assert "local" in answer.out + answer.err


def test_config__that_does_not_parse__one_line(invoke):
    config.home().mkdir()
    config.config_file().write_text("profile = ")
    answer = invoke("status")
    assert answer.code == 78 and str(config.config_file()) in answer.complaint


def test_settle__no_node__says_what_to_do(invoke, receipt):
    answer = invoke("settle")
    assert (answer.code, "counterfoil up" in answer.complaint) == (78, True)


def test_settle__nothing_sealed_yet(invoke, monkeypatch):
    monkeypatch.setenv("COUNTERFOIL_RPC", "http://127.0.0.1:1")
    answer = invoke("settle")
    assert answer.code == 74 and answer.complaint


@pytest.mark.parametrize(
    "arguments", [("export", "f"), ("backup", "b"), ("forget",), ("key", "show"), ("log", "close")]
)
def test_no_journal__one_line(invoke, arguments):
    answer = invoke(*arguments)
    assert answer.code == 74 and answer.complaint


def test_log__open_without_operator_or_node(invoke, receipt):
    assert invoke("log", "open").code == 78
    assert invoke("log", "revoke").code == 2
    answer = invoke("log", "open", "--sign-only", "o.json", "--operator", "0x" + "22" * 20)
    assert answer.code == 0
    assert json.loads(Path("o.json").read_text())["operator"] == "0x" + "22" * 20
    answer = invoke("log", "open", "--sign-only", "gone/o.json", "--operator", "0x" + "22" * 20)
    assert answer.code == 74 and "gone/o.json" in answer.complaint
    assert invoke("log", "open", "--sign-only", "o.json", "--operator", "0x1").code == 2


def test_key__rotate_begins_a_new_log(invoke, receipt):
    before = invoke("key", "show", "--json").json["signer"]
    rotated = invoke("key", "rotate", "--json").json
    assert rotated["old"] == before != rotated["signer"]
    assert invoke("key", "show").out.strip() == rotated["signer"]
    assert len(invoke("status", "--json").json["logs"]) == 2


def test_export_and_backup(invoke, receipt):
    assert invoke("export", "files", "--json").json["written"] == 1
    assert invoke("export", "files", "--stop", "5").complaint
    assert invoke("backup", "copy").code == 0
    assert "not empty" in invoke("backup", "copy").complaint
    Path("file").write_text("")
    answer = invoke("export", "file/inside")
    assert answer.code == 74 and answer.complaint


@pytest.mark.parametrize("span", ["1", "b:a", "3:1"])
def test_forget__bad_span(invoke, receipt, span):
    assert invoke("forget", "--masters", span).code == 2


def test_doctor__good_and_bad(invoke, receipt, monkeypatch):
    answer = invoke("doctor")
    assert answer.code == 0 and answer.out.splitlines()[-1] == "nothing is wrong"
    key = next((config.data_folder() / "local" / "keys").glob("*.json"))
    os.chmod(key, 0o644)
    answer = invoke("doctor", "--json")
    assert answer.code == 1
    bad = [f for f in answer.json["findings"] if f["level"] == "bad"]
    assert [f["what"] for f in bad] == ["journal"] and str(key) in bad[0]["text"]


def test_up__no_anvil__says_how_to_get_it(invoke, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    answer = invoke("up")
    assert answer.code == 69
    assert answer.complaint == (
        "anvil is missing: npm install @foundry-rs/anvil, then run this again"
    )


@pytest.fixture
def fake_anvil(tmp_path, monkeypatch) -> None:
    """On PATH, so that what comes before the node's start can be looked at without one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "anvil").write_text("#!/bin/sh\nexit 3\n")
    (folder / "anvil").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_up__port_taken__says_so(invoke, fake_anvil):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = invoke("up", "--port", port)
    assert answer.code == PortTaken.exit_code
    assert answer.complaint.startswith(f"port {port} is taken")


def test_up__node_that_ends_at_once(invoke, fake_anvil):
    answer = invoke("up", "--port", "18999")
    assert answer.code == 69 and "exit code 3" in answer.complaint


def test_up__twice_on_one_folder__refused(invoke, fake_anvil):
    node = LocalNode(config.data_folder() / "local" / "chain", 19001)
    node.folder.mkdir(parents=True)
    node._claim()
    node._notes.write_text(json.dumps({"pid": os.getpid(), "port": 19001, "command": []}))
    answer = invoke("up", "--port", "19001")
    assert answer.code == NodeRuns.exit_code
    assert answer.complaint.startswith("port 19001 is taken: `counterfoil up` already runs there")
    assert "on port 19001" in invoke("up", "--port", "19002").complaint


@pytest.mark.parametrize("command", ["status", "doctor"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_rpc__with_a_key_in_its_address__only_its_host_is_shown(
    invoke, monkeypatch, command, options
):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{probe.getsockname()[1]}"
    url = host.replace("http://", "http://user:secret1@") + "/v2/secret2?key=secret3"
    monkeypatch.setenv("COUNTERFOIL_RPC", url)
    answer = invoke(command, *options)
    assert host in answer.out
    assert "secret" not in answer.out + answer.err


@pytest.mark.parametrize("span", ["²:3", "0:" + "9" * 30, "0:9223372036854775808", "3:3", "-1:2"])
def test_forget__bad_span__usage_error(invoke, receipt, span):
    answer = invoke("forget", f"--masters={span}")
    assert answer.code == 2 and "FIRST:STOP" in answer.complaint


@pytest.mark.parametrize(
    ("name", "value"),
    [("SECRET", "\udcff" * 40), ("PASSPHRASE", "\udcff"), ("CHAIN_ID", "1" + "0" * 90)],
)
def test_variable__made_up__one_line(invoke, monkeypatch, model, x, name, value):
    monkeypatch.setenv(f"COUNTERFOIL_{name}", value)
    answer = invoke("run", model, "-i", x)
    assert answer.code in (77, 78) and answer.complaint
