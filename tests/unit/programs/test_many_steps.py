"""Many random programs: every step of an honest trace is right, every changed byte is shown."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from counterfoil.errors import BadTrace
from counterfoil.programs import Executor, Kind, Trace, opened
from random_programs import random_run

KINDS = {kind for kind in Kind if 0x11 <= kind <= 0x19}

MOST = 40
"""Elements of one operator that are looked at: no operator of large blocks fills the count."""


def looked_at(seeds: range) -> tuple[Counter[Kind], Counter[Kind]]:
    """Steps that were right, and single changed bytes that their step showed, by operator."""
    steps: Counter[Kind] = Counter()
    lies: Counter[Kind] = Counter()
    for seed in seeds:
        program, inputs = random_run(seed, 6)
        trace = Executor(program).trace(inputs)
        rng = np.random.default_rng(seed)
        for o in program.operators:
            chosen = rng.permutation(o.count)[:MOST].tolist()
            for k in chosen:
                row, element = o.out + k // o.width, k % o.width
                written = trace.row(row)[element * o.size : (element + 1) * o.size]
                assert opened(trace, row, element).expected == written, (seed, row, element)
                steps[o.kind] += 1
            for k in chosen[: MOST // 4]:
                row, element = o.out + k // o.width, k % o.width
                lie = trace.data.copy()
                place = int(program.offsets[row]) + element * o.size + int(rng.integers(o.size))
                lie[place] ^= rng.integers(1, 256, dtype=np.uint8)
                bent = Trace(program, lie)
                written = bent.row(row)[element * o.size : (element + 1) * o.size]
                try:
                    shown = opened(bent, row, element).expected != written
                except BadTrace:
                    shown = True
                assert shown, (seed, row, element)
                lies[o.kind] += 1
    return steps, lies


def test_steps__a_few_programs__hundreds_right_and_hundreds_shown() -> None:
    steps, lies = looked_at(range(20))
    assert steps.keys() == lies.keys() == KINDS
    assert steps.total() >= 3_000 and lies.total() >= 800


@pytest.mark.slow
def test_steps__many_programs__tens_of_thousands_right_and_thousands_shown() -> None:
    steps, lies = looked_at(range(1_000, 1_400))
    print(dict(steps), dict(lies))
    assert min(steps[kind] for kind in KINDS) >= 1_000
    assert min(lies[kind] for kind in KINDS) >= 250
    assert steps.total() >= 10_000 and lies.total() >= 2_000


@pytest.mark.parametrize("seed", range(30))
def test_first_row_that_differs__any_lie__is_wrong_and_was_computed_from_equal_rows(
    seed: int,
) -> None:
    """What a challenger does with two traces, however many bytes the other has changed."""
    program, inputs = random_run(seed, 6)
    trace = Executor(program).trace(inputs)
    rng = np.random.default_rng(seed)
    first = int(program.offsets[program.operators[0].out])
    lie = trace.data.copy()
    places = rng.integers(first, len(lie), int(rng.integers(1, 400)))
    lie[places] = rng.integers(0, 256, len(places))
    differing = np.flatnonzero(lie != trace.data)
    if not len(differing):
        pytest.skip("every byte was changed to itself")
    bent = Trace(program, lie)
    row = int(np.searchsorted(program.offsets, differing[0], side="right")) - 1
    size = next(o.size for o in program.operators if o.out <= row < o.out + o.rows)
    element = (int(differing[0]) - int(program.offsets[row])) // size
    honest, found = opened(trace, row, element), opened(bent, row, element)
    assert (found.trace, found.expected) == (honest.trace, honest.expected)
    assert all(bent.row(read) == trace.row(read) for read in found.trace)
    assert found.expected != bent.row(row)[element * size : (element + 1) * size]
