"""Steps of a real model's run worth showing to a judge: chosen by chance, and at every edge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import judging
import numpy as np
from counterfoil.programs import ExactProgram, Kind, Operator, Trace
from counterfoil.programs.proving import StepProof
from counterfoil.programs.rows import PADDING, index_entries


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """An element of an operator's output, and why it was chosen."""

    operator: int
    row: int
    element: int
    why: str


def chosen(trace: Trace, rng: np.random.Generator) -> Iterator[Chosen]:
    """Of each operator the first element and the last, two by chance, one at each end of a byte's
    range, one at a rim of padding, one that is padding; of what there is."""
    for number, o in enumerate(trace.program.operators):
        found = {"first": 0, "last": o.count - 1}
        found |= {f"any {n}": int(k) for n, k in enumerate(rng.integers(0, o.count, 2))}
        if o.size == 1:
            start = int(trace.program.offsets[o.out])
            written = trace.data[start : start + o.count]
            for byte in (0, 255):
                places = np.flatnonzero(written == byte)
                if len(places):
                    found[f"saturated {byte}"] = int(rng.choice(places))
        if o.kind in (Kind.DOT, Kind.DOT32, Kind.MAX) and (o.pad_h or o.pad_w):
            found["rim"] = (o.out_w - 1) * o.width + int(rng.integers(o.width))
        if o.kind is Kind.COPY:
            padded = np.flatnonzero(_copied(trace.program, o) == PADDING)
            if len(padded):
                found["padding"] = int(rng.choice(padded))
        for why, k in found.items():
            row, element = judging.cell(o, k)
            yield Chosen(operator=number, row=row, element=element, why=why.split(" ")[0])


def _copied(program: ExactProgram, o: Operator) -> np.ndarray:
    """The trace rows that a COPY reads, element by element."""
    rows = program.rows[o.table : o.table - (-o.count // 64)]
    return index_entries(b"".join(row[1:] for row in rows))[0][: o.count]


def shown(trace: Trace, each: Chosen) -> StepProof:
    """The proof of its step, in an honest trace."""
    return judging.proof(trace, each.row, each.element)


def with_a_wrong_byte(trace: Trace, each: Chosen, rng: np.random.Generator) -> Trace:
    """The trace with one byte of the element changed."""
    program, data = trace.program, trace.data.copy()
    size = program.operators[each.operator].size
    at = int(program.offsets[each.row]) + each.element * size + int(rng.integers(size))
    data[at] ^= int(rng.integers(1, 256))
    return Trace(program, data)
