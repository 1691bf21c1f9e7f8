"""Which transaction is under way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from counterfoil.hashing.types import Digest
from counterfoil.settle.posting import under_way

NOW = 1_700_000_000


def sent(nonce: int, at: int) -> Any:
    return SimpleNamespace(
        state="sent", transaction=Digest(bytes([nonce]) * 32), nonce=nonce, sent_at=at
    )


def test_under_way__clock_set_back_between_two__the_higher_nonce():
    found = under_way([sent(7, NOW), sent(8, NOW - 3600)])
    assert found is not None and found.nonce == 8


def test_under_way__replaced__the_newer_of_one_nonce():
    found = under_way([sent(7, NOW), sent(7, NOW + 60)])
    assert found is not None and found.sent_at == NOW + 60
