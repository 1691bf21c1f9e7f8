"""`counterfoil replay` over files, folders and the journal: verdicts, counts, exit codes."""

from __future__ import annotations

import json
import re

import counterfoil
import numpy as np
import pytest
from click.testing import CliRunner
from counterfoil.cli import main

from .conftest import resigned
from .test_replay import FEED, noise, squares


def invoke(*words):
    # By the group: a command that is invoked alone remembers the help option it had there.
    done = CliRunner().invoke(main, ["replay", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture
def folder(tmp_path, ran):
    """Three receipts: an honest one, one that rounds as another machine, one that lies."""
    made = tmp_path / "receipts"
    made.mkdir()
    honest = ran(squares(), FEED)
    honest.write(made / "a.json")
    resigned(honest, lambda y: y * np.float32(1.00001), machine="x86-64-v2").write(made / "b.json")
    resigned(honest, lambda y: -y).write(made / "c.json")
    return made


def test_one_file__equal(folder):
    done = invoke(folder / "a.json")
    assert (done.exit_code, done.output) == (0, f"{folder / 'a.json'}: equal bit for bit\n")


def test_close__zero_unless_exact_is_asked(folder):
    done = invoke(folder / "b.json")
    assert done.exit_code == 0
    assert "equal within the tolerance" in done.output
    assert "x86-64-v2 there" in done.output
    assert invoke(folder / "b.json", "--exact").exit_code == 6
    assert invoke(folder / "b.json", "--relative", "0", "--absolute", "0").exit_code == 6


def test_folder__every_verdict_and_the_worst_code(folder):
    done = invoke(folder)
    assert done.exit_code == 6
    assert "c.json: DIFFERENT" in done.output
    assert done.output.splitlines()[-1] == "3 replayed: 1 equal, 1 close, 1 different"
    answer = json.loads(invoke(folder, "--json").output)
    assert answer["counts"] == {"equal": 1, "close": 1, "random": 0, "different": 1, "undone": 0}
    assert [r["verdict"] for r in answer["results"]] == ["equal", "close", "different"]
    assert answer["results"][2]["outputs"][0]["unequal"] == 12  # −0.0 is not 0.0


def test_model_named_is_another__said_that_it_is_not_what_was_run(folder, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(noise())
    done = invoke(folder / "a.json", "--model", other)
    assert done.exit_code == 0
    assert f"{other} is not these receipts' model, which was found elsewhere" in done.output
    own = tmp_path / "own.onnx"
    own.write_bytes(squares())
    done = invoke(folder, "--model", own)
    assert "not these receipts' model" not in done.output


def test_changed_file__fails_as_different(folder):
    file = folder / "a.json"
    changed = re.sub(r'("sequence": ?)0', r"\g<1>7", file.read_text())
    assert changed != file.read_text()
    file.write_text(changed)
    done = invoke(folder)
    assert done.exit_code == 6
    assert "a.json: FAILED" in done.output


def test_random_or_without_openings__undecided(tmp_path, ran):
    receipt = ran(noise(), FEED, times=2)
    receipt.write(tmp_path / "r.json")
    assert invoke(tmp_path / "r.json").exit_code == 4
    made = tmp_path / "none"
    made.mkdir()
    done = invoke(made)
    assert (done.exit_code, done.output) == (4, "nothing to replay\n")


def test_sample__so_many_and_the_same_again(folder):
    words = (folder, "--sample", "2", "--seed", "5", "--json")
    first, second = (json.loads(invoke(*words).output)["results"] for _ in range(2))
    assert first == second and len(first) == 2


def test_log__receipts_whose_tensors_were_kept(tmp_path, home):
    path = tmp_path / "model.onnx"
    path.write_bytes(squares())
    kept = counterfoil.InferenceSession(str(path), keep=3600)
    for _ in range(3):
        kept.run(None, FEED)
    counterfoil.InferenceSession(str(path)).run(None, FEED)
    done = invoke("--log")
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == "3 replayed: 3 equal"


def test_nothing_named__usage():
    assert invoke().exit_code == 2
