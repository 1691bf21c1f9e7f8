"""The page's RPC client: bounded in time and length, whatever answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from needs import need_explorer, need_node

pytestmark = pytest.mark.node


def test_rpc__that_never_ends_or_answers_nonsense__is_given_up():
    need_explorer()
    done = subprocess.run(
        [need_node(), Path(__file__).parent / "rpc.mjs"],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    found = json.loads(done.stdout)
    assert {name: kind for name, (kind, *_) in found.items()} == {
        "silent": "ChainUnavailable",
        "drips": "ChainUnavailable",
        "endless": "BadAnswer",
        "cut": "ChainUnavailable",
        "null": "BadAnswer",
        "list": "BadAnswer",
        "error": "BadAnswer",
        "": "BadRpcAddress",
        "ws://127.0.0.1:1": "BadRpcAddress",
        "file:///x": "BadRpcAddress",
        "http://user:word@127.0.0.1:1": "BadRpcAddress",
        "nonsense": "BadRpcAddress",
    }
    for name in ("silent", "drips"):
        assert 0.3 < found[name][1] < 10
