"""Roles, the ledger, and short ways to make and post what it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ape
import pytest
from book import GRACE, Book, key, several
from eth_account.signers.local import LocalAccount
from support.compiling import load_contracts
from support.evm import account, lighten


def pytest_sessionstart(session: pytest.Session) -> None:
    load_contracts(ape.project)


@pytest.fixture(scope="session", autouse=True)
def light(chain):
    lighten(chain)


@pytest.fixture(scope="session")
def deployer(accounts):
    return accounts[0]


@pytest.fixture(scope="session")
def operator(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def payer(accounts):
    return accounts[2]


@pytest.fixture(scope="session")
def stranger(accounts):
    return accounts[3]


@pytest.fixture(scope="session")
def challenger(accounts):
    return accounts[4]


@pytest.fixture(scope="session")
def publisher(accounts):
    return accounts[5]


@pytest.fixture(scope="session")
def other_operator(accounts):
    return accounts[6]


@pytest.fixture(scope="session")
def signer() -> LocalAccount:
    return key("signer")


@pytest.fixture(scope="session")
def other_signer() -> LocalAccount:
    return key("other signer")


@pytest.fixture(scope="session")
def ledger(project, deployer):
    return deployer.deploy(project.ReceiptLedger, GRACE)


@pytest.fixture(scope="session")
def meter(project, deployer):
    return deployer.deploy(project.GasMeter)


@pytest.fixture(scope="session")
def chain_id(chain) -> int:
    return chain.chain_id


@pytest.fixture
def now(chain) -> Callable[[], int]:
    """The timestamp that the next transaction gets."""
    return lambda: chain.pending_timestamp


@pytest.fixture
def at(chain) -> Callable[[int], None]:
    """Let the next transaction be mined at exactly this second."""

    def travel(timestamp: int) -> None:
        chain.pending_timestamp = timestamp
        assert chain.pending_timestamp == timestamp

    return travel


@pytest.fixture
def book(ledger, chain_id, chain, operator, payer, signer) -> Book:
    return Book(ledger, chain_id, chain, operator, payer, signer)


@pytest.fixture
def opened(book) -> Any:
    """`signer`'s log, opened by `operator`; the receipt of the opening transaction."""
    return book.open()


@pytest.fixture
def closes_at(ledger, signer, opened) -> int:
    return ledger.log_record(signer.address).closesAt


@pytest.fixture
def several_proof() -> Callable[..., Any]:
    return several


@pytest.fixture
def state(chain, ledger) -> Callable[[], Any]:
    """All that the ledger keeps, of whatever log."""
    return lambda: account(chain, ledger.address)


@pytest.fixture
def refused(state) -> Callable[[str], Any]:
    """What follows reverts with this reason and changes nothing."""

    @contextmanager
    def check(reason: str) -> Iterator[None]:
        before = state()
        with ape.reverts(reason):
            yield
        assert state() == before

    return check


@pytest.fixture
def enrich(chain) -> Callable[[Any, int], None]:
    """Give an account more wei than there is; the embedded EVM has no method for it."""

    def enrich(account: Any, wei: int) -> None:
        evm = chain.provider.evm_backend.chain
        state = evm.get_vm().state
        state.set_balance(bytes.fromhex(account.address[2:]), wei)
        state.persist()
        evm.header = evm.header.copy(state_root=state.state_root)
        chain.mine()

    return enrich
