"""Exact programs for `programs.json`: every operator, on bytes from a hash, with whole traces."""

from __future__ import annotations

from typing import Any

import numpy as np
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.fields import hex_out
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.keccak import keccak
from counterfoil.programs import Builder, ExactProgram, Executor, Weights, Window, float32, opened
from counterfoil.programs.builder import bits
from counterfoil.programs.rows import PADDING

FLOATS = [
    0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x00000001, 0x807FFFFF,
    0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0x3F800000, 0xBF000000, 0x3FC00000, 0x41200000,
]  # fmt: skip
"""Zeros, infinities, NaNs, denormals, the least and the largest; a half, one and others."""

MULTIPLIERS = [0x3F000000, 0x3C23D70A, 0x3B808081, 0x0D800000, 0x5F7FFFFF, 0x3F800001, 0x3EAAAAAB]
"""A half, 1/100, about 1/255, the least, the largest, one and a hair, a third."""


def stream(label: str, count: int) -> np.ndarray:
    """Bytes that anybody can make again: keccak(label ‖ 0), keccak(label ‖ 1), …"""
    blocks = (keccak(f"{label}{n}".encode()) for n in range(-(-count // 32)))
    return np.frombuffer(b"".join(blocks)[:count], dtype=np.uint8)


def weights(label: str, channels: int, depth: int, *, wide: bool = False) -> list[Weights]:
    raw = stream(label, channels * (depth + 3)).reshape(channels, depth + 3)
    return [
        Weights(
            zero=int(row[-1]),
            multiplier=0 if wide else MULTIPLIERS[int(row[-2]) % 3],
            constant=(int(row[-3]) - 128) * 700 + 1,
            values=row[:depth].tobytes(),
        )
        for row in raw
    ]


def every_operator() -> tuple[ExactProgram, list[Tensor]]:
    b = Builder()
    floats = b.input("x", NUMBERS["float32"], (2, 4, 8))
    index = b.input("i", NUMBERS["int64"], (3,))
    source = b.quantise(floats, 0.5, 131, 4)
    rows, columns = source.addresses()
    rows, columns = rows[::-1].copy(), columns[::-1].copy()
    rows[5], columns[5] = PADDING, 0
    copied = b.copy(rows, columns, width=4, pad=99)
    dense = Window(source=(4, 4), out=(4, 2), kernel=(3, 3), strides=(1, 2), pads=(1, 1))
    dot = b.dot(copied, dense, weights("dense", 6, 36), columns=4, zero=128, pad=131)
    each = Window(source=(4, 2), out=(3, 2), kernel=(2, 1), dilations=(1, 1))
    own = b.dot(dot, each, weights("own", 6, 2), columns=1, per_group=1, zero=3)
    halves = Window(source=(4, 2), out=(4, 2))
    group = b.dot(dot, halves, weights("group", 4, 3), columns=3, per_group=2, zero=255)
    table = b.look_up(dot, stream("table", 256), 5)
    both = b.look_up_two(
        table, own, stream("two", 65536).reshape(256, 256), divisor=2, modulus=7, width=6
    )
    largest = b.max(both, Window(source=(4, 2), out=(2, 2), kernel=(3, 1), strides=(2, 1),
                                 pads=(1, 0)))  # fmt: skip
    b.output("digit", NUMBERS["int64"], (4,), b.arg_max(largest))
    b.gather(index, stream("embedding", 35).reshape(5, 7))
    wide = b.dot(copied, dense, weights("wide", 2, 36, wide=True), columns=4, pad=131, wide=True)
    b.output("sums", NUMBERS["int32"], (8, 2), _chunks(b, wide, 64))
    b.output("small", NUMBERS["uint8"], (32,), _chunks(b, group, 256))
    values = np.array(FLOATS * 4, dtype="<u4").view("<f4").copy()
    values[16:] = (stream("floats", 48).astype(np.float32) - 128) / 4
    b.output("y", NUMBERS["float32"], (48,), b.look_up(both, values_of_bytes(), 64))
    inputs = [
        Tensor.of("x", values.reshape(2, 4, 8)),
        Tensor.of("i", np.array([4, 0, 2], dtype=np.int64)),
    ]
    return b.program(), inputs


def values_of_bytes() -> np.ndarray:
    """A float32 for every byte, NaN with a payload and −0.0 among them."""
    table = ((np.arange(256) - 131) * 0.0625).astype("<f4")
    table.view("<u4")[:2] = 0x7FC00123, 0x80000000
    return table


def _chunks(b: Builder, block: Any, width: int) -> Any:
    rows, columns = block.addresses()
    return b.copy(rows, columns, width=width, size=block.size)


def program_case(name: str, program: ExactProgram, inputs: list[Tensor]) -> dict[str, Any]:
    trace = Executor(program).trace(inputs)
    steps = []
    for o in program.operators:
        for k in sorted({0, o.count // 2, o.count - 1}):
            row, element = o.out + k // o.width, k % o.width
            step = opened(trace, row, element)
            steps.append(
                {
                    "row": row,
                    "element": element,
                    "operator": step.operator,
                    "programRows": list(step.program),
                    "traceRows": list(step.trace),
                    "expected": hex_out(step.expected),
                }
            )
    commitment = program.commitment
    return {
        "name": name,
        "rows": [hex_out(row) for row in program.rows],
        "root": hex_out(commitment.root),
        "traceRows": commitment.trace_rows,
        "version": commitment.version,
        "runtime": hex_out(commitment.digest),
        "inputs": [
            {"name": t.name, "dtype": t.dtype, "shape": list(t.shape), "data": hex_out(t.data)}
            for t in inputs
        ],
        "trace": [hex_out(trace.row(place)) for place in range(program.trace_rows)],
        "traceRoot": hex_out(trace.tree.root),
        "outputs": [
            {"name": t.name, "dtype": t.dtype, "shape": list(t.shape), "data": hex_out(t.data)}
            for t in trace.outputs()
        ],
        "steps": steps,
    }


def roundings() -> dict[str, Any]:
    """Sums and floats with the byte that they become, ties among them."""
    totals = [0, 1, -1, 2**31 - 1, 1 - 2**31, 2**24 + 1, 2**24 + 3, 12345, -777]
    totals += [2 * n + 1 for n in range(-6, 6)]
    scales = [0x3F000000, 0x3D4CCCCD, 0x0D800000, 0x71FFFFFF, 0x3F800000, bits(0.3)]
    return {
        "requantise": [
            {"total": t, "multiplier": m, "zero": z, "byte": float32.requantise(t, m, z)}
            for t in totals
            for m in MULTIPLIERS
            for z in (0, 128, 255)
        ],
        "quantise": [
            {"value": v, "scale": s, "zero": z, "byte": float32.quantise(v, s, z)}
            for v in FLOATS
            for s in scales
            for z in (0, 93, 255)
        ],
    }


def programs() -> dict[str, Any]:
    """What `programs.json` holds."""
    return {"programs": [program_case("every operator", *every_operator())], **roundings()}
