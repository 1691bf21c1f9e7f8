"""Chains for scenarios: one in this process, and anvil on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from counterfoil.chain import Chain  # noqa: E402
from counterfoil.errors import ChainUnavailable  # noqa: E402
from deployed import copied  # noqa: E402
from eth_account import Account  # noqa: E402
from eth_account.signers.local import LocalAccount  # noqa: E402
from rpc import FaultyRpc  # noqa: E402
from world import World, world  # noqa: E402

FUNDED = 10**21
"""Wei of a role's account on anvil."""


def anvil_binary() -> str | None:
    """anvil from PATH, or from the repository's Node.js packages."""
    local = ROOT / "node_modules" / ".bin" / "anvil"
    return shutil.which("anvil") or (str(local) if local.exists() else None)


class Anvil:
    """A node of a test's own, ended by its pid."""

    def __init__(self, binary: str, *arguments: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [binary, "--port", str(port), "--silent", "--accounts", "1", *arguments]
        # npm's package starts the real binary as a child: its own session, so both end
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        self.chain = self._connected()

    def ask(self, method: str, *parameters: Any) -> Any:
        """A JSON-RPC call that our clients do not offer."""
        answer = self.chain.web3.provider.make_request(method, list(parameters))
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def automine(self, on: bool) -> None:
        self.ask("evm_setAutomine", on)

    def account(self) -> LocalAccount:
        """A fresh account with gas money."""
        made = Account.create()
        self.ask("anvil_setBalance", made.address, hex(FUNDED))
        return made

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def _connected(self) -> Chain:
        deadline = time.monotonic() + 30
        while True:
            try:
                return Chain.connect(self.url)
            except ChainUnavailable:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)


@pytest.fixture
def start_anvil() -> Iterator[Callable[..., Anvil]]:
    """Starts nodes, which end with the test."""
    binary = anvil_binary()
    if binary is None:
        pytest.skip("anvil is neither on PATH nor in node_modules/.bin: npm ci")
    started: list[Anvil] = []

    def start(*arguments: str) -> Anvil:
        started.append(Anvil(binary, *arguments))
        return started[-1]

    yield start
    for node in started:
        node.stop()


@pytest.fixture
def anvil(start_anvil) -> Anvil:
    return start_anvil()


@pytest.fixture
def on_anvil(anvil, tmp_path) -> Iterator[World]:
    """An open log on anvil."""
    made = world(anvil.chain, tmp_path, [anvil.account() for _ in range(3)])
    yield made
    made.journal.close()


@pytest.fixture
def copy() -> tuple[Chain, list[LocalAccount]]:
    return copied()


@pytest.fixture
def embedded(copy) -> Chain:
    """A chain in this process, with the contracts on it."""
    return copy[0]


@pytest.fixture
def roles(copy) -> list[LocalAccount]:
    """operator, payer, stranger, each with gas money"""
    return copy[1]


@pytest.fixture
def in_process(embedded, roles, tmp_path) -> Iterator[World]:
    """An open log on the embedded chain."""
    made = world(embedded, tmp_path, roles)
    yield made
    made.journal.close()


@pytest.fixture
def faulty(anvil) -> Iterator[FaultyRpc]:
    """A server before anvil that passes on, until a test says otherwise."""
    server = FaultyRpc(anvil.url)
    yield server
    server.close()
