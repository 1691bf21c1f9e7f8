"""What sealing processes said that they had, held against what the journal has."""

from __future__ import annotations

import json

from counterfoil.hashing.signature import recover
from counterfoil.journal import Journal


class Told:
    """What processes said that they had, by number."""

    def __init__(self) -> None:
        self.receipts: dict[int, dict] = {}
        self.batches: dict[int, dict] = {}

    def read(self, output: str) -> None:
        for line in output.splitlines(keepends=True):
            if not line.endswith("\n"):
                continue  # cut off by the kill
            told = json.loads(line)
            held, at = (
                (self.receipts, "sequence") if "sequence" in told else (self.batches, "first")
            )
            assert held.setdefault(told[at], told) == told, "a number given twice"


def hold(journal: Journal, told: Told) -> int:
    """Hold a journal against what was told; returns how many receipts it has."""
    held = {s.receipt.sequence: s for s in journal.iterate()}
    assert sorted(held) == list(range(len(held)))
    for number, line in told.receipts.items():
        assert number in held, "a receipt was lost"
        assert held[number].digest.hex() == line["digest"], "a number has another content"
        assert held[number].signature.hex() == line["signature"], "signed anew"
        assert held[number].receipt.request.hex() == line["request"]
    for sealed in held.values():
        assert recover(sealed.digest, sealed.signature) == journal.signer
    requests = [s.receipt.request for s in held.values()]
    assert len(set(requests)) == len(requests), "one call sealed twice"
    batches = {b.batch.first: b for b in journal.batches()}
    following = 0
    for first in sorted(batches):
        assert first == following, "batches overlap, or leave a gap"
        following += batches[first].batch.size
        assert journal.batch_file(first).tree.root == batches[first].batch.root
    for first, line in told.batches.items():
        assert batches[first].batch.root.hex() == line["root"], "a batch was cut anew"
        assert batches[first].signature.hex() == line["batch"]
    return len(held)
