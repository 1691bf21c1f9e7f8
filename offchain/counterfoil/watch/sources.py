"""Batch files: from own keeping, a mirror folder, a feed, or where the batch says."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from counterfoil.chain import Posted
from counterfoil.errors import CounterfoilError, OtherBatch
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing.types import Address
from counterfoil.publish import (
    Expected,
    Hosts,
    address_of,
    fetch_batch,
    load_batch,
    name_of,
    write_whole,
)

FIRST_PAUSE = 10.0
LONGEST_PAUSE = 600.0
"""Seconds before a file that is not to be had is asked for again: doubled each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A batch file that is not to be had now, and why, source by source."""

    why: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.why)


class Sources:
    """Where batch files of one ledger come from; each is held against the ledger's root.

    Args:
        keep: own folder, into which what was fetched goes; None: nothing is kept.
        mirrors: folders of batch files.
        feeds: URLs of such folders.
        files: batch files at hand.
        hosts: what may be spoken to.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        chain_id: int,
        ledger: Address,
        *,
        keep: Path | None = None,
        mirrors: tuple[Path, ...] = (),
        feeds: tuple[str, ...] = (),
        files: tuple[BatchFile, ...] = (),
        hosts: Hosts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chain_id = chain_id
        self._ledger = ledger
        self._keep = keep
        self._mirrors = mirrors
        self._feeds = feeds
        self._files = files
        self._hosts = hosts or Hosts()
        self._clock = clock
        self._later: dict[tuple[Address, int, bytes], tuple[float, float, Missing]] = {}

    def get(self, batch: Posted) -> BatchFile | Missing:
        """A batch's file; asked for over the network no more often than the pauses say."""
        expected = Expected(
            chain_id=self._chain_id,
            ledger=self._ledger,
            signer=batch.signer,
            first=batch.first,
            size=batch.size,
            root=batch.root,
        )
        why: list[str] = []
        for file in self._files:
            with suppress(OtherBatch):
                return self._kept(expected.check(file))
        if self._keep is not None:
            found = self._from_folder(self._keep, expected, [])
            if found is not None:
                return found
        for folder in self._mirrors:
            found = self._from_folder(folder, expected, why)
            if found is not None:
                return self._kept(found)
        key = (batch.signer, batch.first, bytes(batch.root))
        not_before, pause, last = self._later.get(key, (0.0, FIRST_PAUSE, None))
        if last is not None and self._clock() < not_before:
            return last
        feeds = [address_of(feed, batch.signer, batch.first) for feed in self._feeds]
        if batch.uri:
            feeds.append(batch.uri)
        else:
            why.append("the batch says not where its file is")
        for uri in dict.fromkeys(feeds):
            try:
                file = fetch_batch(uri, expected, hosts=self._hosts)
            except CounterfoilError as error:
                why.append(str(error))
            else:
                self._later.pop(key, None)
                return self._kept(file)
        missing = Missing(why=tuple(dict.fromkeys(why)))
        self._later[key] = (self._clock() + pause, min(2 * pause, LONGEST_PAUSE), missing)
        return missing

    def _from_folder(self, folder: Path, expected: Expected, why: list[str]) -> BatchFile | None:
        try:
            file = load_batch(folder, expected.signer, expected.first)
            if file is None:
                why.append(f"{folder} does not have it")
                return None
            return expected.check(file)
        except CounterfoilError as error:
            why.append(f"{folder}: {error}")
            return None

    def _kept(self, file: BatchFile) -> BatchFile:
        if self._keep is not None:
            path = self._keep / name_of(file.batch.signer, file.batch.first)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, file.dump())
        return file
