"""`step_dot`: sums of products against the slow executor, over every way that bytes can lie."""

import ape
import numpy as np
import pytest
from counterfoil.programs import Kind, Weights, step
from counterfoil.programs.rows import reversed_words
from step_cases import OUTSIDE, SLACK, random_window, taps_of, window, words

ONE, HALF, QUARTER = 0x3F800000, 0x3F000000, 0x3E800000
MOST = 255 * 255


@pytest.fixture(scope="session")
def step_dot(project, deployer):
    return deployer.deploy(project.StepDotHarness)


@pytest.fixture
def element(step_dot):
    """What the contract makes of element 0 of an operator, and what is right."""

    def ask(o, rows, weights, *, judged=None):
        """`rows` of the trace by number; `judged`: bytes in the weights' place."""
        row = weights.encode()
        data, starts = b"", []
        for tap in taps_of(o, 0):
            starts.append(OUTSIDE if tap == OUTSIDE else len(data))
            data += b"" if tap == OUTSIDE else rows[tap]
        shown = row if judged is None else judged
        found = step_dot.element(
            data + shown + SLACK, words(o), starts, o.columns, len(data), len(shown)
        )
        if judged is None:
            right = step.right(o, 0, lambda _: row, lambda number: rows[number])
            assert found == int.from_bytes(right, "big")
        return found

    return ask


def one_row(values: bytes, wide: bool = True, **fields):
    """An operator that reads one row, and the row."""
    kind = Kind.DOT32 if wide else Kind.DOT
    size = 4 if wide else 1
    o = window(kind, size=size, columns=len(values), source_width=len(values), **fields)
    return o, {o.source: values}


def weights_of(values: bytes, *, zero=128, multiplier=0, constant=0):
    return Weights(zero=zero, multiplier=multiplier, constant=constant, values=values)


def as_int32(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "big"), "little", signed=True)


def test_lanes__of_two_words__add_products_and_bytes(step_dot):
    rng = np.random.default_rng(2)
    for values, weights in (
        (b"\xff" * 32, b"\xff" * 32), (bytes(32), b"\xff" * 32),
        (rng.bytes(32), rng.bytes(32)), (b"\1" + bytes(31), b"\2" + bytes(30) + b"\3"),
    ):  # fmt: skip
        products, together = step_dot.lanes(
            int.from_bytes(values, "big"), int.from_bytes(reversed_words(weights), "big")
        )
        assert products >> 224 == sum(a * b for a, b in zip(values, weights, strict=True))
        lanes = [(together >> 32 * i) & 0xFFFFFFFF for i in range(8)]
        assert sum(lanes) == sum(values)


@pytest.mark.parametrize("depth", [1, 2, 31, 32, 33, 63, 64, 65, 100, 1_024, 4_095, 4_096])
def test_element__of_one_tap_of_any_depth__is_the_executors(element, depth):
    rng = np.random.default_rng(depth)
    for values in (rng.bytes(depth), b"\xff" * depth):
        for zero, weights in ((0, b"\xff" * depth), (255, bytes(depth)), (128, rng.bytes(depth))):
            o, rows = one_row(values)
            element(o, rows, weights_of(weights, zero=zero, constant=-7))


@pytest.mark.parametrize("seed", range(16))
def test_element__of_any_window__is_the_executors(element, seed):
    """Taps of other than 32 bytes lie across words; padding lies between them."""
    rng = np.random.default_rng(seed)
    columns = int(rng.choice([1, 3, 7, 31, 32, 33, 40, 64, 70]))
    wide = bool(seed & 1)
    o = random_window(
        rng, Kind.DOT32 if wide else Kind.DOT, size=4 if wide else 1, columns=columns,
        source_width=columns, pad=int(rng.integers(256)),
        zero=0 if wide else int(rng.integers(256)),
    )  # fmt: skip
    rows = {o.source + n: rng.bytes(columns) for n in range(o.in_h * o.in_w)}
    weights = weights_of(
        rng.bytes(o.depth), zero=int(rng.integers(256)), constant=int(rng.integers(-9_999, 9_999)),
        multiplier=0 if wide else int(np.float32(0.37 / o.depth).view(np.uint32)),
    )  # fmt: skip
    element(o, rows, weights)


