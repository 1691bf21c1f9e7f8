"""A real anvil on a free loopback port."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from counterfoil.chain import Chain
from counterfoil.cli.local_node import find_anvil
from counterfoil.errors import ChainUnavailable
from eth_account import Account
from eth_account.signers.local import LocalAccount

MONEY = 10**21
"""Wei of an account that has gas money."""


class Node:
    """One anvil process, ended by its pid."""

    def __init__(self, *arguments: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [
            find_anvil(), "--host", "127.0.0.1", "--port", str(self.port), "--silent",
            "--accounts", "1", *arguments,
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                self.chain = Chain.connect(self.url)
                return
            except ChainUnavailable:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.05)

    def ask(self, method: str, *parameters: Any) -> Any:
        """A JSON-RPC call that the program does not make."""
        answer = self.chain.web3.provider.make_request(method, list(parameters))
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def automine(self, on: bool) -> None:
        self.ask("evm_setAutomine", on)

    def money(self, address: str, wei: int = MONEY) -> None:
        self.ask("anvil_setBalance", address, hex(wei))

    def account(self) -> LocalAccount:
        """A fresh account with gas money."""
        made: LocalAccount = Account.create()
        self.money(made.address)
        return made

    def pending(self, sender: str) -> list[dict[str, Any]]:
        """The sender's transactions that no block has, by nonce."""
        pool = self.ask("txpool_content")
        found: list[dict[str, Any]] = []
        for part in ("pending", "queued"):
            for address, by_nonce in pool.get(part, {}).items():
                if address.lower() == sender.lower():
                    found += by_nonce.values()
        return sorted(found, key=lambda t: int(t["nonce"], 16))

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def shim(folder: Path) -> Path | str:
    """The compiled shim, or the reason why there is none."""
    source, target = Path(__file__).with_name("shim.c"), folder / "shim.so"
    if target.exists():
        return target
    command = ["cc", "-O1", "-shared", "-fPIC", "-o", str(target), str(source), "-ldl"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no C compiler `cc`"
    return target if done.returncode == 0 else f"cc failed: {done.stderr.splitlines()[0]}"
