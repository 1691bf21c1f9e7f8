"""A job: one data set through one model, in one folder, under one name that no other job has.

The folder's `job.json` says what the job is. Run again, a job goes on where it stopped; with
another model, other data or other options it is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadJob, JobBusy, JobChanged
from counterfoil.formats.runtime import canonical
from counterfoil.hashing.eip712 import text, word
from counterfoil.hashing.keccak import keccak, keccak_rows
from counterfoil.hashing.types import Address, Digest

FORMAT: Final = "counterfoil/job@1"
MANIFEST: Final = "job.json"
LOCK: Final = ".lock"

SKIP: Final = "skipBadRows"
"""The one option that a job may be given later: it changes no row that fits."""

JOB_TYPE: Final = keccak(
    b"Job(bytes32 nonce,bytes32 model,bytes32 data,uint64 rows,string options)"
)

BLOCK_BYTES: Final = 64 * 2**20
BLOCKS: Final = 256
BLOCK_ROWS: Final = (32, 4096)
"""Bounds of a block where nobody says its size: bytes of data, how many, rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is run, and where its receipts go.

    Attributes:
        nonce: 32 random bytes: without them a request tells nobody that data was guessed right.
        model, data: 32 bytes each.
        options: RFC 8785 JSON of what can change a result or where it lies.
        chain_id, ledger: of the receipts.
        logs: the number that each log's next receipt had when the job began, by signer.
    """

    nonce: bytes
    model: Digest
    data: Digest
    rows: int
    options: str
    chain_id: int
    ledger: Address
    logs: Mapping[Address, int]

    @property
    def digest(self) -> Digest:
        """hashStruct(Job)."""
        return keccak(
            JOB_TYPE + self.nonce + self.model + self.data + word(self.rows) + text(self.options)
        )

    @property
    def block(self) -> int:
        """Rows of a block."""
        return int(json.loads(self.options)["block"])

    @property
    def blocks(self) -> int:
        """How many blocks."""
        return -(-self.rows // self.block)

    def span(self, block: int) -> tuple[int, int]:
        """The first row of a block, and the one after its last."""
        return block * self.block, min(self.rows, (block + 1) * self.block)

    def requests(self, start: int, stop: int) -> NDArray[np.uint8]:
        """What the receipts of rows start … stop−1 bear: keccak(job ‖ u64(row)), shape (n, 32)."""
        rows = np.empty((stop - start, 40), dtype=np.uint8)
        rows[:, :32] = np.frombuffer(self.digest, dtype=np.uint8)
        rows[:, 32:] = np.arange(start, stop, dtype=">u8").view(np.uint8).reshape(-1, 8)
        return keccak_rows(rows) if len(rows) else rows[:, :32]


def block_rows(rows: int, size: int) -> int:
    """Rows of a block where nobody says.

    Args:
        rows, size: of the data set, its size in bytes.
    """
    low, high = BLOCK_ROWS
    fitting = max(1, BLOCK_BYTES * rows // size) if size else high
    return max(1, min(fitting, max(low, min(high, -(-rows // BLOCKS)))))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a job's folder, and hold it alone.

    Raises:
        JobBusy: another process works on it.
        BadJob: it holds something that is no job.
    """
    make_durably(folder)
    if not (folder / MANIFEST).exists():
        strange = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
        if strange:
            raise BadJob(f"{folder} holds {strange[0]} and no job: name a new folder")
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JobBusy(f"another process works on {folder}: wait for it, or end it") from None
        yield
    finally:
        os.close(descriptor)


def load(folder: Path) -> Job | None:
    """The job of a folder, None: there is none yet.

    Raises:
        BadJob: `job.json` is damaged.
    """
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BadJob(f"cannot read {path}: {error}") from error
    try:
        job = Job(
            nonce=_bytes(raw["nonce"]),
            model=Digest(_bytes(raw["model"])),
            data=Digest(_bytes(raw["data"])),
            rows=int(raw["rows"]),
            options=canonical(raw["options"]),
            chain_id=int(raw["chainId"]),
            ledger=Address(raw["ledger"]),
            logs={Address(signer): int(first) for signer, first in raw["logs"].items()},
        )
        whole = raw["format"] == FORMAT and _bytes(raw["job"]) == job.digest and job.block > 0
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadJob(f"{path} is no job: name a new folder ({error})") from error
    if not whole:
        raise BadJob(f"{path} was changed by hand: put it back, or name a new folder")
    return job


def begin(
    folder: Path,
    *,
    model: Digest,
    data: Digest,
    rows: int,
    options: Mapping[str, Any],
    chain_id: int,
    ledger: Address,
    logs: Mapping[Address, int],
) -> Job:
    """Make a folder's job, durably."""
    job = Job(
        nonce=secrets.token_bytes(32),
        model=model,
        data=data,
        rows=rows,
        options=canonical(options),
        chain_id=chain_id,
        ledger=ledger,
        logs=dict(logs),
    )
    body = {
        "format": FORMAT,
        "job": _hex(job.digest),
        "nonce": _hex(job.nonce),
        "model": _hex(job.model),
        "data": _hex(job.data),
        "rows": rows,
        "options": json.loads(job.options),
        "chainId": chain_id,
        "ledger": ledger,
        "logs": dict(logs),
    }
    write_durably(folder / MANIFEST, (json.dumps(body, indent=1) + "\n").encode())
    return job


def check(job: Job, *, model: Digest, data: Digest, rows: int, options: Mapping[str, Any]) -> None:
    """Refuse to go on with a job on something else.

    Raises:
        JobChanged: the model, the data or an option is another.
    """
    advice = "name a new folder with --out"
    if job.model != model:
        raise JobChanged(f"the job in this folder is on another model: {advice}")
    if job.data != data or job.rows != rows:
        raise JobChanged(f"the data is not that of the job in this folder: {advice}")
    before, now = json.loads(job.options), json.loads(canonical(options))
    if now.get(SKIP):  # what was done without it had no row to skip
        before[SKIP] = True
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise JobChanged(
                f"the job in this folder has {name} {json.dumps(before.get(name))}, not "
                f"{json.dumps(now.get(name))}: {advice}"
            )


def write_durably(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, so that it survives a power cut once this returns."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    _keep(path.parent)


def make_durably(folder: Path) -> None:
    """Make a folder, and those above it, where they are not there; each survives a power cut."""
    if not folder.is_dir():
        make_durably(folder.parent)
        folder.mkdir(exist_ok=True)
        _keep(folder.parent)


def _keep(folder: Path) -> None:
    """Make durable what a folder holds, by name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(value: str) -> bytes:
    if not value.startswith("0x") or len(value) != 66:
        raise ValueError("32 bytes as 0x-hex")
    return bytes.fromhex(value[2:])


__all__ = ["Job", "begin", "block_rows", "check", "load", "locked", "make_durably", "write_durably"]
