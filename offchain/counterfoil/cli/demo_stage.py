"""Who and what the demo has on its embedded chain: roles, contracts, and one contract that acts."""

from __future__ import annotations

import time
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount

from counterfoil.chain import (
    Chain,
    Contract,
    LedgerClient,
    RegistryClient,
    deploy,
    deploy_contract,
    embedded,
    funded_account,
    send,
    wait,
)
from counterfoil.chain.deployment import LEDGER, REGISTRY
from counterfoil.errors import DemoFailed
from counterfoil.formats.chunks import CHUNK, chunk_count
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.tensor import PUBLIC_MASTER, Tensor, commit, open_chunk
from counterfoil.hashing.eip712 import address_word, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Address, Digest, Seconds
from counterfoil.inference import SealedReceipt
from counterfoil.journal import Journal

from .output import Output

LABEL = "python"
MAX_DELAY = Seconds(3600)
APPROVE_AT = 0x3F000000
"""0.5 as binary32: from this probability on the example contract approves."""

NO_COURT = Address("0x" + "00" * 20)
"""The example contract asks no court: the demo's operator has no bond."""


class Clock:
    """This machine's, set forward to the embedded chain's.

    A block is at least a second later than the one before, so a chain that makes many at
    once runs ahead, and a receipt is issued after its log was opened or promises nothing.
    """

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def set(self, chain: Chain) -> None:
        """Be at least where the chain is."""
        self.ahead = max(self.ahead, chain.now() - time.time())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The contracts and accounts of one demo."""

    chain: Chain
    ledger: LedgerClient
    registry: RegistryClient
    operator: LocalAccount
    payer: LocalAccount
    publisher: LocalAccount
    stranger: LocalAccount
    clock: Clock


def set_stage() -> Stage:
    """An embedded chain with the contracts and four funded accounts."""
    chain = embedded()
    operator, payer, publisher, stranger = (funded_account(chain) for _ in range(4))
    made = deploy(chain, payer)
    return Stage(
        chain=chain,
        ledger=LedgerClient(chain, made.contracts[LEDGER].address),
        registry=RegistryClient(chain, made.contracts[REGISTRY].address),
        operator=operator,
        payer=payer,
        publisher=publisher,
        stranger=stranger,
        clock=Clock(),
    )


def open_log(stage: Stage, journal: Journal) -> None:
    """Open the journal's log, as the operator."""
    closes_at = Seconds(stage.chain.now() + 30 * 24 * 3600)
    opening, signature = journal.sign_log_opening(
        Address(stage.operator.address), closes_at, MAX_DELAY
    )
    wait(stage.chain, stage.ledger.open_log(opening, signature, stage.operator))
    stage.clock.set(stage.chain)


def deploy_gate(stage: Stage, known: SealedReceipt, label: int) -> Contract:
    """The example contract, for the model and runtime of a receipt."""
    address = deploy_contract(
        stage.chain,
        stage.payer,
        "ContentGate",
        stage.ledger.address,
        stage.registry.address,
        stage.operator.address,
        stage.publisher.address,
        known.receipt.model,
        known.receipt.runtime,
        label,
        APPROVE_AT,
        NO_COURT,
        0,
    )
    return Contract(stage.chain, "ContentGate", address)


def place_order(stage: Stage, gate: Contract, tensor: Tensor) -> Digest:
    """Place the contract's order 0; the request that an answer must carry."""
    inputs = commit([tensor], PUBLIC_MASTER).digest
    wait(stage.chain, send(stage.chain, gate.call("place", inputs), stage.stranger))
    request = keccak(word(stage.chain.chain_id) + address_word(gate.address) + word(0))
    if bytes(gate.read("request", 0)) != request:
        raise DemoFailed("the contract's request is another than ours")
    return request


def act(stage: Stage, gate: Contract, file: ReceiptFile, label: int, out: Output) -> None:
    """Let the example contract act on one output value, brought by a stranger."""
    opening, inclusion = file.opening, file.inclusion
    if opening is None or opening.outputs is None or opening.outputs.master is None:
        raise DemoFailed("the order's receipt does not open its outputs")
    if inclusion is None:
        raise DemoFailed("the order's receipt has no inclusion")
    tensors = opening.outputs.tensors
    shown = open_chunk(tensors, opening.outputs.master, 0, label * 4 // CHUNK)
    call = gate.call("fulfil", 0, file.receipt.abi(), inclusion.abi(), shown.abi())
    done = wait(stage.chain, send(stage.chain, call, stage.stranger))
    if not gate.read("approved", file.receipt.inputs):
        raise DemoFailed("the example contract did not approve a Python file")
    out.say(
        f"Contract: approved on one opened value, P({LABEL}) = "
        f"{float(tensors[0].array()[0, label]):.4f}, in chunk {shown.index} of "
        f"{chunk_count(shown.byte_length)}; {done.gas_used:,} gas."
    )
