"""One Node.js process per script: JSON in, JSON out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from needs import need_node


def run_node(script: str, told: Any, timeout: float = 240) -> Any:
    done = subprocess.run(
        [need_node(), Path(__file__).parent / script],
        input=json.dumps(told).encode(),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)
