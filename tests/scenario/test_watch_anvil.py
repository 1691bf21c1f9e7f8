"""The watch process on a real node: killed at every point, and under re-orgs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from counterfoil import config
from counterfoil.config import Profile, save_profile
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.verify import verify
from counterfoil.watch.points import NAMES
from static_host import StaticHost, sending
from watching import GRACE, Watched, watched
from world import World

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

KEY = "WATCHER_KEY"


@pytest.fixture
def case(anvil, on_anvil, tmp_path, monkeypatch) -> Watched:
    """A bonded log on anvil, and a home with a profile for the watch process."""
    made = watched(on_anvil, anvil.account(), tmp_path)
    on_anvil.settler().step()
    made.bond()
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(KEY, made.watcher.key.hex())
    for field in config.FIELDS:
        monkeypatch.delenv(f"COUNTERFOIL_{field.upper()}", raising=False)
    return made


def profile_of(log: World, anvil, **changes) -> Profile:
    made = replace(log.profile, rpc=anvil.url, payer=f"env:{KEY}", operator=None, **changes)
    save_profile(made)
    return made


def command(case: Watched, profile: Profile, *arguments: str) -> list[str]:
    program = "from counterfoil.cli import main; main()"
    return [
        sys.executable, "-c", program, "watch", str(case.folder), "--profile", profile.name,
        "--json", *arguments,
    ]  # fmt: skip


def once(case: Watched, profile: Profile, *arguments: str, point: str = "") -> tuple[int, list]:
    """One look of the real process."""
    environment = {**os.environ, "COUNTERFOIL_FAILPOINT": point}
    done = subprocess.run(
        command(case, profile, "--once", *arguments),
        env=environment, capture_output=True, timeout=90, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def jump(anvil, seconds: int) -> None:
    anvil.ask("evm_increaseTime", hex(seconds))
    anvil.mine()


def caught(case: Watched) -> tuple[str, int]:
    standing = case.court.standing(case.log.journal.signer)
    return standing.reason, standing.count


def test_watch__killed_at_every_point__proved_once(anvil, case):
    profile = profile_of(case.log, anvil)
    case.hand_out(case.log.seal(2))
    jump(anvil, 600 + GRACE + 60)
    killed = []
    for point in ("claimed", "prepared", "remembered", "sent", "remembered", "sent"):
        code, _ = once(case, profile, point=f"watch.{point}")
        killed.append(code == -signal.SIGKILL)
    for _ in range(3):
        code, events = once(case, profile)
    assert sum(killed) >= 4
    assert caught(case) == ("late", 1)
    assert events[-1]["openClaims"] == 0 and code == 5
    assert 2 <= case.nonce() <= 3
    assert {f"watch.{p}" for p in ("claimed", "prepared", "remembered", "sent")} < set(NAMES)


def test_watch__killed_while_completing__every_file_whole(anvil, case):
    profile = profile_of(case.log, anvil)
    case.hand_out(case.log.seal(5))
    case.log.settler().drain()
    mirror = ("--mirror", str(case.published))
    for count in (1, 2):
        code, _ = once(case, profile, *mirror, point=f"watch.completed:{count}")
        assert code == -signal.SIGKILL
    code, events = once(case, profile, *mirror)
    assert code == 0 and events[-1]["settled"] == 5
    assert sorted(p.name for p in case.folder.iterdir()) == [f"{n:04}.json" for n in range(5)]
    for path in case.folder.iterdir():
        file = ReceiptFile.load(path)
        verify(file, trust=case.log.trust, chain=case.log.chain).require_anchored()
    assert case.nonce() == 0


def test_watch__killed_at_random_while_it_runs__proved_once(anvil, case):
    profile = profile_of(case.log, anvil)
    case.hand_out(case.log.seal(1))
    jump(anvil, 600 + GRACE + 60)
    for seconds in (1.9, 2.3, 2.7):
        process = subprocess.Popen(
            command(case, profile, "--interval", "0.1"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(seconds)
        process.kill()
        process.wait(10)
    process = subprocess.Popen(
        command(case, profile, "--interval", "0.1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert b"watching" in process.stderr.readline()  # from here on it ends when asked to
    deadline = time.monotonic() + 60
    while caught(case)[1] == 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 5 and b"Traceback" not in errors
    assert caught(case) == ("late", 1)
    assert case.nonce() <= 3


def test_watch__fed_by_a_static_host__completed_under_the_local_profile_alone(anvil, case):
    host = StaticHost()
    try:
        case.hand_out(case.log.seal(3))
        case.log.settler().drain()
        signer = case.log.journal.signer
        body = (case.published / signer / "0.json").read_bytes()
        host.answers[f"/batches/{signer}/0.json"] = sending(body)
        feed = ("--feed", f"{host.url}/batches/{signer}")
        code, events = once(case, profile_of(case.log, anvil), *feed)
        assert code == 6 and events[-1]["settled"] == 0 and host.asked == []
        assert "not public" in events[0]["text"]
        local = profile_of(case.log, anvil, name="local")
        code, events = once(case, local, *feed)
        assert code == 0 and events[-1]["settled"] == 3
        assert host.asked == [f"/batches/{signer}/0.json"]
    finally:
        host.close()


def test_step__reorg_takes_commitment_and_claim__sent_again(anvil, case):
    case.hand_out(case.log.seal(1))
    jump(anvil, 600 + GRACE + 60)
    with case.tower(confirmations=3) as tower:
        tower.step()
        tower.step()
        assert caught(case) == ("late", 1)
        assert tower.step().open_claims == 1
        anvil.ask("anvil_reorg", 2, [])
        jump(anvil, 10)
        assert caught(case) == ("", 0)
        for _ in range(3):
            tower.step()
        assert caught(case) == ("late", 1)
        anvil.mine(3)
        report = tower.step()
    assert report.open_claims == 0 and "proved" in [n.kind for n in report.notices]
    assert caught(case) == ("late", 1)


def test_step__reorg_moves_a_batch__file_completed_anew(anvil, case):
    case.hand_out(case.log.seal(2))
    case.log.settler().drain()
    with case.tower() as tower:
        assert tower.step().settled == 2
        before = ReceiptFile.load(case.folder / "0000.json").inclusion
        anvil.ask("anvil_reorg", 1, [])
        jump(anvil, 30)
        report = tower.step()
        assert report.settled == 0 and "re-org" in [n.kind for n in report.notices]
        case.log.settler().drain()
        assert tower.step().settled == 2
    after = ReceiptFile.load(case.folder / "0000.json").inclusion
    assert before is not None and after is not None and after.posted_at > before.posted_at
    for path in sorted(Path(case.folder).iterdir()):
        file = ReceiptFile.load(path)
        verify(file, trust=case.log.trust, chain=case.log.chain).require_anchored()
    assert case.nonce() == 0
