"""The chain inside this process: its clock."""

from __future__ import annotations

import time

import pytest
from counterfoil import chain as chains
from counterfoil.cli.demo_stage import Clock
from counterfoil.formats.receipt import POSTING_TOLERANCE
from counterfoil.hashing.types import Seconds

SLOW = 10 * POSTING_TOLERANCE


@pytest.fixture
def chain():
    return chains.embedded()


@pytest.fixture
def pass_by(monkeypatch):
    """Seconds go by, as on a machine that has much else to do, and nothing is sent."""
    wall, steady = time.time, time.monotonic

    def pass_(seconds: int) -> None:
        monkeypatch.setattr(time, "time", lambda: wall() + seconds)
        monkeypatch.setattr(time, "monotonic", lambda: steady() + seconds)

    return pass_


@pytest.mark.parametrize("ahead", [0, 7200])
def test_embedded__long_between_two_blocks__the_next_is_as_late(chain, pass_by, ahead):
    if ahead:
        chains.travel(chain, Seconds(chain.now() + ahead))
    clock = Clock()
    clock.set(chain)
    opened = chain.next_time()
    pass_by(SLOW)
    assert SLOW <= chain.next_time() - opened <= SLOW + 30
    assert clock() <= chain.next_time() + POSTING_TOLERANCE
    chains.funded_account(chain)
    assert SLOW <= chain.now() - opened <= SLOW + 30


def test_embedded__many_blocks_at_once__no_clock_leaves_them_behind(chain, pass_by):
    """Each is a second later than the one before, so the chain is ahead of the machine."""
    chain.web3.provider.ethereum_tester.mine_blocks(2 * POSTING_TOLERANCE)
    clock = Clock()
    clock.set(chain)
    pass_by(SLOW)
    assert clock() <= chain.next_time() + POSTING_TOLERANCE
