"""`step_largest`: MAX and ARGMAX against Python's, with bytes that are equal."""

import numpy as np
import pytest
from step_cases import OUTSIDE, SLACK


@pytest.fixture(scope="session")
def step_largest(project, deployer):
    return deployer.deploy(project.StepLargestHarness)


@pytest.fixture
def place(step_largest):
    def ask(row: bytes, before: bytes = b"") -> int:
        found = step_largest.place(before + row + b"\xff" * 64, len(before), len(row))
        return int.from_bytes(found.to_bytes(8, "big"), "little")

    return ask


def test_largest__of_taps_anywhere__is_the_largest_byte(step_largest):
    data = np.random.default_rng(4).bytes(200) + SLACK
    for offsets in ([0], [199], [7, 7], list(range(64)), [3, 199, 50, 4], [10, 9, 8]):
        assert step_largest.largest(data, offsets) == max(data[at] for at in offsets)


def test_largest__of_padding__is_zero(step_largest):
    data = b"\0\5\xff" + SLACK
    assert step_largest.largest(data, [OUTSIDE] * 64) == 0
    assert step_largest.largest(data, []) == 0
    assert step_largest.largest(data, [OUTSIDE, 0, OUTSIDE]) == 0
    assert step_largest.largest(data, [OUTSIDE, 1, OUTSIDE]) == 5
    assert step_largest.largest(data, [OUTSIDE] * 63 + [2]) == 255


@pytest.mark.parametrize("width", [1, 2, 31, 32, 33, 64, 65, 300])
def test_place__of_the_first_largest__in_a_row_of_any_width(place, width):
    """What is behind the row is 255 everywhere, and not looked at."""
    rng = np.random.default_rng(width)
    rows = [bytes(width), b"\xff" * width, bytes([7] * width), bytes(width - 1) + b"\1"]
    rows += [rng.integers(0, 4, width, dtype=np.uint8).tobytes() for _ in range(3)]
    for row in rows:
        assert place(row) == row.index(max(row))
        assert place(row, before=b"\xff" * 5) == row.index(max(row))


def test_place__in_the_widest_row__is_of_two_bytes(place):
    row = bytes([200] * 4_095 + [201])
    assert place(row) == 4_095
    assert place(bytes([200]) * 4_096) == 0
