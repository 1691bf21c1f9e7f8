"""Machines that share a database, within one process: each with keys and leases of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterfoil.journal import Journal
from counterfoil.journal import lease as leases

from . import journals


class Machine:
    """One machine; what is done in `with machine:` is done on it."""

    def __init__(self, folder: Path, url: str, monkeypatch: Any, **fields: Any) -> None:
        self.folder = folder
        self.profile = journals.profile(folder, name="fleet", journal=url, **fields)
        self._monkeypatch = monkeypatch
        self._opened: list[Journal] = []
        (folder / "leases").mkdir(parents=True)

    @property
    def keys(self) -> Path:
        return self.folder / "data" / "fleet" / "keys"

    def take_keys_of(self, other: Machine) -> None:
        """The same keys as another machine has: a copy of its folder."""
        shutil.copytree(other.keys, self.keys)
        for mark in self.keys.glob("*.mark"):
            mark.unlink()

    @contextmanager
    def here(self) -> Iterator[None]:
        with self._monkeypatch.context() as patch:
            patch.setenv("COUNTERFOIL_HOME", str(self.folder))
            patch.setattr(leases, "folder", lambda: self.folder / "leases")
            yield

    def open(self, **options: Any) -> Journal:
        with self.here():
            self._opened.append(Journal.open(self.profile, **{"wait": 5.0, **options}))
        return self._opened[-1]

    def open_all(self) -> list[Journal]:
        with self.here():
            found = Journal.open_all(self.profile, wait=5.0)
        self._opened += found
        return found

    def seal(self, journal: Journal, of: object = 0) -> Any:
        with self.here():
            return journal.seal(journals.draft(of))

    def die(self, journal: Journal) -> None:
        """End a journal's use as a power cut does: nothing is given back, nobody renews."""
        lease = journal._sealer._lease
        lease._end.set()
        if lease._local is not None:
            lease._local._drop()
        lease._local = None
        journal._store.close()

    def close(self) -> None:
        for journal in self._opened:
            journal.close()
