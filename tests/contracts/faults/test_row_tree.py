"""`row_tree`: rows in calldata and the root above several of them, against trees of Python's."""

from itertools import pairwise

import ape
import numpy as np
import pytest
from counterfoil.hashing import merkle
from counterfoil.programs.proving import shown
from tall_trees import TallTree

BEFORE = b"\xab" * 512
"""What stands before rows: no leaf is longer than the slice that it is cut from."""

STEPS = [96, 512, 928, 1_344, 1_760, 2_176, 2_592, 3_008, 3_424, 3_840, 4_256, 4_621]
"""Widths of slices, of a leaf and so of a row and a byte."""


@pytest.fixture(scope="session")
def row_tree(project, deployer):
    return deployer.deploy(project.RowTreeHarness)


@pytest.fixture
def read(row_tree):
    """Hashes, places and lengths of what lies behind `BEFORE`."""

    def ask(rows: bytes, behind: bytes = b""):
        stop = len(BEFORE) + len(rows)
        return row_tree.rows(BEFORE + rows + behind, len(BEFORE), stop)

    return ask


@pytest.mark.parametrize("width", STEPS)
def test_row__of_lengths_around_each_slice__is_hashed_whole(read, width):
    """At the very end of calldata, and with more behind."""
    rng = np.random.default_rng(width)
    for length in {width - 2, width - 1, min(width, 4_620)}:
        row = rng.bytes(length)
        for behind in (b"", b"\xcd" * 700):
            (hashed,), (place,), (long,) = read(shown([row]), behind)
            assert (hashed, place, long) == (merkle.leaf(row), len(BEFORE) + 3, length)


def test_row__several_one_behind_the_other__are_found_each(read):
    rows = [b"", b"\1", bytes(40), np.random.default_rng(8).bytes(3_000), b"", b"\2" * 96]
    hashes, places, lengths = read(shown(rows))
    assert hashes == [merkle.leaf(row) for row in rows]
    assert lengths == [len(row) for row in rows]
    assert [b - a for a, b in pairwise(places)] == [length + 3 for length in lengths[:-1]]


def test_row__68_of_them__are_the_most_that_a_step_shows(read):
    rows = [bytes([n]) * n for n in range(68)]
    assert read(shown(rows))[0] == [merkle.leaf(row) for row in rows]


def test_row__that_is_none__reverts(read):
    for cut in (b"\0\1", b"\0", b"\0\1\0", b"\0\5\0abcd"):
        with ape.reverts("row: cut short"):
            read(cut, behind=b"\1" * 100)
    with ape.reverts("row: no leaf"):
        read(b"\0\1\1a")
    with ape.reverts("row: too long"):
        read((4_621).to_bytes(2, "big") + bytes(1 + 4_621))


def test_length_in_bits__of_every_power_and_beside_it(row_tree):
    numbers = sorted({max(0, 2**n + d) for n in range(32) for d in (-1, 0, 1)})
    assert row_tree.lengths_in_bits(numbers) == [n.bit_length() for n in numbers]


def test_height__of_a_count__holds_it(row_tree):
    for count in (1, 2, 3, 4, 5, 64, 65, 2**21 + 1, 2**22 - 1, 2**22):
        assert row_tree.height(count) == (count - 1).bit_length()
    for count in (0, 2**22 + 1, 2**256 - 1):
        with ape.reverts("row: tree of another size"):
            row_tree.height(count)


# Several rows of one tree


def proof(numbers, height, before=0, behind=0):
    """The arguments of `root`, and the root; another tree's rows are before and behind."""
    rows = {number: b"row %d" % number for number in numbers}
    tree = TallTree(rows, height, b"tree")
    hashes = [merkle.leaf(rows[number]) for number in sorted(numbers)]
    others = [[merkle.leaf(b"another tree's")] * count for count in (before, behind)]
    shown = others[0] + hashes + others[1]
    numbers = [*[2**31] * before, *sorted(numbers), *[0] * behind]
    return [tree.siblings, shown, numbers, before, before + len(hashes), height], tree.root


@pytest.mark.parametrize("height", [0, 1, 2, 3, 4, 5, 7, 8, 9, 21, 22])
def test_root__of_one_row__takes_every_layers_sibling(row_tree, height):
    for number in {0, 2**height - 1, 2**height // 3}:
        arguments, root = proof([number], height)
        assert row_tree.root(*arguments) == (root, height)


@pytest.mark.parametrize("height", [1, 2, 5, 6, 22])
@pytest.mark.parametrize("seed", range(4))
def test_root__of_several_rows__is_the_trees(row_tree, height, seed):
    """Close together, far apart, and with another tree's hashes before theirs."""
    rng = np.random.default_rng(100 * height + seed)
    size = 2**height
    count = int(rng.integers(1, min(size, 66) + 1))
    near = size if seed % 2 else min(size, 2 * count)
    start = int(rng.integers(size - near + 1))
    numbers = sorted({int(n) for n in start + rng.choice(near, min(count, near), replace=False)})
    arguments, root = proof(numbers, height, before=seed % 3, behind=seed % 2)
    assert row_tree.root(*arguments) == (root, len(arguments[0]))


def test_root__of_a_whole_tree__takes_none(row_tree):
    arguments, root = proof(range(64), 6)
    assert arguments[0] == []
    assert row_tree.root(*arguments) == (root, 0)


def test_root__of_68_rows_that_share_nothing_low__takes_the_most_siblings(row_tree):
    numbers = [n << 15 | n * 7 for n in range(66)]
    arguments, root = proof(numbers, 22)
    found, taken = row_tree.root(*arguments)
    assert (found, taken) == (root, len(arguments[0]))
    assert taken > 900


def test_root__with_more_siblings__leaves_them(row_tree):
    (siblings, *others), root = proof([3, 9], 5)
    more = [*siblings, bytes(32), bytes(32)]
    assert row_tree.root(more, *others) == (root, len(siblings))


def test_root__of_another_row_or_place__is_another(row_tree):
    (siblings, hashes, numbers, *others), root = proof([3, 9], 5)
    changed = (
        (siblings, [hashes[1], hashes[0]], numbers), (siblings, hashes, [2, 9]),
        (siblings[::-1], hashes, numbers), ([bytes(32), *siblings[1:]], hashes, numbers),
    )  # fmt: skip
    for made in changed:
        assert row_tree.root(*made, *others)[0] != root


def test_root__that_cannot_be__reverts(row_tree):
    (siblings, hashes, _, *others), _ = proof([3, 9], 5)
    for numbers in ([9, 3], [3, 3], [9, 9]):
        with ape.reverts("row: numbers not ascending"):
            row_tree.root(siblings, hashes, numbers, *others)
    for numbers in ([3, 32], [3, 2**40]):
        with ape.reverts("row: outside the tree"):
            row_tree.root(siblings, hashes, numbers, *others)
    for fewer in (siblings[:-1], []):
        with ape.reverts("row: siblings missing"):
            row_tree.root(fewer, hashes, [3, 9], *others)
