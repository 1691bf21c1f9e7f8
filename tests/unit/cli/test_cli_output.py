"""How commands print: folded on terminals alone, JSON without loss, pipes that close."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import click
import pytest
from click.testing import CliRunner
from counterfoil.cli import output

COMMAND = [sys.executable, "-c", "from counterfoil.cli import main; main()"]


def on_a_terminal(columns: int, *arguments: str) -> str:
    """What a command prints on a terminal of a width."""
    main, side = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns)}
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=side, stderr=side, stdin=side, env=environment
    )
    os.close(side)
    printed = read_all(main)
    assert process.wait(60) == 0
    return printed


def read_all(terminal: int) -> str:
    """What is printed on a terminal until its other side is closed."""
    printed = b""
    with suppress(OSError):  # Linux's way to say that it is closed
        while piece := os.read(terminal, 65536):
            printed += piece
    os.close(terminal)
    return printed.decode().replace("\r\n", "\n")


def test_progress__on_the_terminal_alone_not_in_the_output(receipt, tmp_path):
    main, side = pty.openpty()
    output_file = tmp_path / "output"
    with output_file.open("wb") as stdout:
        files = [str(receipt)] * 3
        process = subprocess.Popen([*COMMAND, "verify", *files], stdout=stdout, stderr=side)
    os.close(side)
    seen = read_all(main)
    assert process.wait(60) == 0
    assert "verifying" in seen and "3/3" in seen
    lines = output_file.read_text().splitlines()
    assert sum(line.startswith(f"{receipt}: ") for line in lines) == 3
    assert not [line for line in lines if "verifying" in line or "\x1b" in line]


@pytest.mark.parametrize("columns", [60, 80])
def test_terminal__no_line_is_wider(receipt, columns):
    for arguments in (("verify", str(receipt)), ("status",), ("doctor",)):
        printed = on_a_terminal(columns, *arguments)
        wide = [line for line in printed.splitlines() if len(line) > columns]
        assert not [line for line in wide if " " in line.strip()], (
            printed
        )  # one word, such as a path


def test_pipe__lines_are_not_folded(invoke, receipt):
    notes = [n for n in invoke("verify", receipt).out.splitlines() if n.startswith("  note")]
    assert len(notes) == 3


def test_pipe_that_closes__quiet(receipt):
    process = subprocess.Popen(
        [*COMMAND, "verify", *[str(receipt)] * 30], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (output.NO_READER, b"")


@pytest.mark.parametrize(
    ("value", "json_value"),
    [(b"\x01", "0x01"), (2**53 - 1, 2**53 - 1), (2**53, str(2**53)), (True, True), ((1,), [1])],
)
def test_plain(value, json_value):
    assert json.loads(json.dumps(output.plain({"v": value}))) == {"v": json_value}


def test_when__past_any_calendar():
    assert output.when(0) == "1970-01-01 00:00:00 UTC"
    assert output.when(2**63) == f"{2**63} s after 1970"


def test_fold__keeps_words_whole_and_hangs_under_the_text():
    line = "note      " + "word " * 30 + "0x" + "ab" * 32
    folded = output._fold(line, 60).split("\n")
    assert all(part.startswith(" " * 10) for part in folded[1:])
    assert folded[-1].strip() == "0x" + "ab" * 32


def test_unforeseen_error__one_line_without_its_text(monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("what it was about")

    whole = output.command(fails)
    command = click.command()(whole)
    answer = CliRunner().invoke(command, [])
    assert answer.exit_code == 70
    assert "ZeroDivisionError" in answer.output and "a bug" in answer.output
    assert "what it was about" not in answer.output and len(answer.output.splitlines()) == 1
    assert json.loads(CliRunner().invoke(command, ["--json"]).output)["error"]["class"] == "Bug"
    monkeypatch.setenv(output.DEBUG, "1")
    assert isinstance(CliRunner().invoke(command, []).exception, ZeroDivisionError)


def test_usage_error_inside_a_command__stays_one(invoke):
    assert invoke("run", "m.onnx", "--keep", "soon").code == 2
