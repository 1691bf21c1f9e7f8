"""`descriptors`: rows of operators of every kind, and each rule that one can break alone."""

import ape
import pytest
from counterfoil.programs import Kind, Operator
from step_cases import window, words

ZERO, WIDTH, COUNT, SOURCE, SOURCE_WIDTH, SIZE, PAD, TABLE = 1, 2, 8, 12, 16, 18, 19, 20
"""Offsets of fields. Source: docs/programs.md, section 3."""

FLAT = {"width": 3, "out": 70_000, "count": 2**32 - 1, "source": 9, "source_width": 65_535}
WINDOW = {
    "in_h": 65_535, "in_w": 2, "out_h": 3, "out_w": 4, "k_h": 255, "k_w": 6, "stride_h": 7,
    "stride_w": 8, "dilation_h": 9, "dilation_w": 10, "pad_h": 11, "pad_w": 255,
    "columns": 12, "per_group": 65_535, "width": 4_096, "source": 2**32 - 1,
}  # fmt: skip
EVERY = {
    Kind.DOT: window(Kind.DOT, **WINDOW, zero=255, pad=254, table=2**32 - 1),
    Kind.DOT32: window(Kind.DOT32, **{**WINDOW, "width": 1_024}, size=4, pad=7, table=1),
    Kind.LUT1: Operator(kind=Kind.LUT1, **FLAT, size=8, table=2),
    Kind.LUT2: Operator(
        kind=Kind.LUT2, **FLAT, size=4, table=3, second=2**32 - 1, second_width=65_535,
        divisor=2**32 - 1, modulus=2**32 - 2,
    ),
    Kind.MAX: window(Kind.MAX, **WINDOW),
    Kind.ARGMAX: Operator(kind=Kind.ARGMAX, **FLAT, size=8),
    Kind.COPY: Operator(
        kind=Kind.COPY, width=512, out=1, count=1, size=8, pad=255, table=2**32 - 1
    ),
    Kind.GATHER: Operator(kind=Kind.GATHER, **FLAT, table=5, entries=2**32 - 1, index_size=255),
    Kind.QUANT: Operator(kind=Kind.QUANT, **FLAT, zero=255, scale=2**32 - 1),
}  # fmt: skip
SIZES = {
    Kind.DOT: {1}, Kind.DOT32: {4}, Kind.LUT1: {1, 4, 8}, Kind.LUT2: {1, 4}, Kind.MAX: {1},
    Kind.ARGMAX: {8}, Kind.COPY: {1, 4, 8}, Kind.GATHER: {1}, Kind.QUANT: {1},
}  # fmt: skip
UNUSED = {
    Kind.DOT: [], Kind.DOT32: [ZERO], Kind.LUT1: [ZERO, PAD], Kind.LUT2: [ZERO, PAD, 30, 31],
    Kind.MAX: [ZERO, PAD, *range(TABLE, 24)], Kind.ARGMAX: [ZERO, PAD, *range(TABLE, 24)],
    Kind.COPY: [ZERO, *range(SOURCE, SIZE)], Kind.GATHER: [ZERO, PAD],
    Kind.QUANT: [PAD, *range(TABLE, 24)],
}  # fmt: skip
END = {
    Kind.DOT: 44, Kind.DOT32: 44, Kind.LUT1: 24, Kind.LUT2: 40, Kind.MAX: 44, Kind.ARGMAX: 24,
    Kind.COPY: 24, Kind.GATHER: 29, Kind.QUANT: 28,
}  # fmt: skip
"""Sizes of an element, bytes before the last field that mean nothing, and where fields end.

Source: docs/programs.md, section 3.
"""


@pytest.fixture(scope="session")
def descriptors(project, deployer):
    return deployer.deploy(project.DescriptorsHarness)


@pytest.fixture
def denies(descriptors):
    def check(row: bytes, reason: str) -> None:
        with ape.reverts(reason):
            descriptors.read(row, len(row))

    return check


def changed(row: bytes, at: int, value: bytes) -> bytes:
    return row[:at] + value + row[at + len(value) :]


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_read__of_every_kind__gives_its_fields(descriptors, kind):
    row = EVERY[kind].encode()
    assert tuple(descriptors.read(row, len(row))) == words(EVERY[kind])


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_read__of_a_size__is_what_the_kind_writes(descriptors, denies, kind):
    row = EVERY[kind].encode()
    for size in (0, 1, 2, 4, 8, 9, 255):
        small = changed(changed(row, WIDTH, b"\0\1"), SIZE, bytes([size]))
        if size in SIZES[kind]:
            assert descriptors.read(small, len(small)).size == size
        else:
            denies(small, "operator: elements of another size")


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_read__bytes_of_no_field__reverts(denies, kind):
    row = EVERY[kind].encode()
    for at in (*UNUSED[kind], END[kind], 55, 56, 63):
        denies(changed(row, at, b"\1"), "operator: a field that means nothing")


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_read__that_writes_or_reads_nothing__reverts(descriptors, denies, kind):
    row = EVERY[kind].encode()
    denies(changed(row, WIDTH, bytes(2)), "operator: writes nothing")
    denies(changed(row, COUNT, bytes(4)), "operator: writes nothing")
    without = changed(row, SOURCE_WIDTH, bytes(2))
    if kind is Kind.COPY:
        assert descriptors.read(without, 64).sourceWidth == 0
    else:
        denies(without, "operator: reads nothing")


@pytest.mark.parametrize("kind", EVERY, ids=lambda kind: kind.name)
def test_read__of_rows_of_4096_bytes__is_the_most(descriptors, denies, kind):
    row, size = EVERY[kind].encode(), EVERY[kind].size
    most = 4_096 // size
    assert descriptors.read(changed(row, WIDTH, most.to_bytes(2, "big")), 64).width == most
    denies(changed(row, WIDTH, (most + 1).to_bytes(2, "big")), "operator: writes rows too long")
    denies(changed(row, WIDTH, b"\xff\xff"), "operator: writes rows too long")


def test_read__another_kind_of_row__reverts(denies):
    row = EVERY[Kind.LUT1].encode()
    for kind in (0, 1, 2, 3, 0x10, 0x1A, 0x20, 0x21, 0x24, 0xFF):
        denies(changed(row, 0, bytes([kind])), "operator: another kind of row")


def test_read__of_another_length__reverts(denies):
    row = EVERY[Kind.LUT1].encode()
    for other in (b"", row[:63], row + b"\0"):
        denies(other, "operator: not 64 bytes")
