"""The quickstart is run as it stands: its files, its commands in their order, what they print."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent
STAYS = "counterfoil up"
"""The command that goes on in its own terminal."""

pytestmark = [pytest.mark.anvil, pytest.mark.slow]


def blocks() -> list[tuple[str, str]]:
    """Every fenced block with a language, in the page's order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def steps(console: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines that it prints."""
    for part in re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]:
        command, *printed = part.splitlines()
        yield command, printed


def matches(printed: str, expected: list[str]) -> bool:
    """Whether output is as the page has it: `…` is anything in a line; alone, any lines."""
    pattern = ""
    for line in expected:
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(map(re.escape, line.rstrip().split("…"))) + r"[ ]*\n"
    return re.fullmatch(pattern, printed) is not None


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("COUNTERFOIL_HOME", str(tmp_path / "home"))
    path = [str(BIN), os.environ["PATH"], str(ROOT / "node_modules" / ".bin")]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_page__as_it_stands(folder):
    staying: list[subprocess.Popen] = []
    run = 0
    try:
        for language, text in blocks():
            if language == "python":
                name = re.match(r"# (\S+)\n", text)[1]
                (folder / name).write_text(text, encoding="utf-8")
                continue
            for command, expected in steps(text):
                if command == STAYS:
                    process = subprocess.Popen(
                        [*command.split(), "--port", str(free_port())],
                        cwd=folder, stdout=subprocess.PIPE, text=True,
                    )  # fmt: skip
                    staying.append(process)
                    printed = ""
                    for line in process.stdout:
                        printed += line
                        if line.startswith("Ctrl-C"):
                            break
                else:
                    done = subprocess.run(
                        command, shell=True, cwd=folder, text=True, timeout=120, check=False,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                    )  # fmt: skip
                    printed = done.stdout
                assert matches(printed, expected), f"$ {command}\n{printed}"
                run += 1
    finally:
        for process in staying:
            process.send_signal(signal.SIGINT)
            process.wait(30)
    assert run == 10
    assert len(staying) == 1
