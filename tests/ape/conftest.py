import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts_story import ROOT, free_port

PASSPHRASE = "a passphrase of the tests"


def find_anvil() -> str | None:
    return shutil.which("anvil", path=f"{os.environ['PATH']}:{ROOT / 'node_modules/.bin'}")


@pytest.fixture(scope="session")
def anvil_binary():
    found = find_anvil()
    if found is None:
        pytest.skip("anvil is neither on PATH nor in node_modules/.bin")
    return found


@contextlib.contextmanager
def nodes(binary):
    """Start nodes with a chain id and a block time; they end with the block."""
    started = []

    def start(chain_id: int, *, block_time: int | None = None, timestamp: int | None = None) -> str:
        port = free_port()
        words = [binary, "--chain-id", str(chain_id), "--port", str(port), "--silent"]
        words += [] if block_time is None else ["--block-time", str(block_time)]
        words += [] if timestamp is None else ["--timestamp", str(timestamp)]
        started.append(subprocess.Popen(words, stdout=subprocess.DEVNULL))
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return f"http://127.0.0.1:{port}"
            time.sleep(0.1)
        raise TimeoutError("anvil does not answer")

    try:
        yield start
    finally:
        for node in started:
            node.terminate()
            try:
                node.wait(10)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait(10)


@pytest.fixture(scope="session")
def start_nodes(anvil_binary):
    """`nodes`, for a fixture that serves several tests."""
    return lambda: nodes(anvil_binary)


@pytest.fixture
def anvil(anvil_binary):
    """Start a node with a chain id and a block time; it ends with the test."""
    with nodes(anvil_binary) as start:
        yield start


@pytest.fixture
def environment(tmp_path):
    """An environment with its own Ape data folder and no accounts but those made in it."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("APE_")}
    binaries = [Path(sys.executable).parent, ROOT / "node_modules/.bin"]
    here["PATH"] = os.pathsep.join([*map(str, binaries), here["PATH"]])
    data = tmp_path / "ape"
    data.mkdir()
    # The nodes that play testnets make blocks faster, so Ape may look more often.
    fast = {name: {"sepolia": {"block_time": 1}} for name in ("ethereum", "base")}
    (data / "ape-config.yaml").write_text(json.dumps(fast), encoding="utf-8")
    here["APE_DATA_FOLDER"] = str(data)
    return here


@pytest.fixture
def ape(environment):
    """Run an `ape` line in a process of its own; what it printed and its exit code."""

    def run(*words: str, answers: str = "") -> tuple[str, int]:
        ended = subprocess.run(
            ["ape", *words],
            check=False,
            cwd=ROOT,
            env=environment,
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            start_new_session=True,  # no terminal to ask for a passphrase
        )
        return ended.stdout, ended.returncode

    return run


@pytest.fixture
def keystore_account(ape, environment):
    """An account made by `ape accounts generate`, its passphrase in the environment."""

    def make(alias: str) -> str:
        words = ("accounts", "generate", alias, "--hide-mnemonic")
        output, code = ape(*words, answers=f"some entropy\n{PASSPHRASE}\n{PASSPHRASE}\n")
        assert code == 0, output
        environment[f"APE_ACCOUNTS_{alias}_PASSPHRASE"] = PASSPHRASE
        return next(word.strip("'") for word in output.split() if word.startswith("'0x"))

    return make
