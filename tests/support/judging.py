"""Steps of random programs, right and wrong, as a judge is shown them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from counterfoil.programs import ExactProgram, Executor, Operator, Trace
from counterfoil.programs.proving import StepProof, prove_step
from random_programs import random_run


def run(seed: int) -> Trace:
    """An honest trace of a random program."""
    program, inputs = random_run(seed)
    return Executor(program).trace(inputs)


def some(program: ExactProgram, rng: np.random.Generator, each: int) -> Iterator[tuple[int, int]]:
    """Rows and elements of at most `each` steps of every operator, the last one always."""
    for o in program.operators:
        chosen = {o.count - 1, *map(int, rng.integers(0, o.count, each - 1))}
        for k in sorted(chosen):
            yield cell(o, k)


def cell(o: Operator, k: int) -> tuple[int, int]:
    """Row and element where an operator writes its element k."""
    return o.out + k // o.width, k % o.width


def corrupted(trace: Trace, rng: np.random.Generator) -> tuple[Trace, int, int]:
    """The trace with one byte of one element changed; row and element."""
    program = trace.program
    o = program.operators[int(rng.integers(len(program.operators)))]
    row, element = cell(o, int(rng.integers(o.count)))
    data = trace.data.copy()
    at = int(program.offsets[row]) + element * o.size + int(rng.integers(o.size))
    data[at] ^= int(rng.integers(1, 256))
    return Trace(program, data), row, element


def proof(trace: Trace, row: int, element: int) -> StepProof:
    """Of one step."""
    layers = trace.tree.layers
    return prove_step(
        trace.program, trace, lambda layer, index: layers[layer][index].tobytes(), row, element
    )


def arguments(trace: Trace, shown: StepProof) -> tuple:
    """What `step_is_wrong` takes."""
    program = trace.program.commitment
    return (program.root, program.rows, program.trace_rows), trace.tree.root, shown.abi()
