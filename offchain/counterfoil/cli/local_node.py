"""A local node that keeps its state: anvil, with each new block's state on disk.

anvil's own `--state` writes at a clean exit, or in place at intervals: a kill can
lose it or cut it off. Here the state is fetched after every block and replaces
the file whole, so that a kill at any time leaves a state that loads.
"""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from counterfoil.errors import AnvilMissing, NodeFailed, NodeRuns, PortTaken

CHAIN_ID = 31337
"""anvil's own chain id: the local profile's, and never another."""

START_SECONDS = 20.0
POLL_SECONDS = 0.2


def find_anvil() -> str:
    """The anvil binary, from PATH or the nearest node_modules.

    npm's `anvil` is a script that starts the binary of a platform package; that binary
    is preferred, so that the process we start is the node itself.

    Raises:
        AnvilMissing: there is none; the message says how to get it.
    """
    found = shutil.which("anvil")
    if found and "node_modules" not in found:
        return found
    beside = [Path(found).parents[1]] if found else []
    near = [folder / "node_modules" for folder in (Path.cwd(), *Path.cwd().parents)]
    for modules in beside + near:
        binaries = sorted(modules.glob("@foundry-rs/anvil-*/bin/anvil*"))
        if binaries:
            return str(binaries[0])
    if found:
        return found
    raise AnvilMissing("anvil is missing: npm install @foundry-rs/anvil, then run this again")


class LocalNode:
    """One anvil process on loopback with its state in `folder`.

    Args:
        folder: keeps `state.json`.
        port: TCP port on 127.0.0.1.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._saved = ""

    @property
    def state(self) -> Path:
        """The state of the last block."""
        return self.folder / "state.json"

    @property
    def _notes(self) -> Path:
        """Who runs the node: its pid and its command line, and the port."""
        return self.folder / "node.json"

    def _claim(self) -> None:
        """One `up` for a folder: the lock ends with the process, however that ends."""
        lock = os.open(self.folder / "node.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            taken = self._noted().get("port")
            if taken == self._port:
                message = f"port {taken} is taken: `counterfoil up` already runs there; use it"
            else:
                message = f"`counterfoil up` already runs, on port {taken}: use it, or end it first"
            raise NodeRuns(message) from None
        self._lock = lock

    def _noted(self) -> dict[str, Any]:
        try:
            found = json.loads(self._notes.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _end_left_over(self) -> None:
        """End a node that outlived a killed `up`: ours by its pid and its whole command line."""
        noted = self._noted()
        try:
            pid = int(noted["pid"])
            running = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if running != noted.get("command"):
            return
        with suppress(ProcessLookupError):
            # What it has in memory and we have not on disk would be lost
            with suppress(NodeFailed):
                LocalNode(self.folder, int(noted["port"])).save()
            os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                os.kill(pid, 0)
                time.sleep(0.05)

    def start(self) -> None:
        """Start the node and wait until it answers.

        Raises:
            AnvilMissing: anvil is not found.
            NodeRuns: another `up` runs on the folder.
            PortTaken: something else has the port.
            NodeFailed: the node does not answer in time.
        """
        anvil = find_anvil()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._claim()
        self._end_left_over()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError as error:
                raise PortTaken(
                    f"port {self._port} is taken: stop what listens there, or use --port"
                ) from error
        command = [
            anvil, "--host", "127.0.0.1", "--port", str(self._port),
            "--chain-id", str(CHAIN_ID), "--order", "fifo", "--silent",
        ]  # fmt: skip
        if self.state.exists():
            command += ["--load-state", str(self.state)]
        # A session of its own: Ctrl-C reaches us first, and we save before it ends.
        self._process = subprocess.Popen(command, start_new_session=True)
        notes = {"pid": self._process.pid, "port": self._port, "command": command}
        self._notes.write_text(json.dumps(notes))
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise NodeFailed(f"anvil stopped at once, exit code {self._process.returncode}")
            try:
                self.rpc("eth_chainId")
                return
            except NodeFailed:
                if time.monotonic() > deadline:
                    self.stop()
                    raise
                time.sleep(0.05)

    def rpc(self, method: str, *params: Any) -> Any:
        """One JSON-RPC call to the node.

        Raises:
            NodeFailed: no answer, or an error.
        """
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        request = urllib.request.Request(  # noqa: S310 - our own loopback URL
            self.url, body.encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                value = json.load(answer)
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise NodeFailed(f"the local node at {self.url} does not answer") from error
        if "error" in value:
            raise NodeFailed(f"the local node refused {method}: {value['error'].get('message')}")
        return value["result"]

    def save(self) -> bool:
        """Write the state if a block came since; true if it was written.

        Raises:
            NodeFailed: the node is gone.
        """
        head = self.rpc("eth_getBlockByNumber", "latest", False)["hash"]
        if head == self._saved:
            return False
        raw = gzip.decompress(bytes.fromhex(self.rpc("anvil_dumpState")[2:]))
        new = self.state.with_suffix(".new")
        with new.open("wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self.state)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._saved = head
        return True

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Save what can be saved and end the node."""
        if self._process is None:
            return
        if self.alive():
            with suppress(NodeFailed):
                self.save()
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        self._process = None
        self._notes.unlink(missing_ok=True)
