"""A home, a profile and drafts for the rows that need a journal."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from counterfoil.config import Durability, Profile, load_profile
from counterfoil.journal import Draft

GENESIS = bytes([7]) * 32


@contextmanager
def home(durability: Durability = "normal") -> Iterator[Profile]:
    """A profile with nothing in it yet, on the disk that COUNTERFOIL_BENCH_DISK names."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("COUNTERFOIL_BENCH_DISK")))
    before = os.environ.get("COUNTERFOIL_HOME")
    os.environ["COUNTERFOIL_HOME"] = str(folder)
    try:
        yield replace(load_profile("local"), durability=durability)
    finally:
        os.environ.pop("COUNTERFOIL_HOME")
        if before is not None:
            os.environ["COUNTERFOIL_HOME"] = before
        shutil.rmtree(folder, ignore_errors=True)


def drafts(count: int) -> list[Draft]:
    """Drafts that differ."""

    def digest(*of: object) -> bytes:
        return hashlib.sha256(repr(of).encode()).digest()

    return [
        Draft(
            model=digest("model"),
            runtime=digest("runtime"),
            request=digest("request", i),
            inputs=digest("inputs", i),
            outputs=digest("outputs", i),
            input_master=digest("input master", i),
            output_master=digest("output master", i),
        )
        for i in range(count)
    ]
