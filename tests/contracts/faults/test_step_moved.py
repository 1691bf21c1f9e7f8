"""`step_moved`: where COPY and GATHER take their elements from."""

import ape
import numpy as np
import pytest
from counterfoil.programs import Kind, Operator
from counterfoil.programs.rows import PADDING, index_rows
from step_cases import SLACK, words

MOST = 2**22
"""Rows of a program. Source: docs/programs.md, section 7."""


@pytest.fixture(scope="session")
def step_moved(project, deployer):
    return deployer.deploy(project.StepMovedHarness)


def gathers(**fields):
    made = {
        "kind": Kind.GATHER, "out": 99, "count": 24, "width": 4, "source": 9, "source_width": 2,
        "table": 5, "entries": 3, "index_size": 8, **fields,
    }  # fmt: skip
    return Operator(**made)


# COPY


def test_source__of_every_element__is_its_entry(step_moved):
    rng = np.random.default_rng(6)
    rows = rng.integers(0, 2**32, 100)
    columns = rng.integers(0, 2**16, 100)
    rows[[3, 63, 64, 99]], columns[[3, 63, 64, 99]] = PADDING, 0
    rows[7], columns[7] = PADDING - 1, 65_535
    for place, index in enumerate(index_rows(rows, columns)):
        elements = list(range(64 * place, min(64 * place + 64, 100)))
        found = step_moved.sources(index + SLACK, len(index), elements)
        assert found == ([int(rows[k]) for k in elements], [int(columns[k]) for k in elements])


def test_source__past_the_index_row__reverts(step_moved):
    (index,) = index_rows(np.arange(5), np.zeros(5, dtype=np.int64))
    step_moved.sources(index + SLACK, len(index), [4, 64 + 4])
    for k in (5, 63, 64 + 5):
        with ape.reverts("copy: no index"):
            step_moved.sources(index + SLACK, len(index), [k])
    with ape.reverts("copy: no index"):
        step_moved.sources(index + SLACK, len(index) - 1, [4])


@pytest.mark.parametrize("kind", [0, Kind.TABLE, Kind.EMBEDDING, 0x25])
def test_source__of_another_kind_of_row__reverts(step_moved, kind):
    with ape.reverts("copy: no index"):
        step_moved.sources(bytes([kind]) + bytes(100), 100, [0])


def test_source__of_padding_with_a_column__reverts(step_moved):
    index = bytes([Kind.INDEX]) + PADDING.to_bytes(4, "big") + b"\0\1"
    with ape.reverts("copy: padding with a column"):
        step_moved.sources(index + SLACK, len(index), [0])


@pytest.mark.parametrize("size", [1, 4, 8])
def test_padding__of_any_byte__fills_the_element(step_moved, size):
    for pad in (0, 1, 128, 255):
        assert step_moved.padding(pad, size).to_bytes(size, "big") == bytes([pad]) * size


# GATHER


@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("source_width", [1, 2, 512])
def test_index_place__of_every_element__is_the_flat_sources(step_moved, size, source_width):
    o = gathers(index_size=size, source_width=source_width)
    for k in (0, 3, 4, 11, 12, 23):
        row, column = divmod(k // 4, source_width)
        assert step_moved.index_place(words(o), k) == (9 + row, column * size, size)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 16, 255])
def test_index_place__of_an_index_of_another_size__reverts(step_moved, size):
    with ape.reverts("gather: index of another size"):
        step_moved.index_place(words(gathers(index_size=size)), 0)


def test_index_place__of_no_entries_or_too_many__reverts(step_moved):
    for entries in (1, MOST):
        step_moved.index_place(words(gathers(entries=entries)), 0)
    for entries in (0, MOST + 1, 2**32 - 1):
        with ape.reverts("gather: another number of entries"):
            step_moved.index_place(words(gathers(entries=entries)), 0)


@pytest.mark.parametrize("count", [23, 25, 1])
def test_index_place__of_part_of_a_row__reverts(step_moved, count):
    with ape.reverts("gather: part of a row"):
        step_moved.index_place(words(gathers(count=count)), 0)


@pytest.mark.parametrize("width", [1, 33, 4_096])
def test_embedding__of_any_column__is_its_byte(step_moved, width):
    row = bytes([Kind.EMBEDDING]) + np.random.default_rng(width).bytes(width)
    for column in {0, width // 2, width - 1}:
        found = step_moved.embedding(row + SLACK, len(row), width, column)
        assert found == row[1 + column]
    for other, length in ((row, len(row) + 1), (row, len(row) - 1), (b"\x24" + row[1:], len(row))):
        with ape.reverts("gather: no embedding"):
            step_moved.embedding(other + SLACK, length, width, 0)
