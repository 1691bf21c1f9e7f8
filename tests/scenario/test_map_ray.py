"""`counterfoil map` on Ray: on this machine and on a cluster; actors and owners killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from needs import missing
from support.data_sets import ROWS, rows
from support.mapped import Scene, done_blocks, ended, wait_for, wait_for_end

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(tmp_path) -> Scene:
    if find_spec("ray") is None:
        missing("needs Ray: the extra [ray]")
    return Scene(tmp_path)


def descendants(pid: int) -> dict[int, str]:
    """Processes that `pid` started, and what they are called."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                after = (entry / "stat").read_text().rpartition(")")[2].split()
                name = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                parents[int(entry.name)] = (int(after[1]), name)
        except OSError:
            continue
    found: dict[int, str] = {}
    level = {pid}
    while level:
        level = {p for p, (parent, _) in parents.items() if parent in level}
        found |= {p: parents[p][1] for p in level}
    return found


def actors(pid: int) -> list[int]:
    return [p for p, name in descendants(pid).items() if "MapWorker" in name]


def many(scene: Scene, count: int = 3000):
    values = rows(count)
    np.savez(scene.folder / "many.npz", x=values)
    return values, scene.folder / "many.npz"


def test_map__on_ray__bit_for_bit_the_plain_loop_and_quiet(scene):
    process = scene.start("--on", "ray", "--workers", 2, "--block", 7)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"{ROWS}: {ROWS} with a receipt" in out
    assert [line for line in err.splitlines() if not line.startswith("estimate")] == []
    scene.check()


def test_map__on_ray__listens_on_loopback_alone(scene):
    _, data = many(scene)
    process = scene.start("--on", "ray", "--workers", 1, "--block", 4, data=data)
    assert wait_for(lambda: done_blocks(scene) > 1, process)
    mine = {process.pid, *descendants(process.pid)}
    listening = [
        line.split()[3]
        for line in subprocess.run(
            ["ss", "-Hltnp"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        if any(f"pid={pid}," in line for pid in mine)
    ]
    process.kill()
    ended(process)
    assert listening
    open_to_others = [
        a for a in listening if not a.startswith(("127.0.0.1:", "[::1]:", "[::ffff:127.0.0.1]:"))
    ]
    assert open_to_others == []


def test_map__actor_killed__its_block_is_done_again(scene):
    values, data = many(scene)
    process = scene.start("--on", "ray", "--workers", 2, "--block", 8, data=data)
    for more in (3, 40):
        before = done_blocks(scene)
        assert wait_for(lambda b=before + more: done_blocks(scene) > b, process)
        found = actors(process.pid)
        assert found, "no actor to kill"
        os.kill(found[0], signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    scene.check(values)


def test_map__owner_killed__completed_by_the_next_and_no_process_left(scene):
    values, data = many(scene)
    options = ["--on", "ray", "--workers", 2, "--block", 8]
    process = scene.start(*options, data=data)
    assert wait_for(lambda: done_blocks(scene) > 5, process)
    left = list(descendants(process.pid))
    process.kill()
    assert ended(process) == -signal.SIGKILL
    assert wait_for_end(left, within=120), "a process of Ray's outlived the owner"
    done = done_blocks(scene)
    assert done < 375
    told = scene.run("--on", "processes", "--workers", 2, "--block", 8, data=data)
    assert told["before"] >= done * 8 and told["verified"] == 3000
    scene.check(values)


def test_map__on_a_cluster__the_same(scene, tmp_path):
    ray = Path(sys.executable).with_name("ray")
    folder = Path("/tmp") / f"cf-test-ray-{os.getpid()}"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    head = subprocess.Popen(
        [ray, "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--port=0",
         "--num-cpus=3", "--include-dashboard=false", f"--temp-dir={folder}",
         "--object-store-memory=200000000"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        address = None
        deadline = time.monotonic() + 120
        while address is None and time.monotonic() < deadline:
            line = head.stdout.readline()
            if "--address='" in line:
                address = line.partition("--address='")[2].partition("'")[0]
        assert address is not None
        process = scene.start("--on", "ray", "--address", address, "--workers", 2, "--block", 7)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        scene.check()
        assert head.poll() is None, "the cluster was ended"
    finally:
        left = list(descendants(head.pid))
        head.terminate()
        try:
            head.wait(30)
        except subprocess.TimeoutExpired:
            head.kill()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        subprocess.run(["rm", "-rf", folder], check=False)
