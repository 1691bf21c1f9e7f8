"""A log written by hand: whatever a signer can sign, right or wrong, on a real node."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import coincurve
import numpy as np
from counterfoil.chain import Chain, LedgerClient
from counterfoil.chain.sending import wait
from counterfoil.formats.batch import Batch, LogOpening, batch_tree
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.model import Model
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import public_address, sign
from counterfoil.hashing.types import ZERO, Digest, Seconds
from eth_account.signers.local import LocalAccount

MODEL = Model.of({"model.onnx": b"a graph", "weights/first.bin": b"weights"})
RUNTIME = Runtime(
    engine="onnxruntime",
    version="1.20.1",
    providers="CPUExecutionProvider",
    machine="x86-64-v3",
    options='{"threads":1}',
)
MASTERS = (keccak(b"inputs"), keccak(b"outputs"))


def picture(side: int = 96) -> np.ndarray:
    """Three channels of rings, float32 in 0 … 1, shape (1, 3, side, side)."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side - 0.5
    radius = np.sqrt(x * x + y * y)
    rings = [0.5 + 0.5 * np.sin(40 * radius + shift) for shift in (0, 1.2, 2.4)]
    return np.stack(rings)[None].astype(np.float32)


def softmax(count: int = 10) -> np.ndarray:
    raw = np.exp(np.linspace(0, 3, count) * np.cos(np.arange(count)))
    return (raw / raw.sum()).astype(np.float32)[None]


INPUTS = (
    Tensor.of("image", picture()),
    Tensor.of("labels", np.array(["a cat", "a dog", "naïve 漢字"], dtype=object)),
)
OUTPUTS = (
    Tensor.of("probabilities", softmax()),
    Tensor.of("embedding", np.sin(np.arange(1536) / 40).astype(np.float32)),
    Tensor.of("boxes", np.arange(20, dtype=np.int64).reshape(5, 4)),
    Tensor.of("score", np.asarray(0.875)),
)


@dataclass(slots=True, kw_only=True)
class HandLog:
    """One key's log."""

    chain: Chain
    ledger: LedgerClient
    payer: LocalAccount
    key: coincurve.PrivateKey
    following: int = 0
    sealed: list[Receipt] = field(default_factory=list)

    @property
    def signer(self) -> Any:
        return public_address(self.key.public_key.format(compressed=False))

    def open(self, operator: LocalAccount, max_delay: int = 3600) -> None:
        opening = LogOpening(
            operator=operator.address,
            signer=self.signer,
            closes_at=Seconds(self.chain.now() + 10 * 86_400),
            max_delay=Seconds(max_delay),
        )
        signature = sign(opening.digest(self.chain.chain_id, self.ledger.address), self.key)
        wait(self.chain, self.ledger.open_log(opening, signature, operator))

    def seal(self, **changes: Any) -> ReceiptFile:
        """The next receipt, with everything open."""
        now = int(time.time())
        receipt = Receipt(
            signer=self.signer,
            sequence=self.following,
            model=MODEL.digest,
            runtime=RUNTIME.digest,
            request=ZERO,
            inputs=commit(INPUTS, MASTERS[0]).digest,
            outputs=commit(OUTPUTS, MASTERS[1]).digest,
            issued_at=Seconds(now),
            settle_by=Seconds(now + 1800),
        )
        self.following += 1
        return self.signed(replace(receipt, **changes))

    def signed(self, receipt: Receipt, chain_id: int | None = None) -> ReceiptFile:
        chain_id = self.chain.chain_id if chain_id is None else chain_id
        digest = receipt.digest(chain_id, self.ledger.address)
        return ReceiptFile(
            chain_id=chain_id,
            ledger=self.ledger.address,
            receipt=receipt,
            signature=sign(digest, self.key),
            opening=Opening(
                inputs=SetOpening(master=MASTERS[0], tensors=INPUTS),
                outputs=SetOpening(master=MASTERS[1], tensors=OUTPUTS),
            ),
            preimage=Preimage(model=MODEL, runtime=RUNTIME),
        )

    def post(self, files: list[ReceiptFile]) -> list[ReceiptFile]:
        """Post these as one batch; the files with their inclusion."""
        digests = b"".join(each.digest for each in files)
        tree = batch_tree(digests)
        first = files[0].receipt.sequence
        batch = Batch(signer=self.signer, first=first, size=len(files), root=tree.root)
        signature = sign(batch.digest(self.chain.chain_id, self.ledger.address), self.key)
        posting = BatchFile(
            chain_id=self.chain.chain_id,
            ledger=self.ledger.address,
            batch=batch,
            signature=signature,
            digests=digests,
        )
        wait(self.chain, self.ledger.post_batch(posting, self.payer))
        posted = self.ledger.posted(self.signer, first)
        assert posted is not None
        return [
            replace(
                file,
                inclusion=Inclusion(
                    first=first,
                    size=len(files),
                    posted_at=posted.posted_at,
                    path=tuple(tree.path(place)),
                    transaction=Digest(posted.transaction),
                ),
            )
            for place, file in enumerate(files)
        ]
