"""What goes into a journal, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Literal, Protocol

from counterfoil.formats.batch import Batch
from counterfoil.formats.frozen import filled_at_once
from counterfoil.formats.model import Model
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import ZERO, Address, Digest, Seconds, Signature

ReceiptState = Literal["sealed", "posted", "final", "broken"]
"""`broken`: the promised time has passed and no batch with it is posted, as far as is known."""

BatchState = Literal["cut", "sent", "posted", "final"]


class OnlyForCourt(IntFlag):
    """What a journal keeps of a run for a fault court alone."""

    NOTHING = 0
    INPUTS = 1
    """The master of the inputs, as the next."""
    OUTPUTS = 2
    TENSORS = 4


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A receipt before it is sealed: all but number, signer and times.

    Attributes:
        model, runtime, request, inputs, outputs: as in `Receipt`, 32 bytes each.
        input_master, output_master: 32 bytes each, kept until forgotten; None: never kept, so
            that the journal can never open that side.
        model_preimage, runtime_preimage: stored once per digest.
        inputs_tensors, outputs_tensors: given only where they are to be kept.
        keep_until: Unix seconds until which the tensors are kept; None: until forgotten.
        summonable: what is given for a fault court alone, where it can ask for the run: kept
            until it cannot any more, and shown to nobody else; None: it cannot.
    """

    model: Digest
    runtime: Digest
    request: Digest = ZERO
    inputs: Digest
    outputs: Digest
    input_master: Digest | None
    output_master: Digest | None
    model_preimage: Model | None = None
    runtime_preimage: Runtime | Program | None = None
    inputs_tensors: tuple[Tensor, ...] | None = None
    outputs_tensors: tuple[Tensor, ...] | None = None
    keep_until: Seconds | None = None
    summonable: OnlyForCourt | None = None


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A receipt that is durable, with its signature."""

    receipt: Receipt
    signature: Signature
    chain_id: int
    ledger: Address

    @property
    def digest(self) -> Digest:
        """The receipt's identity."""
        return self.receipt.digest(self.chain_id, self.ledger)


class LogRecord(Protocol):
    """What the ledger says of a log; the chain's client gives it."""

    @property
    def operator(self) -> Address: ...
    @property
    def opened_at(self) -> Seconds: ...
    @property
    def closes_at(self) -> Seconds: ...
    @property
    def revoked_at(self) -> Seconds: ...
    @property
    def max_delay(self) -> Seconds: ...
    @property
    def next_sequence(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """A log as the chain had it when it was last looked at.

    Attributes:
        opened_at, closes_at: Unix seconds, the chain's.
        revoked_at: Unix seconds, 0: not revoked.
        max_delay: seconds, the longest promise.
        next_sequence: receipts settled.
    """

    operator: Address
    opened_at: Seconds
    closes_at: Seconds
    revoked_at: Seconds
    max_delay: Seconds
    next_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The receipts that are in no batch yet.

    Attributes:
        first: the first one's number.
        count: how many.
        oldest_issued_at: the first one's; None: there are none.
        earliest_settle_by: None: no promise among them.
    """

    first: int
    count: int
    oldest_issued_at: Seconds | None
    earliest_settle_by: Seconds | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """A batch that was cut, and how far it is.

    Attributes:
        state: `cut`: signed; `sent`: a transaction is on its way; `posted`: in a block;
            `final`: with the confirmations that the profile asks for.
        transaction: the last transaction's hash, not necessarily ours; None: none sent.
        nonce: of the payer's transaction.
        sent_at: Unix seconds, own clock.
        posted_at: Unix seconds, the chain's.
        earliest_settle_by: None: no promise in it.
    """

    batch: Batch
    signature: Signature
    state: BatchState
    cut_at: Seconds
    transaction: Digest | None
    nonce: int | None
    sent_at: Seconds | None
    posted_at: Seconds | None
    block: int | None
    earliest_settle_by: Seconds | None
