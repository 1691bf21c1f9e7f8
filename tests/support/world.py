"""One log from its journal to its ledger: what tests of settling and verifying stand on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from counterfoil import chain as chains
from counterfoil.chain import Chain, LedgerClient, RegistryClient
from counterfoil.config import Profile
from counterfoil.formats.model import Model, ModelFile
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO, Seconds
from counterfoil.journal import Draft, Journal, Sealed
from counterfoil.settle import Settler, open_log
from counterfoil.verify import Trust
from eth_account.signers.local import LocalAccount

GRACE = Seconds(3600)
MAX_DELAY = Seconds(3600)
OPEN_FOR = 10 * 24 * 3600

MODEL = Model(files=(ModelFile(path="model.onnx", size=4, sha256=bytes(range(32))),))
RUNTIME = Runtime(
    engine="onnxruntime", version="1.20.0", providers="CPU", machine="x86-64-v3", options="{}"
)


def tensors(number: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Inputs and outputs of the `number`th inference."""
    given = Tensor.of("x", np.arange(4, dtype=np.float32) + number)
    answer = Tensor.of("y", np.arange(4, dtype=np.float32) * 2 + number)
    return (given,), (answer,)


def draft(number: int, request: bytes = ZERO) -> Draft:
    """The `number`th inference, with its tensors kept."""
    inputs, outputs = tensors(number)
    masters = keccak(b"inputs %d" % number), keccak(b"outputs %d" % number)
    return Draft(
        model=MODEL.digest,
        runtime=RUNTIME.digest,
        request=request,
        inputs=commit(inputs, masters[0]).digest,
        outputs=commit(outputs, masters[1]).digest,
        input_master=masters[0],
        output_master=masters[1],
        model_preimage=MODEL,
        runtime_preimage=RUNTIME,
        inputs_tensors=inputs,
        outputs_tensors=outputs,
    )


def clock_of(chain: Chain) -> Callable[[], float]:
    """The embedded chain's own clock, which runs a second a block; else the machine's."""
    return chain.next_time if chain.is_embedded else time.time


@dataclass(slots=True, kw_only=True)
class World:
    """Contracts on a chain, an operator, a payer, and one log's journal."""

    chain: Chain
    ledger: LedgerClient
    registry: RegistryClient
    operator: LocalAccount
    payer: LocalAccount
    stranger: LocalAccount
    profile: Profile
    journal: Journal

    def open(self, max_delay: Seconds = MAX_DELAY) -> None:
        """Open the journal's log."""
        closes_at = Seconds(self.chain.now() + OPEN_FOR)
        open_log(self.journal, self.chain, self.operator, closes_at=closes_at, max_delay=max_delay)

    def seal(self, count: int) -> list[Sealed]:
        """Seal so many receipts, with other tensors each."""
        start = self.journal.next_sequence()
        return [self.journal.seal(draft(start + i)) for i in range(count)]

    def settler(self, chain: Chain | None = None, **changes: object) -> Settler:
        """A settler as another process would have it: it knows the journal and the chain only."""
        profile = replace(self.profile, **changes)
        return Settler(
            self.journal,
            chain or self.chain,
            self.payer,
            profile,
            operator=self.operator,
            clock=clock_of(self.chain),
        )

    @property
    def trust(self) -> Trust:
        """A list with this ledger and registry on it, and no publisher."""
        return Trust(
            ledgers=frozenset({(self.chain.chain_id, self.ledger.address)}),
            registries={self.chain.chain_id: self.registry.address},
        )


def world(
    chain: Chain,
    folder: Path,
    accounts: Sequence[LocalAccount],
    *,
    open_: bool = True,
    **fields: object,
) -> World:
    """Contracts deployed, a journal made, its log opened."""
    operator, payer, stranger = accounts
    made = chains.deploy(chain, payer, grace=GRACE).contracts
    profile = Profile(
        name="test",
        chain_id=chain.chain_id,
        ledger=made["ReceiptLedger"].address,
        registry=made["ModelRegistry"].address,
        journal=f"sqlite:///{folder / 'journal.db'}",
        promise=Seconds(600),
        confirmations=1,
        batch_size=4,
        batch_age=Seconds(300),
        durability="normal",
    )
    profile = replace(profile, **fields)
    out = World(
        chain=chain,
        ledger=LedgerClient(chain, profile.ledger),
        registry=RegistryClient(chain, made["ModelRegistry"].address),
        operator=operator,
        payer=payer,
        stranger=stranger,
        profile=profile,
        journal=Journal.open(profile, clock=clock_of(chain)),
    )
    if open_:
        out.open()
    return out
