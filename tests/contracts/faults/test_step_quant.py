"""`step_quant`: float32s as they lie in a row, against the whole-number rule and NumPy."""

import ape
import numpy as np
import pytest
from counterfoil.programs import Kind, Operator, float32
from step_cases import words

SPECIAL = [
    0, 1 << 31, 1, (1 << 31) | 1, 2**23 - 1, 2**23, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000,
    0x7F800001, 0x7FC00000, 0xFFC00001, 0xFFFFFFFF, 0x3F000000, 0xBF000000,
]  # fmt: skip
"""Bits of zeros, denormals, the largest, infinities, no numbers, halves."""

SCALES = [27 << 23, 0x3C23D70A, 0x3E800000, 0x3F000000, 0x3F800000, 0x40490FDB, (227 << 23) | 9]


@pytest.fixture(scope="session")
def step_quant(project, deployer):
    return deployer.deploy(project.StepQuantHarness)


@pytest.fixture
def quantised(step_quant):
    def ask(bits: list[int], scale: int, zero: int) -> list[int]:
        o = Operator(
            kind=Kind.QUANT, out=9, count=len(bits), width=1, source_width=1, zero=zero,
            scale=scale,
        )  # fmt: skip
        return step_quant.bytes_of(np.array(bits, dtype="<u4").tobytes(), words(o), len(bits))

    return ask


@pytest.mark.parametrize("zero", [0, 128, 255])
@pytest.mark.parametrize("scale", SCALES)
def test_byte__of_special_and_any_floats__is_the_rules(quantised, scale, zero):
    rng = np.random.default_rng(scale % 1_000 + zero)
    near = float(np.uint32(scale).view(np.float32)) * rng.uniform(-300, 300, 60)
    bits = [*SPECIAL, *near.astype(np.float32).view(np.uint32).tolist()]
    bits += rng.integers(0, 2**32, 40).tolist()
    assert quantised(bits, scale, zero) == [float32.quantise(n, scale, zero) for n in bits]


def test_byte__of_halves__goes_to_the_even_neighbour(quantised):
    halves = np.arange(-20.5, 21, 1, dtype=np.float32) / 4
    bits = halves.view(np.uint32).tolist()
    expected = (np.rint(halves * 4) + 100).astype(int).tolist()
    assert quantised(bits, 0x3E800000, 100) == expected


def test_byte__of_no_number_or_an_infinity__is_an_end(quantised):
    nans = [0x7FC00000, 0xFFC00000, 0x7F800001]
    assert quantised([*nans, 0x7F800000, 0xFF800000], 0x3F800000, 77) == [0, 0, 0, 255, 0]


@pytest.mark.parametrize(
    "scale", [0, (26 << 23) | 0x7FFFFF, 228 << 23, 255 << 23, 1 << 31 | 1 << 29]
)
def test_byte__of_a_scale_out_of_range__reverts(quantised, scale):
    with ape.reverts("quant: scale out of range"):
        quantised([0], scale, 0)
