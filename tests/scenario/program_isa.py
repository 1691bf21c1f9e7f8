"""Programs run on whatever processor this is: digests of traces, and whether onnxruntime agrees.

`python program_isa.py COUNT` prints one line of JSON; `test_program_isas.py` runs it under qemu.
Where llvmlite is, the compiled executor has to give the same traces.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "vectors")]


def main(count: int) -> None:
    """Run random programs and the recorded one, both ways."""
    from counterfoil.errors import NoTwin
    from counterfoil.inference.machine import machine
    from counterfoil.inference.plain import Plain
    from counterfoil.programs import Executor, compiled
    from counterfoil.programs.engine import Engine
    from counterfoil.programs.twin import twin_of
    from program_cases import every_operator
    from random_programs import random_run

    kernels = compiled.kernels(600)
    traces, equal, other, refused, same = hashlib.sha256(), 0, [], [], 0
    for seed in range(count):
        program, inputs = random_run(seed, 5, alike=True)
        trace = Executor(program).trace(inputs)
        traces.update(trace.data.tobytes())
        if kernels is not None:
            again = compiled.CompiledExecutor(program, kernels).trace(inputs)
            same += again.data.tobytes() == trace.data.tobytes()
        try:
            twin = Plain(twin_of(program).SerializeToString(), threads=1)
        except NoTwin:
            continue
        found = twin.run({tensor.name: tensor.array() for tensor in inputs})
        wanted = [tensor.data for tensor in trace.outputs()]
        if [np.ascontiguousarray(value).tobytes() for value in found] == wanted:
            equal += 1
        else:
            other.append(seed)
        if seed < 5:
            refused += Engine(program, threads=1, ways=("onnxruntime",)).refused.values()
    program, inputs = every_operator()
    traces.update(Executor(program).trace(inputs).tree.root)
    print(
        json.dumps(
            {
                "machine": machine(),
                "traces": traces.hexdigest(),
                "equal": equal,
                "other": other,
                "refused": refused,
                "compiled": None if kernels is None else same,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
