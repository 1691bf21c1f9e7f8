"""How long a job would take: some rows run here, nothing sealed, nothing written."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .work import Setup, Task, Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What some rows took in one worker.

    Attributes:
        rows: of the data set.
        tried: rows that were run.
        seconds: that they took.
        output: bytes of their outputs' file.
    """

    rows: int
    tried: int
    seconds: float
    output: int

    def seconds_for_all(self, workers: int) -> float:
        """Seconds for all rows, if so many workers do not slow each other down."""
        return self.seconds / self.tried * self.rows / workers if self.tried else 0.0

    @property
    def output_for_all(self) -> int:
        """Bytes of outputs for all rows."""
        return int(self.output / self.tried * self.rows) if self.tried else 0


def estimate(setup: Setup, rows: int, *, within: float = 3.0) -> Estimate:
    """Run the first rows for some seconds.

    Args:
        within: seconds, about.
    Raises:
        CounterfoilError: as a worker.
    """
    worker, tried, count, took, output = Worker(setup), 0, 1, 0.0, 0
    if rows:
        first = worker.run(Task(block=0, start=0, stop=1))  # the engine warms up
        if first.error is not None:
            raise first.error
    while tried < rows and took < within:
        stop = min(rows, tried + count)
        began = time.perf_counter()
        done = worker.run(Task(block=0, start=tried, stop=stop))
        took += time.perf_counter() - began
        if done.error is not None:
            raise done.error
        output += len(done.outputs)
        tried, count = stop, min(4096, 2 * count)
    return Estimate(rows=rows, tried=tried, seconds=took, output=output)
