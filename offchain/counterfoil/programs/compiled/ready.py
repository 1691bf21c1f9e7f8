"""The kernels once they are there: made beside the program, and held against the executor first."""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np

from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.machine_code import Maker
from counterfoil.programs.builder import Builder, Window, bits
from counterfoil.programs.executor import Executor
from counterfoil.programs.program import ExactProgram
from counterfoil.programs.rows import PADDING, Weights

from .build import Kernels, build
from .executor import CompiledExecutor

SIDE: Final = 5
"""Pixels of the sample's picture, each way: not what vectors divide."""


def kernels(wait: float = 0.0) -> Kernels | None:
    """The kernels; None: not there, or not yet, and begun.

    Args:
        wait: seconds that they may take, at most.
    """
    return _maker.wait(wait) if wait else _maker.now()


def _make() -> Kernels:
    made = build()
    check(made)
    return made


_maker: Final = Maker(_make, "counterfoil-executor")


def check(made: Kernels) -> None:
    """Hold new kernels against the executor: they may come from a disk.

    Raises:
        ValueError: they are wrong.
    """
    program = sample()
    executor, compiled = Executor(program), CompiledExecutor(program, made)
    for number in range(4):
        inputs = _inputs(program, number)
        if compiled.trace(inputs).data.tobytes() != executor.trace(inputs).data.tobytes():
            raise ValueError("the kernels compute wrongly")


def sample() -> ExactProgram:
    """A program that calls every kernel, on odd sizes, with sums at both ends and on halves."""
    rng = np.random.default_rng(4)
    b = Builder()
    floats = b.input("x", NUMBERS["float32"], (SIDE, SIDE, 19))
    small = b.input("i", NUMBERS["int32"], (5,))
    large = b.input("j", NUMBERS["int64"], (5,))
    table = rng.integers(0, 256, (7, 13)).astype(np.uint8)
    b.gather(small, table)
    b.gather(large, table)
    picture = b.quantise(floats, 0.25, 77, 19)
    rows, columns = picture.addresses()
    rows[::7], columns[::7] = PADDING, 0
    picture = b.copy(rows, columns, width=19, pad=9)
    near = Window(source=(SIDE, SIDE), out=(SIDE, SIDE), kernel=(3, 3), pads=(1, 1))
    far = Window(source=(SIDE, SIDE), out=(3, 2), kernel=(2, 3), strides=(2, 1), dilations=(1, 2),
                 pads=(1, 0))  # fmt: skip
    for window, wide in itertools.product((near, far), (False, True)):
        taps = window.kernel[0] * window.kernel[1]
        b.dot(picture, window, _channels(rng, 21, 19 * taps, wide), columns=19, wide=wide,
              pad=200, zero=0 if wide else 31)  # fmt: skip
        b.dot(picture, window, _channels(rng, 19, taps, wide), columns=1, per_group=1, wide=wide,
              pad=3, zero=0 if wide else 128)  # fmt: skip
        b.dot(picture, window, _channels(rng, 10, 6 * taps, wide), columns=6, per_group=4,
              wide=wide, pad=3)  # fmt: skip
    largest = b.max(picture, far)
    for kind in ("u1", "<u4", "<u8"):
        entries = rng.integers(0, 256, (256, np.dtype(kind).itemsize)).astype(np.uint8)
        made = b.look_up(largest, entries.view(kind).ravel(), 7)
        rows, columns = made.addresses()
        b.copy(rows[::-1].copy(), columns[::-1].copy(), width=5, size=made.size)
    for kind in ("u1", "<u4"):
        entries = rng.integers(0, 256, (256, 256, np.dtype(kind).itemsize)).astype(np.uint8)
        b.look_up_two(picture, largest, entries.view(kind)[..., 0], divisor=3, modulus=100)
    b.output("y", NUMBERS["int64"], (SIDE, SIDE), b.arg_max(picture))
    return b.program()


def _channels(rng: np.random.Generator, count: int, depth: int, wide: bool) -> list[Weights]:
    """Weights at both ends and between; products that are halves, saturate, or are odd."""
    scales = (2.0**-9, 2.0**-7, 0.00123, 0.01, 3.7, 2.0**-1)
    return [
        Weights(
            zero=(0, 255, 128, 3)[c % 4],
            multiplier=0 if wide else bits(scales[c % 6]),
            constant=(0, 1, -(2**31) + 1 + 65025 * depth, 2**31 - 1 - 65025 * depth)[c * 3 % 4],
            values=(
                rng.integers(0, 256, depth) if c % 3 else np.full(depth, 255 * (c // 3 % 2))
            ).astype(np.uint8).tobytes(),
        )
        for c in range(count)
    ]  # fmt: skip


def _inputs(program: ExactProgram, number: int) -> list[Tensor]:
    """Floats on halves of the scale, beyond both ends, and none; indices from end to end."""
    rng = np.random.default_rng(number)
    floats = rng.integers(-700, 700, program.inputs[0].shape) / 8
    if number:
        floats = np.where(rng.random(floats.shape) < 0.5, (np.inf, -np.inf, np.nan)[number - 1],
                          rng.standard_normal(floats.shape) * 10)  # fmt: skip
    index = rng.permutation(7)[:5]
    return [
        Tensor.of("x", floats.astype(np.float32)),
        Tensor.of("i", index.astype(np.int32)),
        Tensor.of("j", index[::-1].astype(np.int64)),
    ]
