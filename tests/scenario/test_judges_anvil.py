"""The judge's steps and roundings against the executor and NumPy, by the ten thousand."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from typing import Any

import judging
import numpy as np
import pytest
from counterfoil.programs import Kind
from counterfoil.programs.proving import StepProof
from on_node import Deployed, compiled

pytestmark = [pytest.mark.anvil, pytest.mark.slow]

SPECIAL = [0, 1, 2**23 - 1, 2**23, 2**31, 2**31 + 1, 0x7F800000, 0xFF800000, 0x7FC00000,
           0xFFC00001, 0x7F800001, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0xBF000000]  # fmt: skip
"""Bits of float32s: zeros, denormals, infinities, no numbers, the largest, halves."""


@pytest.fixture
def steps(anvil):
    return Deployed(anvil, compiled("StepJudge"))


@pytest.fixture
def floats(anvil):
    return Deployed(anvil, compiled("harnesses/Float32Harness"))


# Steps


def test_step_is_wrong__ten_thousand_honest_steps__none_is(steps):
    kinds: collections.Counter[Kind] = collections.Counter()
    seed = 1000
    while kinds.total() < 10_000:
        trace = judging.run(seed)
        shown = []
        for row, element in judging.some(trace.program, np.random.default_rng(seed), 12):
            shown.append(judging.proof(trace, row, element))
            kinds[kind_of(trace, shown[-1])] += 1
        answers = steps.ask("step_is_wrong", [judging.arguments(trace, each) for each in shown])
        for each, (wrong,) in zip(shown, answers, strict=True):
            assert not each.wrong
            assert wrong is False, (seed, each.row, each.element)
        seed += 1
    assert set(kinds) == {kind for kind in Kind if 0x11 <= kind <= 0x19}
    assert min(kinds.values()) > 50, kinds


def test_step_is_wrong__two_thousand_changed_bytes__every_one_is(steps):
    kinds: collections.Counter[Kind] = collections.Counter()
    seed = 5000
    while kinds.total() < 2_000:
        honest, rng = judging.run(seed), np.random.default_rng(seed)
        calls = []
        for _ in range(10):
            trace, row, element = judging.corrupted(honest, rng)
            shown = judging.proof(trace, row, element)
            assert shown.wrong
            kinds[kind_of(trace, shown)] += 1
            calls.append(judging.arguments(trace, shown))
        for place, (wrong,) in enumerate(steps.ask("step_is_wrong", calls)):
            assert wrong is True, (seed, place)
        seed += 1
    assert set(kinds) == {kind for kind in Kind if 0x11 <= kind <= 0x19}


def test_step_is_wrong__steps_that_read_a_changed_byte__as_the_executor_has_it(steps):
    """Not the changed byte's own step but any other of the trace: right here, wrong there."""
    found: collections.Counter[bool] = collections.Counter()
    seed = 9000
    while found[True] < 50:
        seed += 1
        rng = np.random.default_rng(seed)
        trace, _, _ = judging.corrupted(judging.run(seed), rng)
        shown = [judging.proof(trace, *cell) for cell in judging.some(trace.program, rng, 25)]
        answers = steps.ask("step_is_wrong", [judging.arguments(trace, each) for each in shown])
        for each, (wrong,) in zip(shown, answers, strict=True):
            assert wrong is each.wrong, (seed, each.row, each.element)
            found[wrong] += 1


def kind_of(trace: Any, shown: StepProof) -> Kind:
    return trace.program.operators[shown.operator - trace.program.first_operator].kind


# Roundings

BIAS = 300
"""Of the module's exponents."""


def bits_of(numbers: np.ndarray) -> list[int]:
    return numbers.astype("<f4").view("<u4").tolist()


def floats_of(bits: Sequence[int]) -> np.ndarray:
    return np.array(bits, dtype="<u4").view("<f4")


def columns(name: str, harness: Deployed, *given: Sequence[int]) -> list[np.ndarray]:
    """What a view of the harness answers to many cases, a thousand at a time."""
    calls = [
        tuple(list(column[start : start + 1000]) for column in given)
        for start in range(0, len(given[0]), 1000)
    ]
    answers = list(harness.ask(name, calls))
    return [
        np.concatenate([np.array(answer[i], dtype=np.float64) for answer in answers])
        for i in range(len(answers[0]))
    ]


def multipliers(rng: np.random.Generator, count: int, exponents: tuple[int, int]) -> list[int]:
    """Bits of float32s: powers of two and others, every exponent that a program may have."""
    fractions = np.where(
        rng.random(count) < 0.4, rng.choice([0, 1, 2**22, 2**23 - 1], count),
        rng.integers(0, 2**23, count),
    )  # fmt: skip
    return (rng.integers(exponents[0], exponents[1] + 1, count) << 23 | fractions).tolist()


def wholes(rng: np.random.Generator, count: int) -> list[int]:
    """Below 2^31, of every length, and beside what float32 cannot hold."""
    sizes = 2 ** rng.integers(0, 31, count)
    plain = (rng.random(count) * sizes).astype(np.int64)
    ties = (rng.integers(2**23, 2**24, count) << rng.integers(0, 7, count)) | (
        1 << rng.integers(0, 7, count)
    )
    return np.where(rng.random(count) < 0.4, ties, plain).clip(0, 2**31 - 1).tolist()


