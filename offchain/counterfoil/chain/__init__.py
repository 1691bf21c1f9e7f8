"""Everything that talks to a chain; the only importer of web3."""

from counterfoil.config import EMBEDDED_CHAIN_ID

from .bonds import Bond, BondsClient, Standing
from .client import Block, Chain
from .contract import Call, Contract
from .court import CourtClient, Demand
from .court_events import CourtEvent
from .deploying import deploy, deploy_contract
from .deployment import CourtTerms
from .events import Posted
from .fault_court import FaultCourtClient, fault_evidence
from .fault_events import FaultEvent
from .fault_values import (
    Answer,
    Facts,
    Fault,
    FaultCase,
    FaultDemand,
    FaultTerms,
    Node,
    Place,
    Sets,
    Summons,
    TensorShown,
    TreeKind,
    place_of,
    place_word,
)
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
from .under_way import Slot, UnderWay, send_in, slot_after, turn

__all__ = [
    "EMBEDDED_CHAIN_ID",
    "Answer",
    "Block",
    "Bond",
    "BondsClient",
    "Call",
    "Chain",
    "Contract",
    "CourtClient",
    "CourtEvent",
    "CourtTerms",
    "Demand",
    "Facts",
    "Fault",
    "FaultCase",
    "FaultCourtClient",
    "FaultDemand",
    "FaultEvent",
    "FaultTerms",
    "Fees",
    "LedgerClient",
    "LogRecord",
    "Mined",
    "ModelRecord",
    "Node",
    "Place",
    "Posted",
    "Prepared",
    "RegistryClient",
    "Sets",
    "Slot",
    "Standing",
    "Summons",
    "TensorShown",
    "TreeKind",
    "UnderWay",
    "broadcast",
    "deploy",
    "deploy_contract",
    "embedded",
    "fault_evidence",
    "fees_of",
    "funded_account",
    "mined",
    "mined_nonce",
    "next_nonce",
    "place_of",
    "place_word",
    "prepare",
    "send",
    "send_in",
    "slot_after",
    "travel",
    "turn",
    "wait",
]
