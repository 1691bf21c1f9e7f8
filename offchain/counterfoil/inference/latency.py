"""What receipts add to runs, measured in the running program.

Each process counts in a histogram of logarithmic classes, four to an octave, and writes it into
the journal's folder now and then; `counterfoil status` adds them up. A class is known to within
19%, and so are the percentiles.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from counterfoil.config import Profile, data_folder

CLASSES: Final = 256
EVERY: Final = 5.0
"""Seconds between two writes of a process that goes on running."""

SPAN: Final = 86_400
"""Seconds: older files are left out, and deleted by whoever writes next."""

FOLDER: Final = "latency"


def class_of(nanoseconds: int) -> int:
    """The class of a time: four to an octave."""
    bits = nanoseconds.bit_length()
    return nanoseconds if bits < 3 else 4 * (bits - 2) + ((nanoseconds >> (bits - 3)) & 3)


def bound(number: int) -> float:
    """Nanoseconds in the middle of a class."""
    if number < 4:
        return float(number)
    octave, quarter = divmod(number, 4)
    width = 1 << (octave - 1)
    return (4 + quarter) * width + width / 2


class Histogram:
    """Counts of added times, for one journal in one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._counts = [0] * CLASSES
        self._lock = threading.Lock()
        self._written = float("-inf")
        self._since = time.time()

    def note(self, nanoseconds: int) -> None:
        """Count one run."""
        number = min(class_of(nanoseconds), CLASSES - 1)
        with self._lock:
            self._counts[number] += 1
            now = time.monotonic()
            due = now - self._written > EVERY
            if due:
                self._written = now
        if due:
            self.write()

    def write(self) -> None:
        """Write the counts beside the journal. A disk that does not take them is no error."""
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._folder / f"{os.getpid()}-{int(self._since)}.json"
            draft = path.with_suffix(".new")
            counts = {str(n): c for n, c in enumerate(self._counts) if c}
            draft.write_text(json.dumps({"until": int(time.time()), "counts": counts}))
            draft.replace(path)


_histograms: dict[Path, Histogram] = {}
_making = threading.Lock()


@functools.cache
def folder_of(profile: Profile) -> Path:
    """The folder of a profile's journal."""
    from sqlalchemy import make_url  # not wanted by whoever only imports the package

    url = make_url(profile.journal)
    if url.get_backend_name() != "sqlite" or not url.database:
        return data_folder() / profile.name
    return Path(url.database).absolute().parent


def note(folder: Path, nanoseconds: int) -> None:
    """Count what one run's receipt took, for the journal in `folder`."""
    histogram = _histograms.get(folder)
    if histogram is None:
        with _making:
            histogram = _histograms.setdefault(folder, Histogram(folder / FOLDER))
        _clear(folder / FOLDER)
    histogram.note(nanoseconds)


def summary(folder: Path) -> dict[str, Any] | None:
    """Runs of the last day, with median and 99th percentile.

    Args:
        folder: the journal's.
    Returns:
        `runs`, `medianMicroseconds`, `p99Microseconds`; None: nothing was measured.
    """
    counts = [0] * CLASSES
    for path in sorted((folder / FOLDER).glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            data = json.loads(path.read_text())
            if data["until"] < time.time() - SPAN:
                continue
            for number, count in data["counts"].items():
                counts[int(number)] += int(count)
    runs = sum(counts)
    if not runs:
        return None
    return {
        "runs": runs,
        "medianMicroseconds": round(percentile(counts, 0.5) / 1000, 1),
        "p99Microseconds": round(percentile(counts, 0.99) / 1000, 1),
    }


def percentile(counts: list[int], share: float) -> float:
    """Nanoseconds that `share` of the runs do not exceed."""
    wanted, seen = share * sum(counts), 0
    for number, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return bound(number)
    return 0.0


def _clear(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.glob("*"):
            if path.stat().st_mtime < time.time() - SPAN:
                path.unlink(missing_ok=True)


@atexit.register
def _write_all() -> None:
    for histogram in list(_histograms.values()):
        histogram.write()


def _forget() -> None:
    global _making  # noqa: PLW0603 (a fork's lock may be held by a thread that it has not)
    _making = threading.Lock()
    _histograms.clear()  # the parent writes its own


os.register_at_fork(after_in_child=_forget)
