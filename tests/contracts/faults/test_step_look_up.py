"""`step_look_up`: entries of tables, and LUT2's other source."""

import ape
import numpy as np
import pytest
from counterfoil.programs import Kind, Operator, step
from step_cases import SLACK, words


@pytest.fixture(scope="session")
def step_look_up(project, deployer):
    return deployer.deploy(project.StepLookUpHarness)


def two(**fields):
    made = {"second": 40, "second_width": 3, "divisor": 1, "modulus": 12, **fields}
    return Operator(
        kind=Kind.LUT2, out=99, count=50, width=5, source=7, source_width=10, table=1, **made
    )


@pytest.mark.parametrize("kind", [Kind.TABLE, Kind.TABLE2])
@pytest.mark.parametrize("size", [1, 4, 8])
def test_entry__every_one__is_the_tables(step_look_up, kind, size):
    content = np.random.default_rng(size).bytes(256 * size)
    table, places = bytes([kind]) + content, list(range(256))
    found = step_look_up.entries(table + SLACK, len(table), kind, size, places)
    assert found == [int.from_bytes(content[n * size : (n + 1) * size], "big") for n in places]


@pytest.mark.parametrize("size", [1, 4, 8])
def test_entry__of_a_row_that_is_no_such_table__reverts(step_look_up, size):
    table = bytes([Kind.TABLE]) + bytes(256 * size)
    for row, kind in (
        (table, Kind.TABLE2), (bytes([Kind.TABLE2]) + table[1:], Kind.TABLE),
        (b"\0" + table[1:], Kind.TABLE), (table[:-1], Kind.TABLE), (table + b"\0", Kind.TABLE),
    ):  # fmt: skip
        with ape.reverts("table: none of this size"):
            step_look_up.entries(row + SLACK, len(row), kind, size, [0])
    other = {1: 4, 4: 8, 8: 1}[size]
    with ape.reverts("table: none of this size"):
        step_look_up.entries(table + SLACK, len(table), Kind.TABLE, other, [0])


@pytest.mark.parametrize(
    ("divisor", "modulus", "second_width"),
    [(1, 12, 3), (4, 3, 2), (1, 1, 1), (50, 7, 7), (3, 2**32 - 1, 5), (2**32 - 1, 9, 65_535)],
)
def test_second__of_every_element__is_what_the_executor_reads(
    step_look_up, divisor, modulus, second_width
):
    o = two(divisor=divisor, modulus=modulus, second_width=second_width)
    elements = list(range(o.count))
    rows, columns = step_look_up.second(words(o), elements)
    # every row that is read says where it is: its own first byte, and the column
    for k, row, column in zip(elements, rows, columns, strict=True):
        read = []

        def trace(number, read=read):
            read.append(number)
            return bytes(second_width + 10)

        step.right(o, k, lambda _: bytes(257), trace)
        assert row == read[1]
        assert column == k // divisor % modulus % second_width


def test_second__at_the_largest_numbers__does_not_overflow(step_look_up):
    most = 2**32 - 1
    o = two(second=most, second_width=1, modulus=most)
    assert step_look_up.second(words(o), [most - 1]) == ([2 * most - 1], [0])


@pytest.mark.parametrize("field", ["second_width", "divisor", "modulus"])
def test_second__that_divides_by_zero__reverts(step_look_up, field):
    with ape.reverts("table: divides by zero"):
        step_look_up.second(words(two(**{field: 0})), [0])
