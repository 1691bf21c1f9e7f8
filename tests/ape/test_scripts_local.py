"""The scripts on Ape's own networks, whose chains live no longer than their process."""

import subprocess
import sys
from pathlib import Path

import pytest
from scripts_story import ROOT, free_port


def told(network, folder, environment):
    host = f"http://127.0.0.1:{free_port()}"
    words = [sys.executable, Path(__file__).with_name("one_process.py"), network, folder, host]
    ended = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "told" in ended.stdout.splitlines()


def test_local_test__every_script__runs_the_story(tmp_path, environment):
    told("ethereum:local:test", tmp_path, environment)


@pytest.mark.slow
@pytest.mark.anvil
@pytest.mark.usefixtures("anvil_binary")
def test_local_foundry__every_script__runs_the_story(tmp_path, environment):
    told("ethereum:local:foundry", tmp_path, environment)
