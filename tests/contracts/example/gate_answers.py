"""Genuine receipts: made, signed and settled as an operator would, for any question."""

from dataclasses import dataclass, replace

import coincurve
import numpy as np
from counterfoil.formats.batch import Batch, LogOpening, batch_tree
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.tensor import (
    PUBLIC_MASTER,
    ChunkOpening,
    Tensor,
    TensorSet,
    commit,
    fresh_master,
    open_chunk,
)
from counterfoil.hashing.signature import public_address, sign
from counterfoil.hashing.types import ZERO

MODEL = bytes.fromhex("11" * 32)
RUNTIME = bytes.fromhex("22" * 32)
LABELS = 214
LABEL = 100
"""Not in the first chunk: 64 values a chunk."""
LABEL_CHUNK = LABEL * 4 // 256


def bits(value) -> int:
    """Bits of a binary32."""
    return int(np.array(value, "<f4").view("<u4"))


def content(fill: int) -> bytes:
    """Digest of the input tensors of some public bytes."""
    values = np.full((1, 2048), fill, "<i4")
    return commit([Tensor.of("bytes", values)], PUBLIC_MASTER).digest


def scores(value, label: int = LABEL):
    """The model's output with one label's probability given."""
    out = np.zeros((1, LABELS), "<f4")
    out[0, label] = value
    return out


@dataclass
class Settled:
    """A receipt, where it lies, and the chunk that it opens."""

    receipt: Receipt
    inclusion: Inclusion
    opening: ChunkOpening | None

    def abi(self):
        return self.receipt.abi(), self.inclusion.abi(), self.opening.abi()


class Signer:
    """A log's key, and the receipts that it settles in batches of five."""

    def __init__(self, ledger, operator, chain, secret: int):
        self.ledger, self.operator, self.chain = ledger, operator, chain
        self.key = coincurve.PrivateKey.from_int(secret)
        self.address = public_address(self.key.public_key.format(compressed=False))
        self.next = 0
        now = chain.pending_timestamp
        opening = LogOpening(
            operator=operator.address,
            signer=self.address,
            closes_at=now + 10**8,
            max_delay=3600,
        )
        ledger.open_log(
            self.address,
            opening.closes_at,
            opening.max_delay,
            sign(opening.digest(chain.chain_id, ledger.address), self.key),
            sender=operator,
        )

    def settle(
        self,
        *,
        request: bytes,
        inputs: bytes,
        outputs: list[Tensor] | TensorSet,
        model: bytes = MODEL,
        runtime: bytes = RUNTIME,
        position: int = 0,
        chunk: int = LABEL_CHUNK,
    ) -> Settled:
        """Settle one answer, among others; of a set by hand, the opening is the test's."""
        master, by_hand = fresh_master(), isinstance(outputs, TensorSet)
        asked = Receipt(
            signer=self.address,
            sequence=self.next + 2,
            model=model,
            runtime=runtime,
            request=request,
            inputs=inputs,
            outputs=(outputs if by_hand else commit(outputs, master)).digest,
            issued_at=self.chain.pending_timestamp,
            settle_by=0,
        )
        run = [
            asked if i == 2 else replace(asked, sequence=self.next + i, request=ZERO)
            for i in range(5)
        ]
        chain_id, ledger = self.chain.chain_id, self.ledger.address
        tree = batch_tree(b"".join(each.digest(chain_id, ledger) for each in run))
        batch = Batch(signer=self.address, first=self.next, size=5, root=tree.root)
        posted = self.ledger.post_batch(
            batch.abi(), sign(batch.digest(chain_id, ledger), self.key), sender=self.operator
        )
        inclusion = Inclusion(
            first=self.next, size=5, posted_at=posted.timestamp, path=tuple(tree.path(2))
        )
        self.next += 5
        opening = None if by_hand else open_chunk(outputs, master, position, chunk)
        return Settled(asked, inclusion, opening)
