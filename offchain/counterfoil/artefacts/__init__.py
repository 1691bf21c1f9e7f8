"""The committed artefacts of the contracts, as the package ships them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from counterfoil.hashing.types import Address


def load(name: str) -> Mapping[str, Any]:
    """One contract's artefact: `abi`, `bytecode` and what they were made from.

    Args:
        name: the contract's, such as `ReceiptLedger`.
    Raises:
        FileNotFoundError: the package ships no such artefact.
    """
    found: dict[str, Any] = json.loads(text(f"{name}.json"))
    return found


@cache
def addresses() -> Mapping[str, Address]:
    """Where the deterministic proxy puts the contracts, by name, with the default grace.

    The same on every chain: `ReceiptLedger`, `ModelRegistry`.
    """
    found: dict[str, Address] = json.loads(text("addresses.json"))
    return found


def text(name: str) -> str:
    """One file of the artefacts' folder.

    Raises:
        FileNotFoundError: the package ships no such file.
    """
    return (resources.files(__name__) / name).read_text(encoding="utf-8")


def data(name: str) -> bytes:
    """One file of the artefacts' folder, as bytes.

    Raises:
        FileNotFoundError: the package ships no such file.
    """
    return (resources.files(__name__) / name).read_bytes()
