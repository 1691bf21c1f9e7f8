from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ape
import pytest
from book import MAX_DELAY
from docket import ANSWER_WINDOW, BURN, CAP, CLAIM_WINDOW, UNIT, Docket
from support.evm import account


@pytest.fixture(scope="session")
def deploy_court(project, deployer, ledger):
    """Deploy a court; what is not said is the tests' own."""

    def deploy(*, ledger=ledger, claim=CLAIM_WINDOW, answer=ANSWER_WINDOW, cap=CAP):
        return deployer.deploy(project.PromiseCourt, ledger, claim, answer, cap)

    return deploy


@pytest.fixture(scope="session")
def court(deploy_court):
    return deploy_court()


@pytest.fixture
def log(book, opened, signer) -> str:
    """The address of an open log's key."""
    return signer.address


@pytest.fixture
def docket(court, book, chain, challenger) -> Docket:
    return Docket(court, book, chain, challenger)


@pytest.fixture
def bonded(court, log, operator) -> str:
    """An open log with a bond of two units and a half."""
    court.make_bond(log, UNIT, sender=operator, value=5 * UNIT // 2)
    return log


@pytest.fixture
def promised(docket, bonded):
    """A promised receipt under number 0 of a bonded log."""
    return docket.promised(0)


@pytest.fixture
def due(court, ledger) -> Callable[[Any], int]:
    """The last second at which a receipt is settled in time."""

    def due(receipt) -> int:
        return min(receipt.settle_by, receipt.issued_at + MAX_DELAY) + ledger.grace()

    return due


@pytest.fixture
def payee(project, stranger):
    """An account with code."""
    return stranger.deploy(project.Payee)


@pytest.fixture
def balance(chain) -> Callable[[Any], int]:
    return chain.provider.get_balance


@pytest.fixture
def burnt(balance) -> Callable[[], int]:
    return lambda: balance(BURN)


@pytest.fixture
def court_state(chain, court, ledger) -> Callable[[], Any]:
    """All that ledger and court keep, and the court's wei."""
    return lambda: (account(chain, ledger.address), account(chain, court.address))


@pytest.fixture
def denied(court_state) -> Callable[[str], Any]:
    """What follows reverts with this reason and changes nothing."""

    @contextmanager
    def check(reason: str) -> Iterator[None]:
        before = court_state()
        with ape.reverts(reason):
            yield
        assert court_state() == before

    return check
