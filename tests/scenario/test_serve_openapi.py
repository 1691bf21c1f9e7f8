"""schemathesis against the running server: its OpenAPI and its behaviour agree."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from onnx import TensorProto
from serving import Server, environment, identity, linear, put

HOOKS = '''
import schemathesis

NAMES = {"name": ["linear", "uint8"], "version": ["1"]}

@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of the time what there is, so that more than 404 is seen."""
    if path_parameters and sum(map(ord, str(path_parameters))) % 2:
        for name, values in NAMES.items():
            if name in path_parameters:
                path_parameters[name] = values[len(str(path_parameters)) % len(values)]
    return path_parameters
'''

CONFIG = """
generation.max-examples = 25
generation.deterministic = true
generation.database = "none"
request-timeout = 20

[phases.stateful]
enabled = false

# A schema does not say how many elements a shape has, so what it allows may be refused.
[[operations]]
include-name = "POST /v2/models/{name}/infer"
checks.positive_data_acceptance.enabled = false

[[operations]]
include-name = "POST /v2/models/{name}/versions/{version}/infer"
checks.positive_data_acceptance.enabled = false

# A stream does not end.
[[operations]]
include-name = "GET /v2/events"
enabled = false
"""


@pytest.mark.slow
def test_schemathesis__finds_nothing(tmp_path):
    put(tmp_path / "models", "linear", linear())
    put(tmp_path / "models", "uint8", identity(TensorProto.UINT8))
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    server = Server(tmp_path / "models", environment(tmp_path / "home"))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", server.url + "/openapi.json",
             "--no-color"],
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(tmp_path)},
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
    finally:
        assert server.stop() == 0
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "FAILURES" not in done.stdout and "Traceback" not in "".join(server.log)
