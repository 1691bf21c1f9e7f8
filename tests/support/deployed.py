"""An embedded chain with the contracts on it: deployed once a process, copied for every test."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from counterfoil import chain as chains
from counterfoil.chain import Chain, CourtTerms
from counterfoil.hashing.types import Seconds
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth_account.signers.local import LocalAccount
from world import GRACE

CLAIM_WINDOW = Seconds(6 * 3600)
ANSWER_WINDOW = Seconds(1800)
UNIT = 10**18
CAP = UNIT // 40
TERMS = CourtTerms(claim_window=CLAIM_WINDOW, answer_window=ANSWER_WINDOW, reward_cap=CAP)
"""Of the promise court; the unit is of the bonds that tests make."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What a copy starts from: a chain's database, and who has gas money on it."""

    database: dict[bytes, bytes]
    roles: tuple[LocalAccount, ...]


def copied() -> tuple[Chain, list[LocalAccount]]:
    """A chain of a test's own with ledger, registry and promise court; operator, payer, stranger.

    Copies have one genesis; `chains.embedded()` makes a chain with another.
    """
    first = deployed()
    chain = chains.embedded()
    backend = _backend(chain)
    backend.chain = type(backend.chain)(AtomicDB(MemoryDB(dict(first.database))))
    backend.chain.gas_estimator = chains.in_process.estimated
    return chain, list(first.roles)


@cache
def deployed() -> Deployed:
    """The process's first, which no test touches."""
    chain = chains.embedded()
    roles = tuple(chains.funded_account(chain) for _ in range(3))
    chains.deploy(chain, roles[1], grace=GRACE, court=TERMS)
    database = _backend(chain).chain.chaindb.db.wrapped_db.kv_store
    return Deployed(database=dict(database), roles=roles)


def _backend(chain: Chain) -> Any:
    return chain.web3.provider.ethereum_tester.backend
