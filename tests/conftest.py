"""What all tests share: Hypothesis profiles, and what they need from outside Python."""

from __future__ import annotations

import os

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


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("node"):
        need_node()
    if item.get_closest_marker("anvil"):
        need_anvil()
