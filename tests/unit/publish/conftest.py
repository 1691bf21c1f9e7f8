from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import coincurve
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from counterfoil.formats.batch import Batch, batch_tree
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import public_address, sign
from counterfoil.publish import Expected
from static_host import StaticHost

LEDGER = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
KEY = coincurve.PrivateKey(b"\x01" * 32)
SIGNER = public_address(KEY.public_key.format(compressed=False))


def batch_file(first: int = 8, size: int = 5, of: bytes = b"") -> BatchFile:
    digests = b"".join(keccak(of + b"%d" % n) for n in range(first, first + size))
    batch = Batch(
        signer=SIGNER, first=first, size=size, root=batch_tree(digests).root, uri="https://a/b"
    )
    return BatchFile(
        chain_id=31337,
        ledger=LEDGER,
        batch=batch,
        signature=sign(batch.digest(31337, LEDGER), KEY),
        digests=digests,
    )


def expected(file: BatchFile) -> Expected:
    batch = file.batch
    return Expected(
        chain_id=file.chain_id,
        ledger=file.ledger,
        signer=batch.signer,
        first=batch.first,
        size=batch.size,
        root=batch.root,
    )


@pytest.fixture
def host() -> Iterator[StaticHost]:
    server = StaticHost()
    yield server
    server.close()
