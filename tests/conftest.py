"""What all tests share: Hypothesis profiles, and what they need from outside Python."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from needs import need_anvil, need_node

settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile(
    "ci",
    max_examples=60,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("slow", max_examples=2000, deadline=None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default")
)

if "PYTEST_XDIST_WORKER" not in os.environ:  # leases and marks of a run's journals, not the user's
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="counterfoil-state-")
    atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("node"):
        need_node()
    if item.get_closest_marker("anvil"):
        need_anvil()
