"""`calldata_words`: numbers of any size at any offset, against Python's."""

import numpy as np
import pytest

DATA = np.random.default_rng(1).integers(0, 256, 96, dtype=np.uint8).tobytes()


@pytest.fixture(scope="session")
def calldata_words(project, deployer):
    return deployer.deploy(project.CalldataWordsHarness)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8, 10, 31, 32])
def test_number__of_any_size__is_big_endian(calldata_words, size):
    for at in (0, 1, 5, 31, 32, 64, len(DATA) - size):
        expected = int.from_bytes(DATA[at : at + size], "big")
        assert calldata_words.number(at, size, DATA) == expected


def test_number__of_no_byte__is_zero(calldata_words):
    # 256 bits less are a shift by all of them
    assert calldata_words.number(7, 0, b"\xff" * 32) == 0


@pytest.mark.parametrize("size", [1, 4, 8])
def test_swapped__every_byte__changes_its_place(calldata_words, size):
    for value in (DATA[:size], b"\0" * size, b"\xff" * size, bytes(range(1, size + 1))):
        plain, expected = (int.from_bytes(value, way) for way in ("big", "little"))
        assert calldata_words.swapped(plain, size) == expected
