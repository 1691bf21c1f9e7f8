"""Profiles and drafts for tests of the journal."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import sqlalchemy
from counterfoil import config
from counterfoil.config import Profile
from counterfoil.journal import Draft, LogState

LEDGER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
OPERATOR = "0x3fAB184622Dc19b6109349B94811493BF2a45362"
GENESIS = bytes([7]) * 32
NOW = 1_790_000_000


def in_file(folder: Path) -> dict[str, str]:
    """Where a profile of `folder` has its journal: in an SQLite file there."""
    return {"name": "test", "journal": f"sqlite:///{folder}/journal.db"}


where = in_file
"""A fixture may put journals elsewhere."""


def profile(folder: Path, **fields: Any) -> Profile:
    """A profile whose journal lies in `folder`, or in a database that belongs to it."""
    return Profile(
        **{
            "chain_id": 31337,
            "ledger": LEDGER,
            "durability": "normal",
            **where(folder),
            **fields,
        }
    )


def keys_of(profile: Profile) -> Path:
    """The folder of a profile's keystores."""
    database = sqlalchemy.make_url(profile.journal)
    if database.get_backend_name() == "sqlite":
        return Path(database.database).parent / "keys"
    return config.data_folder() / profile.name / "keys"


def digest(*of: object) -> bytes:
    """32 bytes that differ with what they are of."""
    return hashlib.sha256(repr(of).encode()).digest()


def draft(of: object = 0, **fields: Any) -> Draft:
    """A draft whose digests follow from `of`."""
    return Draft(
        **{
            "model": digest("model"),
            "runtime": digest("runtime"),
            "request": digest("request", of),
            "inputs": digest("inputs", of),
            "outputs": digest("outputs", of),
            "input_master": digest("input master", of),
            "output_master": digest("output master", of),
            **fields,
        }
    )


def log(**fields: Any) -> LogState:
    """A log that is open."""
    return LogState(
        **{
            "operator": OPERATOR,
            "opened_at": NOW - 100,
            "closes_at": NOW + 100_000,
            "revoked_at": 0,
            "max_delay": 7200,
            "next_sequence": 0,
            **fields,
        }
    )


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at: int = NOW) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at
