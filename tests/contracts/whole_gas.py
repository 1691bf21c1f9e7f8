"""Gas of whole transactions, calldata and its floor included: what the gas tests share."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ALLOWED = 1.02
"""How far a figure may rise past the committed one before `make gas` has to be run."""

INTRINSIC, PER_FLOOR_TOKEN = 21_000, 10


def floor(data: bytes) -> int:
    """The least that a transaction with this calldata costs (EIP-7623)."""
    zeros = data.count(0)
    return INTRINSIC + PER_FLOOR_TOKEN * (zeros + 4 * (len(data) - zeros))


@dataclass
class Measured:
    """Figures of one file's tests, by name.

    Attributes:
        snapshot: the committed ones, which `COUNTERFOIL_GAS_WRITE=1` writes anew.
        ceilings: of every figure that the file measures.
    """

    snapshot: Path
    ceilings: dict[str, int]
    found: dict[str, int] = field(default_factory=dict)

    @classmethod
    def kept(cls, snapshot: Path, ceilings: dict[str, int]) -> Iterator[Measured]:
        """For a fixture of a module's scope: written when all are there."""
        made = cls(snapshot, ceilings)
        yield made
        if os.environ.get("COUNTERFOIL_GAS_WRITE"):
            snapshot.write_text(json.dumps(made.found, indent=2) + "\n", encoding="utf-8")

    def check(self, name: str, transaction: Any, capsys: pytest.CaptureFixture[str]) -> None:
        """Note a transaction's gas, say it, and hold it to its ceiling and to the snapshot."""
        gas, least = transaction.gas_used, floor(bytes(transaction.data))
        assert gas >= least, "the calldata's floor is not in the figure"
        self.found[name] = gas
        with capsys.disabled():
            print(f"\n{name}: {gas:,} gas (floor {least:,}, ceiling {self.ceilings[name]:,})")
        assert gas <= self.ceilings[name]
        if not os.environ.get("COUNTERFOIL_GAS_WRITE"):
            before = self._committed()[name]
            assert gas <= before * ALLOWED, f"{name} rose from {before:,} to {gas:,} gas"

    def require_whole(self) -> None:
        """For the file's last test: a figure that is measured no more must leave the snapshot."""
        if len(self.found) < len(self.ceilings) and not os.environ.get("CI"):
            pytest.skip("not all of this file ran; CI, which runs all, fails here")
        if not os.environ.get("COUNTERFOIL_GAS_WRITE"):
            assert set(self._committed()) == set(self.ceilings)
        assert set(self.found) == set(self.ceilings)

    def _committed(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.snapshot.read_text(encoding="utf-8"))
        return found
