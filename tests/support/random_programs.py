"""Programs and inputs made at random, towards what goes wrong: ties, saturation, odd floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.programs import Block, Builder, ExactProgram, Weights, Window
from counterfoil.programs.builder import bits
from counterfoil.programs.rows import PADDING

Rng = np.random.Generator

SPECIAL = np.array(
    [0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001, 0x7F800001,
     0x00000001, 0x807FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF],
    dtype="<u4",
).view("<f4")  # fmt: skip
"""Zeros, infinities, NaNs, denormals, the least and the largest."""


def numbers(rng: Rng, count: int) -> np.ndarray:
    """Bytes of one of several characters."""
    return {
        0: lambda: rng.integers(0, 256, count),
        1: lambda: rng.choice([0, 255], count),
        2: lambda: np.full(count, rng.choice([0, 1, 127, 128, 255])),
        3: lambda: rng.integers(120, 136, count),
    }[int(rng.integers(4))]().astype(np.uint8)


def scale(rng: Rng) -> np.float32:
    """Powers of two make ties; large ones saturate."""
    kind = rng.integers(4)
    if kind == 0:
        return np.float32(2.0 ** rng.integers(-16, 3))
    if kind == 1:
        return np.float32(rng.uniform(1e-5, 0.02))
    if kind == 2:
        return np.float32(rng.uniform(1, 1e6))
    return np.float32(2.0 ** rng.integers(-99, 63) * rng.uniform(1, 1.9999))


def channels(
    rng: Rng, count: int, depth: int, wide: bool = False, alike: bool = False
) -> list[Weights]:
    """Output channels; constants small, odd, or as large as they may be; zeros `alike` or not."""
    most = 2**31 - 1 - 65025 * depth
    if alike:
        most //= 2
    zero = int(rng.integers(256))
    out = []
    for _ in range(count):
        constant = int(
            rng.choice([0, 1, -1, int(rng.integers(-4000, 4000)), most, -most,
                        int(rng.integers(-most, most))])
        )  # fmt: skip
        out.append(
            Weights(
                zero=zero if alike else int(rng.choice([0, 128, 255, int(rng.integers(256))])),
                multiplier=0 if wide else bits(scale(rng)),
                constant=constant,
                values=numbers(rng, depth).tobytes(),
            )
        )
    return out


def window(rng: Rng, grid: tuple[int, int], alike: bool = False) -> Window:
    """A window somewhere on a grid, with padding and dilation."""
    sides = []
    for size in grid:
        kernel, dilation = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        stride, pad = int(rng.integers(1, 4)), int(rng.integers(0, kernel if alike else 3))
        out = max(1, (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1)
        sides.append((size, out, kernel, stride, dilation, pad))
    names = ("source", "out", "kernel", "strides", "dilations", "pads")
    return Window(**dict(zip(names, zip(*sides, strict=True), strict=True)))


class Maker:
    """Adds operators at random to a program that begins with a float and an index input.

    Args:
        alike: only what onnxruntime has too.
    """

    def __init__(self, rng: Rng, alike: bool = False) -> None:
        self.rng = rng
        self.alike = alike
        self.builder = Builder()
        self.floats = self.builder.input("x", NUMBERS["float32"], (int(rng.integers(1, 150)),))
        self.bytes = self.builder.input("b", NUMBERS["uint8"], (int(rng.integers(1, 600)),))
        self.index = self.builder.input("i", NUMBERS["int64"], (int(rng.integers(1, 40)),))
        self.blocks: list[Block] = [
            self.bytes,
            self.builder.quantise(
                self.floats, scale_of_quant(rng), int(rng.integers(256)), self.width(80)
            ),
        ]
        self.entries = int(rng.integers(1, 9))
        self.wide: list[Block] = []

    def width(self, most: int = 40) -> int:
        return int(self.rng.integers(1, most))

    def any(self) -> Block:
        return self.blocks[int(self.rng.integers(len(self.blocks)))]

    def even(self, rows_most: int = 60) -> tuple[Block, tuple[int, int]]:
        """A block whose rows are all full, and a grid for them."""
        rng = self.rng
        source = self.any()
        width = self.width(12)
        rows = int(rng.integers(1, rows_most))
        places = rng.integers(0, source.count, rows * width)
        at_rows, at_columns = source.addresses()
        block = self.builder.copy(at_rows[places], at_columns[places], width=width)
        high = int(rng.choice([n for n in range(1, rows + 1) if rows % n == 0]))
        return block, (high, rows // high)

    def dot(self, wide: bool = False) -> Block:
        source, grid = self.even()
        where = window(self.rng, grid, self.alike)
        kind = int(self.rng.integers(3))
        groups = 1
        if kind == 1:  # each channel for itself
            groups = source.width
        elif kind == 2:
            groups = int(
                self.rng.choice([n for n in range(1, source.width + 1) if source.width % n == 0])
            )
        columns = source.width // groups
        each = 1 if kind == 1 else int(self.rng.integers(1, 5))
        depth = where.kernel[0] * where.kernel[1] * columns
        return self.builder.dot(
            source, where, channels(self.rng, groups * each, depth, wide, self.alike),
            columns=columns, per_group=each, zero=0 if wide else int(self.rng.integers(256)),
            pad=int(self.rng.integers(256)), wide=wide,
        )  # fmt: skip

    def dot32(self) -> None:
        self.wide.append(self.dot(wide=True))

    def max(self) -> Block:
        source, grid = self.even()
        return self.builder.max(source, window(self.rng, grid, self.alike))

    def look_up(self) -> Block:
        return self.builder.look_up(self.any(), numbers(self.rng, 256), self.width())

    def look_up_wide(self) -> None:
        table = self.rng.standard_normal(256).astype("<f4")
        self.wide.append(self.builder.look_up(self.any(), table, self.width()))

    def look_up_two(self) -> Block:
        one, other = self.any(), self.any()
        modulus = int(self.rng.integers(1, other.count + 1))
        table = self.rng.integers(0, 256, (256, 256)).astype(np.uint8)
        return self.builder.look_up_two(
            one, other, table, divisor=int(self.rng.integers(1, 9)), modulus=modulus,
            width=self.width(),
        )  # fmt: skip

    def copy(self) -> Block:
        rng = self.rng
        one, other = (b.addresses() for b in (self.any(), self.any()))
        rows, columns = (np.concatenate(both) for both in zip(one, other, strict=True))
        places = rng.integers(0, len(rows), int(rng.integers(1, 200)))
        rows, columns = rows[places], columns[places]
        padded = rng.random(len(rows)) < 0.1
        rows[padded], columns[padded] = PADDING, 0
        return self.builder.copy(rows, columns, width=self.width(), pad=int(rng.integers(256)))

    def gather(self) -> Block:
        table = self.rng.integers(0, 256, (self.entries, self.width(20))).astype(np.uint8)
        return self.builder.gather(self.index, table)

    def arg_max(self) -> None:
        source, _ = self.even()
        self.wide.append(self.builder.arg_max(source))

    def made(self, operators: int) -> ExactProgram:
        steps: list[Callable[[], Any]] = [
            self.dot, self.dot, self.dot, self.max, self.look_up, self.look_up_two, self.copy,
            self.gather, self.arg_max, self.look_up_wide,
        ]  # fmt: skip
        if not self.alike:
            steps.append(self.dot32)
        for _ in range(operators):
            block = steps[int(self.rng.integers(len(steps)))]()
            if block is not None:
                self.blocks.append(block)
        last = self.blocks[-1]
        rows, columns = last.addresses()
        block = self.builder.copy(rows, columns, width=256)
        self.builder.output("y", NUMBERS["uint8"], (last.count,), block)
        if self.wide:
            wide = self.wide[-1]
            rows, columns = wide.addresses()
            block = self.builder.copy(rows, columns, width=256 // wide.size, size=wide.size)
            kind = NUMBERS["int64" if wide.size == 8 else "int32"]
            self.builder.output("z", kind, (wide.count,), block)
        return self.builder.program()

    def inputs(self) -> tuple[Tensor, ...]:
        rng = self.rng
        count = self.floats.count
        floats = np.where(
            rng.random(count) < 0.3,
            rng.choice(SPECIAL, count),
            (rng.standard_normal(count) * 10.0 ** rng.integers(-3, 4)).astype("<f4"),
        ).astype("<f4")
        if rng.random() < 0.5:  # halves: ties for scales that are powers of two
            floats[::2] = (rng.integers(-300, 300, len(floats[::2])) / 2).astype("<f4")
        return (
            Tensor.of("x", floats),
            Tensor.of("b", numbers(rng, self.bytes.count)),
            Tensor.of("i", rng.integers(0, self.entries, self.index.count)),
        )


def scale_of_quant(rng: Rng) -> np.float32:
    """Such as make ties, or any that a program may have."""
    if rng.random() < 0.7:
        return np.float32(2.0 ** rng.integers(-6, 4))
    return np.float32(2.0 ** rng.integers(-99, 99) * rng.uniform(1, 1.9999))


def random_run(
    seed: int, operators: int = 4, *, alike: bool = False
) -> tuple[ExactProgram, tuple[Tensor, ...]]:
    """A program and inputs for it; `alike`: only of what onnxruntime has too."""
    maker = Maker(np.random.default_rng(seed), alike)
    return maker.made(operators), maker.inputs()


def built_ties() -> list[tuple[int, int]]:
    """Sums and multipliers whose product lies on a half, or on one only after f32 rounded it."""
    found = [((2 * n + 1) << s, bits(2.0 ** -(s + 1))) for n in range(-130, 130) for s in range(9)]
    rng = np.random.default_rng(0)
    while len(found) < 2600:
        multiplier = np.float32(rng.uniform(2.0**-18, 2.0**-12))
        total = int(np.rint((rng.integers(0, 255) + 0.5) / np.float64(multiplier)))
        exact = total * np.float64(multiplier)
        once = np.float32(np.float32(total) * multiplier)
        if exact % 1 != 0.5 and once % 1 == 0.5:
            found.append((total, bits(multiplier)))
    return found
