"""A faulty RPC on loopback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from rpc import FaultyRpc


@pytest.fixture
def rpc() -> Iterator[FaultyRpc]:
    server = FaultyRpc()
    yield server
    server.close()
