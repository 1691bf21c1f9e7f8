"""Real processes on a real node: the challenger killed at every point, the operator's answers."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest
from counterfoil import chain as chains
from counterfoil import config, shelf
from counterfoil.chain import FaultTerms
from counterfoil.chain.deployment import FaultCourtTerms
from counterfoil.cli.demo_fault_stage import (
    BONDED,
    UNIT,
    bonded_log,
    honest_receipt,
    lying_receipt,
    picture,
    set_fault_stage,
)
from counterfoil.cli.demo_lies import another_output, corrupted_weight, silence
from counterfoil.config import save_profile
from counterfoil.errors import ChainError
from counterfoil.faults.docket import Docket
from counterfoil.faults.points import NAMES
from counterfoil.faults.run import run_of
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.hashing.types import Address, Seconds
from counterfoil.inference import sealing
from counterfoil.programs import Executor
from serving import Server, put
from test_watch_anvil import jump

pytestmark = pytest.mark.anvil

TERMS = FaultCourtTerms(
    floors=FaultTerms(
        summon_window=Seconds(3600), answer_window=Seconds(600), case_window=Seconds(4800)
    ),
    reward_cap=UNIT // 20,
)


@pytest.fixture
def stage(anvil, tmp_path, monkeypatch):
    for field in config.FIELDS:
        monkeypatch.delenv(f"COUNTERFOIL_{field.upper()}", raising=False)
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COUNTERFOIL_SECRET", secrets.token_hex(32))
    monkeypatch.setattr(sealing, "_shared", {})
    monkeypatch.setattr(shelf, "_noted", set())
    made = set_fault_stage(
        tmp_path, anvil.chain, operator=anvil.account(), challenger=anvil.account(), terms=TERMS
    )
    monkeypatch.setenv("OPERATOR_KEY", made.operator.key.hex())
    monkeypatch.setenv("CHALLENGER_KEY", made.challenger.key.hex())
    return made


@pytest.fixture
def log(stage, anvil):
    """A bonded log; the profile `challenger` is of whoever holds a receipt of it."""
    journal, settler = bonded_log(stage, "operator")
    operating = replace(journal.profile, rpc=anvil.url, payer="env:OPERATOR_KEY")
    save_profile(operating)
    holder = replace(
        operating, name="challenger", payer="env:CHALLENGER_KEY", operator=None,
        journal=config.default_journal("challenger"),
    )  # fmt: skip
    save_profile(holder)
    with closing(journal):
        yield journal, settler


def command(name: str, *arguments: object, profile: str) -> list[str]:
    program = "from counterfoil.cli import main; main()"
    options = ["--profile", profile, "--json"]
    return [sys.executable, "-c", program, name, *map(str, arguments), *options]


def once(stage, path, point: str = "") -> int:
    """One look of the real process."""
    done = subprocess.run(
        command("challenge", path, "--once", "--model", stage.path, profile="challenger"),
        env={**os.environ, "COUNTERFOIL_FAILPOINT": point},
        capture_output=True, timeout=90, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode


def nonce(stage) -> int:
    return chains.mined_nonce(stage.chain, Address(stage.challenger.address))


class Answering(threading.Thread):
    """A lying operator who answers as it told, until the end of the block."""

    def __init__(self, liar, receipt) -> None:
        super().__init__(daemon=True)
        self._liar, self._receipt = liar, receipt
        self._stop_it = threading.Event()

    def run(self) -> None:
        while not self._stop_it.wait(0.1):
            with suppress(ChainError):  # the case may fall between its look and its word
                self._liar.answer(self._receipt)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_it.set()
        self.join(30)


@pytest.mark.slow
def test_challenge__killed_at_every_point__proved_once(stage, log, anvil, tmp_path):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, corrupted_weight)
    path = tmp_path / "receipt.json"
    file.write(path)
    killed = dict.fromkeys(NAMES, 0)
    for number in range(40):
        point = NAMES[number % len(NAMES)]
        code = once(stage, path, point)
        killed[point] += code == -signal.SIGKILL
        if code == 0:
            break
        liar.answer(file.digest)
    assert code == 0
    assert all(count >= 2 for count in killed.values()), killed
    assert stage.court.bond(journal.signer).amount == (BONDED - 1) * UNIT
    assert stage.court.standing(journal.signer).count == 1
    assert nonce(stage) == len(("summon", "demand", "demand", "demand", "commit", "prove"))
    assert once(stage, path) == 0 and nonce(stage) == 6  # it is remembered


@pytest.mark.slow
def test_challenge__by_itself__to_the_end(stage, log, anvil, tmp_path):
    journal, settler = log
    file, liar = lying_receipt(stage, journal, settler, another_output)
    path = tmp_path / "receipt.json"
    file.write(path)
    arguments = (path, "--interval", 0.2, "--model", stage.path)
    with Answering(liar, file.digest):
        done = subprocess.run(
            command("challenge", *arguments, profile="challenger"),
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found["state"] == "won"
    assert [s["step"] for s in found["steps"] if s["event"] == "sent"] == [
        "summon", "commit", "prove",
    ]  # fmt: skip
    verified = json.loads(
        subprocess.run(
            command("verify", path, profile="challenger"), capture_output=True, check=True
        ).stdout
    )
    assert verified["results"][0]["faultCourt"]["state"] == "faulty"
    shown = subprocess.run(
        command("show", path, profile="challenger"), capture_output=True, check=True
    )
    assert json.loads(shown.stdout)["faultCourt"]["state"] == "faulty"
    standing = subprocess.run(
        command("standing", journal.signer, profile="challenger"),
        capture_output=True, check=False,
    )  # fmt: skip
    assert standing.returncode == 6 and json.loads(standing.stdout)["reason"] == "fault"


@pytest.mark.slow
def test_watch__folder_with_a_silent_operators_receipt__challenged(stage, log, anvil, tmp_path):
    journal, settler = log
    file, _ = lying_receipt(stage, journal, settler, silence)
    folder = tmp_path / "receipts"
    folder.mkdir()
    file.write(folder / "receipt.json")
    shelf.note(file.receipt.model, str(stage.path))
    look = command("watch", folder, "--once", profile="challenger")

    def events() -> list[dict]:
        done = subprocess.run(look, capture_output=True, timeout=90, check=False)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    first = events()
    assert {"begins", "sent"} <= {e["event"] for e in first}
    assert first[-1]["openClaims"] == first[-1]["broken"] == 1
    assert stage.court.case_of(file.digest).state == "summoned"
    jump(anvil, 601)
    events()
    assert stage.court.case_of(file.digest).state == "faulty"
    last = events()
    assert any(e["event"] == "ended" and e.get("end") == "won" for e in last)
    assert events()[-1]["broken"] == 0  # nothing is left to do


class Patient:
    """Stands for a settler in another process: waits until it has done what is due."""

    def __init__(self, stage, file) -> None:
        self._stage, self._file = stage, file

    def step(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            events = self._stage.court.events(from_block=0, receipt=self._file.digest)
            docket = Docket.of(self._file.digest, events)
            case = self._stage.court.case_of(self._file.digest)
            answered = docket.answer is not None and not docket.open_demands()
            if answered and (case.state != "final" or docket.finished):
                return
            time.sleep(0.1)
        raise AssertionError("the operator did not answer")


def accused(stage, anvil, file) -> None:
    """The demo's accusations, with time passing on the node."""
    from counterfoil.cli import demo_accused

    patch = pytest.MonkeyPatch()
    patch.setattr(
        demo_accused._Accuser, "pass_time", lambda self, to: jump(anvil, to - stage.chain.now())
    )
    try:
        run = run_of(Executor(stage.program), file.opening)
        demo_accused.accuse(
            stage.chain, stage.court, stage.challenger, file, run=run,
            settler=Patient(stage, file),  # type: ignore[arg-type]
        )  # fmt: skip
    finally:
        patch.undo()