def test_element__of_64_taps_and_4608_weights__is_the_most(element):
    rng = np.random.default_rng(3)
    o = window(Kind.DOT32, size=4, k_h=8, k_w=8, in_h=8, in_w=8, columns=72, source_width=72)
    for full in (True, False):
        rows = {o.source + n: b"\xff" * 72 if full else rng.bytes(72) for n in range(64)}
        values = b"\xff" * 4_608 if full else rng.bytes(4_608)
        found = element(o, rows, weights_of(values, zero=0))
        assert not full or as_int32(found) == 4_608 * MOST
    o = window(Kind.DOT32, size=4, k_h=8, k_w=8, columns=73, source_width=73, in_h=8, in_w=8)
    with ape.reverts("dot: too many weights"):
        element(o, {o.source + n: bytes(73) for n in range(64)}, weights_of(bytes(4_672)))


def test_element__of_padding_alone__sums_the_pad(element):
    o = window(Kind.DOT32, size=4, k_w=5, pad_h=1, columns=9, source_width=9, pad=200)
    found = element(o, {}, weights_of(bytes(range(45)), zero=3, constant=11))
    assert as_int32(found) == 11 + 200 * sum(n - 3 for n in range(45))


@pytest.mark.parametrize("depth", [1, 33])
def test_element__of_sums_at_both_ends__is_exact_and_no_further(element, depth):
    most = 2**31 - 1 - depth * MOST
    for constant, zero, weights in (
        (most, 0, b"\xff" * depth), (most, 255, bytes(depth)),
        (-most, 255, bytes(depth)), (-most, 0, b"\xff" * depth),
    ):  # fmt: skip
        o, rows = one_row(b"\xff" * depth)
        sign = 1 if zero == 0 else -1
        found = element(o, rows, weights_of(weights, zero=zero, constant=constant))
        assert as_int32(found) == constant + sign * depth * MOST
    for constant in (most + 1, -most - 1, 2**31 - 1, -(2**31)):
        with ape.reverts("dot: sums that leave 32 bits"):
            element(o, rows, weights_of(weights, zero=zero, constant=constant))


@pytest.mark.parametrize(
    ("total", "multiplier", "zero", "expected"),
    [
        # halves go to the even neighbour, on either side of zero
        (1, HALF, 10, 10), (3, HALF, 10, 12), (5, HALF, 10, 12), (-1, HALF, 10, 10),
        (-3, HALF, 10, 8), (-5, HALF, 10, 8), (2, QUARTER, 0, 0), (6, QUARTER, 0, 2),
        # past both ends, and at them
        (255, ONE, 0, 255), (256, ONE, 0, 255), (-1, ONE, 0, 0), (245, ONE, 10, 255),
        (-10, ONE, 10, 0), (-11, ONE, 10, 0), (2**30, ONE, 0, 255), (-(2**30), ONE, 255, 0),
        # a sum of 25 bits is rounded before the product: 2^24 + 1 to 2^24, + 3 to + 4
        (2**24 + 1, 0x33800000, 0, 1), (2**24 + 3, 0x34000000, 5, 7),
        # the least and the largest multipliers
        (2**30, 27 << 23, 3, 3), (1, (190 << 23) | 0x7FFFFF, 3, 255),
        (-1, (190 << 23) | 0x7FFFFF, 3, 0), (0, 190 << 23, 77, 77),
    ],
)  # fmt: skip
def test_element__of_a_sum__is_rounded_and_clamped(element, total, multiplier, zero, expected):
    o, rows = one_row(b"\0", wide=False, zero=zero)
    weights = weights_of(b"\0", multiplier=multiplier, constant=total)
    assert element(o, rows, weights) == expected


@pytest.mark.parametrize(
    "multiplier", [0, 26 << 23 | 0x7FFFFF, 191 << 23, 255 << 23, ONE | 1 << 31]
)
def test_element__of_a_multiplier_out_of_range__reverts(element, multiplier):
    o, rows = one_row(b"\1", wide=False)
    with ape.reverts("dot: multiplier out of range"):
        element(o, rows, weights_of(b"\1", multiplier=multiplier))


def test_element__of_dot32_with_a_multiplier__reverts(element):
    o, rows = one_row(b"\1")
    with ape.reverts("dot: multiplier that means nothing"):
        element(o, rows, weights_of(b"\1", multiplier=ONE))


def test_element__of_what_are_no_such_weights__reverts(element):
    o, rows = one_row(bytes(33))
    weights = weights_of(bytes(33))
    row = weights.encode()
    for other in (row[:-1], row + b"\0", row[:-32]):
        with ape.reverts("dot: weights of another length"):
            element(o, rows, weights, judged=other)
    for kind in (0, Kind.TABLE, Kind.DOT, 255):
        with ape.reverts("dot: no weights"):
            element(o, rows, weights, judged=bytes([kind]) + row[1:])
    for count in (32, 34, 0, 65_535):
        with ape.reverts("dot: another number of weights"):
            element(o, rows, weights, judged=row[:2] + count.to_bytes(2, "big") + row[4:])
