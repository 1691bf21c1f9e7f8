"""Processes of the harness: started here, and ended by their pids alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent


class Launcher:
    """The process from which the program's processes are forked, armed for failpoints."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "COUNTERFOIL_FAILPOINT": "none"}
        environment.pop("COUNTERFOIL_PASSPHRASE", None)
        environment.pop("COUNTERFOIL_SECRET", None)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.launch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError("the launcher did not start")
        self._turn = threading.Lock()

    def ask(self, request: dict[str, Any]) -> Any:
        """One request, one answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._turn:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and with it what it started."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


class Running:
    """One process of the program, with its output in files."""

    def __init__(self, out: Path, err: Path) -> None:
        self.out, self.err = out, err
        self.pid = 0
        self._read = 0
        for path in (out, err):
            path.touch()

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        raise NotImplementedError

    def wait(self, timeout: float) -> int | None:
        """Wait for its end; None: it still runs."""
        deadline = time.monotonic() + timeout
        while True:
            code = self.ended()
            if code is not None or time.monotonic() > deadline:
                return code
            time.sleep(0.005)

    def signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.ended() is None:
            os.kill(self.pid, number)

    def kill(self) -> bool:
        """End it at once; whether it ran."""
        ran = self.ended() is None
        self.signal(signal.SIGKILL)
        self.wait(20)
        return ran

    def stop(self, timeout: float = 30) -> int | None:
        """Ask it to end, then end it."""
        self.signal(signal.SIGTERM)
        code = self.wait(timeout)
        if code is None:
            self.kill()
        return code

    def lines(self) -> list[dict[str, Any]]:
        """Whole lines since the last call."""
        with self.out.open("rb") as stream:
            stream.seek(self._read)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]


class Forked(Running):
    """Started by the launcher."""

    def __init__(
        self,
        launcher: Launcher,
        run: Mapping[str, Any],
        out: Path,
        err: Path,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(out, err)
        self._launcher = launcher
        self._code: int | None = None
        self.pid = launcher.ask(
            {"run": run, "out": str(out), "err": str(err), "env": dict(environment)}
        )

    def ended(self) -> int | None:
        if self._code is None:
            self._code = self._launcher.ask({"ended": self.pid})
        return self._code


class Executed(Running):
    """Started from nothing, with what must be there before the program is loaded."""

    def __init__(
        self,
        run: Mapping[str, Any],
        out: Path,
        err: Path,
        environment: Mapping[str, str],
        before: Sequence[str] = (),
    ) -> None:
        super().__init__(out, err)
        command = [*before, sys.executable, "-m", "chaos.launch", json.dumps(run)]
        with out.open("ab") as told, err.open("ab") as said:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=said,
                env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
            )
        self.pid = self._process.pid

    def ended(self) -> int | None:
        return self._process.poll()
