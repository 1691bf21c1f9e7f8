"""What a receipt costs, measured in the demo's own run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from counterfoil.chain import LedgerClient
from counterfoil.errors import DemoFailed
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.inference import InferenceSession
from counterfoil.inference.bare import bare_session
from counterfoil.journal import Journal

from .demo_inputs import FileTypeModel

WARM_UP = 5
TIMED = 60
"""Runs without and with a receipt, in turn: the first fill caches, the others count."""

VERIFICATIONS = 8
"""Receipts whose verification's gas is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Medians of one run.

    Attributes:
        bare: microseconds of an inference with onnxruntime alone.
        added: microseconds that the receipt adds, journal and signature included.
        receipt_bytes: a receipt file without tensors and preimages.
        file_bytes: a receipt file with all.
        gas_per_batch: gas of the posting transaction.
        gas_per_receipt: all batches' gas over all receipts.
        gas_per_verification: estimated gas of a transaction that calls `verify`.
    """

    inferences: int
    bare: float
    added: float
    receipt_bytes: int
    file_bytes: int
    gas_per_batch: int
    gas_per_receipt: int
    gas_per_verification: int

    def rows(self) -> list[tuple[str, str]]:
        """As a table's rows."""
        return [
            ("inferences with a receipt", f"{self.inferences:,}"),
            ("µs per inference, onnxruntime alone", f"{self.bare:,.0f}"),
            ("µs added by the receipt", f"{self.added:,.0f} ({self.added / self.bare:.1%})"),
            ("bytes per receipt", f"{self.receipt_bytes:,}"),
            ("bytes with its tensors and preimages", f"{self.file_bytes:,}"),
            ("gas per batch", f"{self.gas_per_batch:,}"),
            ("gas per receipt", f"{self.gas_per_receipt:,}"),
            ("gas per verification, whole transaction", f"{self.gas_per_verification:,}"),
        ]

    def data(self) -> dict[str, object]:
        """As JSON holds them."""
        return asdict(self)


def measure(
    ledger: LedgerClient,
    files: Sequence[ReceiptFile],
    gas: Sequence[tuple[int, int]],
    model: FileTypeModel,
    journal: Journal,
    paths: Sequence[Path],
) -> Figures:
    """The figures of a run.

    Args:
        files: complete receipt files.
        gas: (receipts, gas) of each batch.
        paths: files to run again, with and without receipts.
    """
    bare, added = _times(model, journal, paths)
    slim = [len(replace(f, opening=None, preimage=None).dump()) for f in files]
    return Figures(
        inferences=len(files),
        bare=bare,
        added=added,
        receipt_bytes=int(statistics.median(slim)),
        file_bytes=int(statistics.median(len(f.dump()) for f in files)),
        gas_per_batch=int(statistics.median(used for _, used in gas)),
        gas_per_receipt=round(sum(used for _, used in gas) / len(files)),
        gas_per_verification=_verification_gas(ledger, files),
    )


def _verification_gas(ledger: LedgerClient, files: Sequence[ReceiptFile]) -> int:
    found = []
    for file in files[:: max(1, len(files) // VERIFICATIONS)]:
        if file.inclusion is None:
            raise DemoFailed("a complete receipt has no inclusion")
        call = ledger.contract.call("verify", file.receipt.abi(), file.inclusion.abi())
        with ledger.chain.calls():
            found.append(
                ledger.chain.web3.eth.estimate_gas({"to": call.to, "data": call.data})  # type: ignore[typeddict-item]
            )
    return int(statistics.median(found))


def _times(model: FileTypeModel, journal: Journal, paths: Sequence[Path]) -> tuple[float, float]:
    """Microseconds of an inference, and what a receipt adds: medians of runs in turn."""
    alone = bare_session(model.path)
    session = InferenceSession(model.path, journal=journal)
    name = session.get_inputs()[0].name
    bare, full = [], []
    for index in range(WARM_UP + TIMED):
        feed = {name: model.features(paths[index % len(paths)].read_bytes())}
        start = time.perf_counter()
        alone.run(None, feed)
        middle = time.perf_counter()
        session.run(None, feed)
        stop = time.perf_counter()
        if index >= WARM_UP:
            bare.append(middle - start)
            full.append(stop - middle)
    plain, sealed = statistics.median(bare), statistics.median(full)
    return plain * 1e6, (sealed - plain) * 1e6
