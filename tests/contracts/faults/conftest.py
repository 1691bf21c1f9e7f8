"""The fault court with its clerk, the judges, and stand-ins of either."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ape
import pytest
from fault_docket import BURN, CAP, FLOORS, LEAST_FEE, UNIT, FaultDocket, Run
from support.evm import account

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))


@pytest.fixture(scope="session")
def step_judge(project, deployer):
    return deployer.deploy(project.StepJudge)


@pytest.fixture(scope="session")
def recorder(project, deployer):
    """A court that says what it is told."""
    return deployer.deploy(project.ConvictionRecorder)


@pytest.fixture(scope="session")
def fault_clerk(project, deployer):
    return deployer.deploy(project.FaultClerk)


@pytest.fixture(scope="session")
def lax_judge(project, deployer):
    """Convicts on anybody's word."""
    return deployer.deploy(project.JudgeHarness)


@pytest.fixture(scope="session")
def deploy_fault_court(project, deployer, ledger, fault_clerk, lax_judge):
    """Deploy a fault court; what is not said is the tests' own."""

    def deploy(
        *,
        ledger=ledger,
        clerk=fault_clerk,
        step=lax_judge,
        row=lax_judge,
        floors=FLOORS,
        cap=CAP,
        least=LEAST_FEE,
    ):
        return deployer.deploy(project.FaultCourt, ledger, clerk, step, row, floors, cap, least)

    return deploy


@pytest.fixture(scope="session")
def fault_court(deploy_fault_court):
    return deploy_fault_court()


@pytest.fixture
def log(book, opened, signer) -> str:
    """The address of an open log's key."""
    return signer.address


@pytest.fixture
def bonded(fault_court, log, operator) -> str:
    """An open log with a bond of two units and a half."""
    fault_court.make_bond(log, UNIT, sender=operator, value=5 * UNIT // 2)
    return log


@pytest.fixture
def docket_of(fault_clerk, lax_judge, book, chain, challenger) -> Callable[[Any], FaultDocket]:
    """A docket of some court."""
    return lambda court: FaultDocket(court, fault_clerk, lax_judge, book, chain, challenger)


@pytest.fixture
def docket(docket_of, fault_court, bonded) -> FaultDocket:
    return docket_of(fault_court)


@pytest.fixture
def run() -> Run:
    return Run.of()


@pytest.fixture
def balance(chain) -> Callable[[Any], int]:
    return chain.provider.get_balance


@pytest.fixture
def burnt(balance) -> Callable[[], int]:
    return lambda: balance(BURN)


@pytest.fixture
def payee(project, stranger):
    """An account with code."""
    return stranger.deploy(project.Payee)


@pytest.fixture
def denied(chain, fault_court, fault_clerk) -> Callable[..., Any]:
    """What follows reverts with this reason; court and clerk keep all that they had, and no more.

    The cases that a test names are those that it is about; every other is held to as well.
    """

    def state() -> tuple[bytes, bytes]:
        return account(chain, fault_court.address), account(chain, fault_clerk.address)

    @contextmanager
    def check(reason: str, *_cases: Any) -> Iterator[None]:
        before = state()
        with ape.reverts(reason):
            yield
        assert state() == before

    return check
