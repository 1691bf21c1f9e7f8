"""Whether a fast path is exact here: each product on bytes made to break it, then the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import InputRefused, NoTwin
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor

from .builder import Builder
from .executor import Executor
from .program import ExactProgram
from .rows import Kind, Operator, Weights

IDENTITY: Final = np.arange(256, dtype=np.uint8)

CHANNELS: Final = 4
"""Channels of a product whose sums are driven to both ends."""

RUNS: Final = 4
"""Whole runs that are compared."""


class Fast(Protocol):
    """Something that runs a program sooner than the executor."""

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """As `Executor.run`."""


def probe(
    exact: ExactProgram,
    fast: Fast,
    executor: Executor,
    make: Callable[[ExactProgram], Fast] | None = None,
) -> str | None:
    """Compare a fast path with the executor.

    Args:
        fast: the program's.
        make: the same path for another program, where each product is to run alone too.
    Returns:
        What is not equal; None: everything was.
    """
    seen: set[bytes] = set()
    for place, o in enumerate(exact.operators):
        if o.kind is Kind.DOT and make is not None:
            key = replace(o, out=0, source=0).encode()
            if key not in seen and not _alone(exact, o, make):
                return f"operator {place}, a DOT of {o.depth}, gives other bytes"
            seen.add(key)
    for number, inputs in enumerate(probe_inputs(exact)):
        try:
            wanted = executor.run(inputs)
        except InputRefused:
            continue
        for right, found in zip(wanted, fast.run(inputs), strict=True):
            if right != found:
                return f"probe {number} gives another {right.name!r}"
    return None


def _alone(exact: ExactProgram, o: Operator, make: Callable[[ExactProgram], Fast]) -> bool:
    """One product by itself, on what saturates a kernel of 16 bits if anything does."""
    b = Builder()
    rows = o.in_h * o.in_w
    count = rows * o.source_width
    given = b.input("x", NUMBERS["uint8"], (count,))
    laid = b.look_up(given, IDENTITY, o.source_width)
    table = b.rows(exact.rows[o.table : o.table + o.width])
    fields = {name: getattr(o, name) for name in o.__slots__}
    fields |= {"source": laid.base, "table": table}
    del fields["out"]
    made = b.look_up(b.add(**fields), IDENTITY, 256)
    b.output("y", NUMBERS["uint8"], (made.count,), made)
    single = b.program()
    try:
        fast, executor = make(single), Executor(single)
    except NoTwin:
        return False
    inputs = ([Tensor.of("x", data)] for data in _hard(exact, o, count))
    return all(fast.run(given) == executor.run(given) for given in inputs)


def _hard(exact: ExactProgram, o: Operator, count: int) -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(o.depth)
    yield np.full(count, 255, dtype=np.uint8)
    yield np.zeros(count, dtype=np.uint8)
    yield rng.integers(0, 256, count).astype(np.uint8)
    for channel in np.unique(np.linspace(0, o.width - 1, CHANNELS).astype(int)):
        weights = Weights.decode(exact.rows[o.table + channel], o.depth)
        values = np.frombuffer(weights.values, dtype=np.uint8)[: o.columns]
        row: NDArray[np.uint8] = np.zeros(o.source_width, dtype=np.uint8)
        start = int(channel) // o.per_group * o.columns
        row[start : start + o.columns] = np.where(values > weights.zero, 255, 0)
        for one in (row, 255 - row):
            yield np.resize(one, count)


def probe_inputs(exact: ExactProgram) -> Iterator[list[Tensor]]:
    """Inputs past every range, at its ends, and inside."""
    rng = np.random.default_rng(1)
    scales = [np.array(o.scale, np.uint32).view(np.float32) for o in exact.operators
              if o.kind is Kind.QUANT]  # fmt: skip
    largest = float(max(scales, default=np.float32(1))) * 128
    tables = [o.entries for o in exact.operators if o.kind is Kind.GATHER]
    for number in range(RUNS):
        found = []
        for edge in exact.inputs:
            if edge.dtype == NUMBERS["float32"]:
                with np.errstate(over="ignore"):
                    spread = rng.standard_normal(edge.shape) * largest * (0.4, 1, 4, 1e9)[number]
                    value = spread.astype(np.float32)
            elif edge.dtype in (NUMBERS["int32"], NUMBERS["int64"]):
                kind = np.int32 if edge.dtype == NUMBERS["int32"] else np.int64
                value = rng.integers(0, min(tables, default=2), edge.shape).astype(kind)
            else:
                kinds = {NUMBERS["int8"]: np.int8, NUMBERS["bool"]: np.bool_}
                value = rng.integers(0, 256, edge.shape).astype(np.uint8)
                value = value.astype(kinds.get(edge.dtype, np.uint8))
            found.append(Tensor.of(edge.name, value))
        yield found
