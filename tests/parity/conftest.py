"""The modules' harnesses, each deployed once."""

from __future__ import annotations

import ape
import pytest
from support.compiling import load_contracts
from support.evm import lighten

LEDGER = "0x00000000000000000000000000000000C0047E2F"
"""The ledger in whose name the digests' harness speaks; nobody lives there."""


def pytest_sessionstart(session: pytest.Session) -> None:
    load_contracts(ape.project)


@pytest.fixture(scope="session", autouse=True)
def light(chain):
    lighten(chain)


@pytest.fixture(scope="session")
def merkle_path(project, accounts):
    return accounts[0].deploy(project.MerklePathHarness)


@pytest.fixture(scope="session")
def merkle_several(project, accounts):
    return accounts[0].deploy(project.MerkleSeveralHarness)


@pytest.fixture(scope="session")
def named_ledger():
    return ape.convert(LEDGER, ape.types.AddressType)


@pytest.fixture(scope="session")
def digests(project, accounts, named_ledger):
    return accounts[0].deploy(project.DigestsHarness, named_ledger)


@pytest.fixture(scope="session")
def tensor_opening(project, accounts):
    return accounts[0].deploy(project.TensorOpeningHarness)
