"""Everything that talks to a chain; the only importer of web3."""

from .client import EMBEDDED_CHAIN_ID, Block, Chain
from .contract import Call, Contract
from .deploying import deploy, deploy_contract
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
    "Call",
    "Chain",
    "Contract",
    "Fees",
    "LedgerClient",
    "LogRecord",
    "Mined",
    "ModelRecord",
    "Posted",
    "Prepared",
    "RegistryClient",
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