def test_of_whole__a_hundred_thousand__as_numpy(floats):
    numbers = [*range(300), *wholes(np.random.default_rng(1), 99_700)]
    significands, exponents = columns("of_whole", floats, numbers)
    expected = np.array(numbers, dtype=np.int64).astype(np.float32)
    assert (np.ldexp(significands, (exponents - BIAS).astype(int)) == expected).all()


def test_product__a_hundred_thousand__as_numpy(floats):
    rng = np.random.default_rng(2)
    numbers, factors = wholes(rng, 100_000), multipliers(rng, 100_000, (27, 190))
    significands, exponents = columns("product", floats, numbers, factors)
    found = np.ldexp(significands, (exponents - BIAS).astype(int))
    one = np.array(numbers, dtype=np.int64).astype(np.float32)
    assert (found == one * floats_of(factors)).all()


def test_quotient__a_hundred_thousand__as_numpy(floats):
    rng = np.random.default_rng(3)
    numbers, divisors = (multipliers(rng, 100_000, each) for each in ((1, 254), (27, 227)))
    significands, exponents = columns("quotient", floats, numbers, divisors)
    found = np.ldexp(significands, (exponents - BIAS).astype(int))
    with np.errstate(over="ignore", under="ignore"):
        expected = floats_of(numbers) / floats_of(divisors)
    normal = np.isfinite(expected) & (expected > np.float32(2.0**-126))
    assert normal.sum() > 50_000
    assert (found[normal] == expected[normal]).all()
    # beyond: what stands there becomes the same byte
    assert (found[~normal & np.isinf(expected)] >= 2.0**127).all()
    assert (found[~normal & np.isfinite(expected)] <= 2.0**-126).all()


def test_nearest__a_hundred_thousand__as_numpy(floats):
    rng = np.random.default_rng(4)
    significands = rng.integers(2**23, 2**24 + 1, 100_000)
    exponents = rng.integers(-40, 0, 100_000)
    # halves of every size
    halves = rng.random(100_000) < 0.4
    exponents[halves] = -rng.integers(1, 24, halves.sum())
    places = 2 ** (-exponents[halves] - 1)
    significands[halves] = significands[halves] // (2 * places) * (2 * places) + places
    (found,) = columns("nearest", floats, significands.tolist(), (exponents + BIAS).tolist())
    assert (found == np.rint(np.ldexp(significands.astype(np.float64), exponents))).all()


def test_requantise__a_hundred_thousand__as_numpy(floats):
    rng = np.random.default_rng(5)
    count = 100_000
    sizes, signs = wholes(rng, count), rng.choice([-1, 1], count)
    totals = np.array(sizes, dtype=np.int64) * signs
    factors = np.array(multipliers(rng, count, (27, 190)))
    # most so that the product is near a byte, many a tie
    near = rng.random(count) < 0.8
    lengths = np.array([int(each).bit_length() for each in sizes])
    fitting = (127 + rng.integers(-2, 9, count) - lengths).clip(27, 190)
    factors[near] = (factors[near] & (2**23 - 1)) | fitting[near] << 23
    zeros = rng.choice([0, 1, 127, 128, 254, 255], count)
    (found,) = columns("requantise", floats, totals.tolist(), factors.tolist(), zeros.tolist())
    scaled = totals.astype(np.float32) * floats_of(factors.tolist())
    whole = np.rint(scaled)
    expected = np.clip(whole, -zeros.astype(np.float32), 255 - zeros.astype(np.float32)) + zeros
    assert (found == expected).all()
    assert ((found > 0) & (found < 255)).sum() > 20_000
    assert (np.abs(scaled - np.trunc(scaled)) == 0.5).sum() > 200


def test_quantise__a_hundred_thousand__as_numpy(floats):
    rng = np.random.default_rng(6)
    count = 100_000
    scales = np.array(multipliers(rng, count, (27, 227)))
    plain = rng.integers(0, 2**32, count)
    # near a byte, ties among them
    values = (rng.integers(-600, 600, count) / 2).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        near = np.array(bits_of(values * floats_of(scales.tolist())))
    numbers = np.where(rng.random(count) < 0.7, near, plain)
    numbers[: 20 * len(SPECIAL)] = np.tile(SPECIAL, 20)
    zeros = rng.choice([0, 1, 127, 128, 254, 255], count)
    (found,) = columns("quantise", floats, numbers.tolist(), scales.tolist(), zeros.tolist())
    with np.errstate(all="ignore"):
        scaled = floats_of(numbers.tolist()) / floats_of(scales.tolist())
    least, most = -zeros.astype(np.float32), 255 - zeros.astype(np.float32)
    expected = np.where(np.isnan(scaled), 0, np.clip(np.rint(scaled), least, most) + zeros)
    assert (found == expected).all()
    assert ((found > 0) & (found < 255)).sum() > 20_000
    assert (np.abs(scaled - np.trunc(scaled)) == 0.5).sum() > 200
