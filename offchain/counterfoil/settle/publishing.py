"""Batch files of a journal's batches, written where the profile says before they are posted."""

from __future__ import annotations

import logging
from pathlib import Path

from counterfoil.config import Profile
from counterfoil.errors import PublishError
from counterfoil.journal import Journal
from counterfoil.publish import address_of, name_of, publish_batch

log = logging.getLogger(__name__)


class Publisher:
    """Writes each batch file once. A folder that cannot be written holds up no settlement."""

    def __init__(self, journal: Journal, profile: Profile) -> None:
        self._journal = journal
        self._folder = None if profile.publish is None else Path(profile.publish).expanduser()
        self._base = profile.batch_uri
        self._done: set[int] = set()
        self._failed: set[int] = set()
        self._looked = False

    def uri(self, first: int) -> str:
        """What the batch that begins at `first` says about where its file is."""
        return "" if self._base is None else address_of(self._base, self._journal.signer, first)

    def publish(self) -> list[str]:
        """Write the files that are not there: at the first call of every batch.

        Returns:
            What could not be written, a sentence each; the next call tries again.
        """
        if self._folder is None:
            return []
        batches = self._journal.unsettled_batches() if self._looked else self._journal.batches()
        self._looked = True
        wanted = {b.batch.first for b in batches} - self._done | self._failed
        notes = []
        for first in sorted(wanted):
            try:
                if not (self._folder / name_of(self._journal.signer, first)).exists():
                    publish_batch(self._folder, self._journal.batch_file(first))
            except PublishError as error:
                self._failed.add(first)
                log.warning("%s", error)
                notes.append(str(error))
            else:
                self._failed.discard(first)
                self._done.add(first)
        return notes
