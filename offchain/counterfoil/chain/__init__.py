"""Everything that talks to a chain; the only importer of web3."""

from .client import EMBEDDED_CHAIN_ID, Block, Chain
from .contract import Call, Contract
from .deploying import deploy, deploy_contract
from .events import Posted
from .in_process import embedded, funded_account, travel
from .ledger import LedgerClient, LogRecord
from .registry import ModelRecord, RegistryClient
from .sending import Mined, Prepared, broadcast, mined, prepare, send, wait

__all__ = [
    "EMBEDDED_CHAIN_ID",
    "Block",
    "Call",
    "Chain",
    "Contract",
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
    "funded_account",
    "mined",
    "prepare",
    "send",
    "travel",
    "wait",
]