@pytest.mark.slow
def test_settle__watching__an_honest_operator_answers_by_itself(stage, log, anvil):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    process = subprocess.Popen(
        command("settle", "--watch", "--interval", 0.2, profile="operator"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        accused(stage, anvil, file)
    finally:
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "the summons for receipt" in output and "is ended" in output
    assert stage.court.bond(journal.signer).amount == BONDED * UNIT
    assert stage.court.bond(journal.signer).cases == 0


@pytest.mark.slow
def test_serve__settling__an_honest_operator_answers_by_itself(stage, log, anvil, tmp_path):
    journal, _ = log
    repository = put(tmp_path / "models", "digits", stage.path.read_bytes())
    server = Server(repository, dict(os.environ), "--profile", "operator", "--settle")
    image = picture()
    body = {
        "inputs": [
            {
                "name": "image", "shape": list(image.shape), "datatype": "FP32",
                "data": image.array().ravel().tolist(),
            }
        ]
    }  # fmt: skip
    try:
        with server.client() as http:
            answer = http.post("/v2/models/digits/infer", json=body)
            assert answer.status_code == 200, answer.text
            digest = answer.headers["Counterfoil-Receipt"]
            deadline = time.monotonic() + 60
            while True:
                found = http.get(f"/v2/receipts/{digest}")
                if found.headers.get("Counterfoil-State") == "final":
                    break
                assert time.monotonic() < deadline
                time.sleep(0.2)
        bare = ReceiptFile.parse(found.content)
        # The requester has the run from the answer; the test takes the same from the journal.
        opening = journal.for_court(bare.receipt.sequence)
        accused(stage, anvil, replace(bare, opening=opening))
    finally:
        assert server.stop() == 0
    assert stage.court.bond(journal.signer).amount == BONDED * UNIT


def test_assert__right_receipt__final_and_the_bond_back(stage, log, anvil, tmp_path):
    journal, settler = log
    file = honest_receipt(stage, journal, settler)
    path = tmp_path / "receipt.json"
    file.write(path)
    done = subprocess.run(
        command("assert", path, "--bond", 1, "--model", stage.path, profile="operator"),
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    case = stage.court.case_of(file.digest)
    assert (case.state, case.asserted, case.stake) == ("open", True, UNIT)
    assert not stage.court.is_final(file.receipt, file.inclusion)
    jump(anvil, case.closes_at + 1 - stage.chain.now())
    assert stage.court.is_final(file.receipt, file.inclusion)
    before = stage.chain.balance(Address(stage.operator.address))
    assert settler.step().duties == ("the case of receipt 0 is ended",)
    assert stage.chain.balance(Address(stage.operator.address)) > before + UNIT * 9 // 10


def test_bond__fault_court__made_shown_and_asked_back(stage, log):
    journal, _ = log

    def call(name: str, *arguments: object) -> tuple[int, dict]:
        done = subprocess.run(
            command(name, *arguments, profile="operator"), capture_output=True, check=False,
            env={**os.environ, "COUNTERFOIL_OPERATOR": "env:OPERATOR_KEY"},
        )  # fmt: skip
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.returncode, json.loads(done.stdout)

    code, found = call("bond", 1, "--court", "fault")
    assert (code, int(found["amount"])) == (0, (BONDED + 1) * UNIT)
    code, found = call("standing", journal.signer)
    assert (code, found["clean"], int(found["bond"])) == (0, True, (BONDED + 1) * UNIT)
    assert call("bond", 1)[0] == 78  # the profile names no promise court
    assert call("withdraw", "--court", "fault", "--ask")[0] == 0
    assert call("withdraw", "--court", "fault")[0] == 4
