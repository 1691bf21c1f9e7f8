"""A lease on a signing key: one database at a time seals with it on this machine.

The row's `place` and the mark beside the key tell a copy that was made in the ordinary way. The
lease tells also what they cannot, such as a folder copied to another disk where the
database gets the same inode: while one is in use, the other is refused.

A lease is a file named by the key, locked shared by every process that seals, with the
database's device and inode in it. It ends with its processes, however they end. Where machines
share a database, `shared_lease` is added to it.
"""

from __future__ import annotations

import fcntl
import os
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

import platformdirs

from counterfoil.config import APP
from counterfoil.errors import JournalFailed, KeyLeased
from counterfoil.hashing.types import Address

PATIENCE = 0.5
"""Seconds for which processes that start at once may be in each other's way."""


@cache
def folder() -> Path:
    """Where leases are: one place for all of a user's programs, whatever their settings."""
    for path in (
        platformdirs.user_state_path(APP) / "leases",
        Path(tempfile.gettempdir()) / f"{APP}-leases-{os.getuid()}",
    ):
        with suppress(OSError):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = path.lstat()
            if found.st_uid == os.getuid() and os.access(path, os.W_OK):
                return path
    raise JournalFailed("no folder for leases: make your home or the temporary folder writable")


class Lease:
    """One database's lease on one key. Not for use from several threads at once.

    Args:
        database: the journal's file, which is there; or what names a database on a server: one
            word, a space, and more for whoever reads.
    """

    __slots__ = ("_database", "_descriptor", "_pid", "_said", "_signer")

    def __init__(self, signer: Address, database: Path | bytes) -> None:
        self._signer = signer
        self._database = database
        self._descriptor = -1
        self._pid = 0
        self._said = b""

    def take(self) -> bytes:
        """Take the lease, or keep it.

        Returns:
            What the lease says: the `database` of the process that took it first.
        Raises:
            KeyLeased: another database is in use with this key.
            JournalFailed: leases cannot be kept on this machine.
        """
        if self._pid == os.getpid():
            return self._said
        self._drop()  # a forked child takes its own: the parent's ends with the parent's journal
        mine = self._database
        if isinstance(mine, Path):
            found = mine.stat()
            mine = f"{found.st_dev}:{found.st_ino} {mine}".encode()
        path = folder() / self._signer
        deadline = time.monotonic() + PATIENCE
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
            said = b""
            try:
                said = _share(descriptor, mine)
            except BaseException:
                os.close(descriptor)
                raise
            if _first(said) == _first(mine):
                self._descriptor, self._pid, self._said = descriptor, os.getpid(), said
                return said
            os.close(descriptor)
            if time.monotonic() > deadline:
                other = said.decode(errors="replace").partition(" ")[2].partition("\t")[0]
                other = other or "another journal"
                raise KeyLeased(
                    f"{other} is sealing with the key of {self._signer}: end that program, or "
                    "run `counterfoil key rotate` for a new log here"
                )
            time.sleep(random.uniform(0.001, 0.01))  # noqa: S311 (no secret)

    def give_back(self, last: Callable[[], None] | None = None) -> None:
        """End the lease; the last one removes the file.

        Args:
            last: done by the last one, before others may take the lease.
        """
        if self._pid == os.getpid():
            with suppress(OSError):
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if last is not None:
                    last()
                (folder() / self._signer).unlink(missing_ok=True)
        self._drop()

    def _drop(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._pid = -1, 0


def _share(descriptor: int, mine: bytes) -> bytes:
    """Lock shared and say whose lease it is; ours where nobody else had it.

    A lock is not changed from one kind to the other in one step, so what counts is what the
    file says once the shared lock is held.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        said = os.pread(descriptor, 4096, 0)
        if _first(said) != _first(mine):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink == 0:
                return b""
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, mine, 0)
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            said = os.pread(descriptor, 4096, 0)
    except BlockingIOError:
        return os.pread(descriptor, 4096, 0) if _stranger(descriptor, mine) else b""
    there = os.fstat(descriptor).st_nlink > 0
    return said if there and _first(said) == _first(mine) else b""


def _first(said: bytes) -> bytes:
    return said.partition(b" ")[0]


def _stranger(descriptor: int, mine: bytes) -> bool:
    said = os.pread(descriptor, 4096, 0)
    return bool(said) and _first(said) != _first(mine)
