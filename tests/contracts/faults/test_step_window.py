"""`step_window`: which rows are an element's taps, and what is read of each."""

from dataclasses import replace

import ape
import numpy as np
import pytest
from counterfoil.programs import Kind, step
from step_cases import OUTSIDE, random_window, taps_of, window, words


@pytest.fixture(scope="session")
def step_window(project, deployer):
    return deployer.deploy(project.StepWindowHarness)


def read_by_the_executor(o, place):
    """Rows that the slow implementation reads for an element of a place, in its order."""
    read = []

    def row(number):
        read.append(number)
        return bytes(o.source_width)

    step.right(o, place * o.width, None, row)
    return read


@pytest.mark.parametrize("seed", range(12))
def test_taps__of_any_window__are_the_executors(step_window, seed):
    o = random_window(np.random.default_rng(seed), Kind.MAX)
    places = list(range(o.out_h * o.out_w))
    expected = [taps_of(o, place) for place in places]
    assert step_window.taps(words(o), places) == expected
    for place, taps in zip(places, expected, strict=True):
        assert read_by_the_executor(o, place) == [tap for tap in taps if tap != OUTSIDE]


def test_taps__of_a_window_beside_the_grid__are_all_padding(step_window):
    above = window(in_h=2, in_w=2, pad_h=255, out_h=3, k_h=8, k_w=8)
    left = window(in_h=2, in_w=2, pad_w=255, out_w=3, k_h=1, k_w=64)
    below = window(in_h=2, stride_h=255, out_h=2)
    assert step_window.taps(words(above), [0]) == [[OUTSIDE] * 64]
    assert step_window.taps(words(left), [2]) == [[OUTSIDE] * 64]
    assert step_window.taps(words(below), [0, 1]) == [[9], [OUTSIDE]]


def test_taps__at_the_largest_numbers__do_not_overflow(step_window):
    wide = {"in_h": 65_535, "in_w": 65_535, "out_h": 65_535, "out_w": 1, "width": 1}
    o = window(**wide, stride_h=255, dilation_h=255, dilation_w=255, k_h=8, k_w=8, source=2**32 - 1)
    places = [0, 257, 65_534]
    assert step_window.taps(words(o), places) == [taps_of(o, place) for place in places]


@pytest.mark.parametrize(
    "size",
    ["in_h", "in_w", "out_h", "out_w", "k_h", "k_w", "stride_h", "stride_w", "dilation_h",
     "dilation_w"],
)  # fmt: skip
def test_taps__without_a_size__reverts(step_window, size):
    with ape.reverts("window: without a size"):
        step_window.taps(words(replace(window(), **{size: 0})), [0])


def test_taps__too_many_or_another_count__reverts(step_window):
    assert len(step_window.taps(words(window(k_h=64, k_w=1)), [0])[0]) == 64
    for k_h, k_w in ((65, 1), (1, 65), (255, 255)):
        with ape.reverts("window: too many taps"):
            step_window.taps(words(window(k_h=k_h, k_w=k_w)), [0])
    o = window(out_h=2, out_w=3, width=5)
    for count in (29, 31):
        with ape.reverts("window: another number of elements"):
            step_window.taps(words(replace(o, count=count)), [0])


@pytest.mark.parametrize(("width", "per_group", "columns"), [(6, 2, 5), (7, 3, 1), (4, 4, 9)])
def test_read_of__a_channel_of_a_product__is_its_groups_columns(
    step_window, width, per_group, columns
):
    groups = (width - 1) // per_group + 1
    made = {"width": width, "per_group": per_group, "columns": columns}
    o = window(**made, source_width=groups * columns)
    for channel in range(width):
        expected = (channel // per_group * columns, columns)
        assert tuple(step_window.read_of(words(o), channel)) == expected
    short = window(**made, source_width=groups * columns - 1)
    with ape.reverts("window: channels of another source"):
        step_window.read_of(words(short), 0)


def test_read_of__a_channel_of_max__is_its_own_byte(step_window):
    same = {"width": 9, "per_group": 9, "columns": 9, "source_width": 9}
    for channel in (0, 8):
        assert tuple(step_window.read_of(words(window(Kind.MAX, **same)), channel)) == (channel, 1)
    for name in same:
        other = window(Kind.MAX, **{**same, name: 8})
        with ape.reverts("window: channels of another source"):
            step_window.read_of(words(other), 0)


@pytest.mark.parametrize("size", ["columns", "per_group"])
def test_read_of__without_a_size__reverts(step_window, size):
    with ape.reverts("window: without a size"):
        step_window.read_of(words(window(**{size: 0})), 0)
