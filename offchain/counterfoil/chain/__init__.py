"""Everything that talks to a chain; the only importer of web3."""

from counterfoil.config import EMBEDDED_CHAIN_ID

from .client import Block, Chain
from .contract import Call, Contract
from .court import Bond, CourtClient, Demand, Standing
from .court_events import CourtEvent
from .deploying import deploy, deploy_contract
from .deployment import CourtTerms
from .events import Posted
from .in_process import embedded, funded_account, travel
from .ledger import LedgerClient, LogRecord
from .registry import ModelRecord, RegistryClient
from .sending import (
    Fees,
    Mined,
    Prepared,
    broadcast,
    fees_of,
    mined,
    mined_nonce,
    next_nonce,
    prepare,
    send,
    wait,
)

__all__ = [
    "EMBEDDED_CHAIN_ID",
    "Block",
    "Bond",
    "Call",
    "Chain",
    "Contract",
    "CourtClient",
    "CourtEvent",
    "CourtTerms",
    "Demand",
    "Fees",
    "LedgerClient",
    "LogRecord",
    "Mined",
    "ModelRecord",
    "Posted",
    "Prepared",
    "RegistryClient",
    "Standing",
    "broadcast",
    "deploy",
    "deploy_contract",
    "embedded",
    "fees_of",
    "funded_account",
    "mined",
    "mined_nonce",
    "next_nonce",
    "prepare",
    "send",
    "travel",
    "wait",
]
