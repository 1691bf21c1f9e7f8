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
        blocks: that the rows make; none is shared between workers.
        frame: bytes of a file of outputs besides its rows.
        output: bytes of a row in it.
    """

    rows: int
    blocks: int
    tried: int
    seconds: float
    frame: float
    output: float

    def seconds_for_all(self, workers: int) -> float:
        """Seconds for all rows, if so many workers do not slow each other down."""
        if not self.tried:
            return 0.0
        turns = -(-self.blocks // workers)
        return self.seconds / self.tried * self.rows * turns / self.blocks

    @property
    def output_for_all(self) -> int:
        """Bytes of outputs for all rows."""
        return int(self.frame * self.blocks + self.output * self.rows)


def estimate(setup: Setup, rows: int, block: int, *, within: float = 3.0) -> Estimate:
    """Run the first rows for some seconds.

    Args:
        block: rows of a block.
        within: seconds, about.
    Raises:
        CounterfoilError: as a worker.
    """
    worker, tried, count, took = Worker(setup), 0, 1, 0.0
    one = last = 0
    if rows:
        first = worker.run(Task(block=0, start=0, stop=1))  # the engine warms up
        if first.error is not None:
            raise first.error
        one = last = len(first.outputs)
    while tried < rows and took < within:
        stop = min(rows, tried + count)
        began = time.perf_counter()
        done = worker.run(Task(block=0, start=tried, stop=stop))
        took += time.perf_counter() - began
        if done.error is not None:
            raise done.error
        last, large = len(done.outputs), stop - tried
        tried, count = stop, min(4096, 2 * count)
    # A file of few rows is mostly frame, so what a row takes is the difference.
    output = (last - one) / (large - 1) if tried and large > 1 else float(one)
    return Estimate(
        rows=rows, blocks=-(-rows // block), tried=tried, seconds=took,
        frame=one - output, output=output,
    )  # fmt: skip
