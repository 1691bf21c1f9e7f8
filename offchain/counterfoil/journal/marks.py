"""Two marks of how far a log has sealed: beside its key, and in the folder of leases.

A database that is put back lags behind the first; a whole data folder that is put back over
itself lags behind the second. Marks are written after each commit and not fsynced: at full
durability the database is never behind them, whatever the power does.
"""

from __future__ import annotations

import os
from pathlib import Path

from counterfoil.hashing.types import Address

from . import lease


class Marks:
    """The marks of one log; each a file of eight bytes, big-endian.

    Args:
        beside: the one beside the key.
    """

    __slots__ = ("_beside", "_files", "_signer")

    def __init__(self, signer: Address, beside: Path) -> None:
        self._signer = signer
        self._beside = beside
        self._files: tuple[int, ...] = ()

    def read(self) -> int:
        """The number that comes next as far as the marks know; 0: they do not.

        Raises:
            OSError, JournalFailed: they cannot be kept.
        """
        if not self._files:
            elsewhere = lease.folder() / f"{self._signer}.mark"
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            first = os.open(self._beside, flags, 0o600)
            try:
                self._files = (first, os.open(elsewhere, flags, 0o600))
            except BaseException:
                os.close(first)
                raise
        one, other = self._files
        return int.from_bytes(max(os.pread(one, 8, 0), os.pread(other, 8, 0)), "big")

    def write(self, following: int) -> None:
        """Remember the next number, after the receipts before it are committed."""
        raw = following.to_bytes(8, "big")
        for file in self._files:
            try:  # no `suppress`, which takes as long as the writing
                os.pwrite(file, raw, 0)
            except OSError:  # the receipts are sealed, whatever becomes of a mark
                continue

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            os.close(file)
        self._files = ()
