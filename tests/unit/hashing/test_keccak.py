"""Keccak-256 against known digests and another implementation."""

import numpy as np
import pytest
from counterfoil.hashing.keccak import keccak, keccak_rows
from Crypto.Hash import keccak as other
from hypothesis import given
from hypothesis import strategies as st

# From the Keccak team's known answers for 256 bits, and Solidity's well-known selectors.
KNOWN = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    b"Transfer(address,address,uint256)": (
        "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    ),
    b"\xcc": "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a",
}


@pytest.mark.parametrize("message", KNOWN)
def test_keccak__known_message__known_digest(message):
    assert keccak(message).hex() == KNOWN[message]


@given(st.binary(max_size=600))
def test_keccak__any_message__equals_another_implementation(message):
    assert keccak(message) == other.new(digest_bits=256, data=message).digest()


@given(st.integers(0, 20), st.sampled_from([0, 1, 31, 32, 33, 64, 65, 135, 136, 137, 300]))
def test_keccak_rows__any_shape__is_keccak_of_each(count, length):
    rows = np.random.default_rng(count).integers(0, 256, (count, length), dtype=np.uint8)
    expected = b"".join(keccak(row.tobytes()) for row in rows)
    found = keccak_rows(rows)
    assert found.shape == (count, 32)
    assert found.tobytes() == expected


def test_keccak_rows__strided_view__reads_rows_in_order():
    wide = np.arange(400, dtype=np.uint32).astype(np.uint8).reshape(20, 20)
    rows = wide[::2, ::-3]
    assert keccak_rows(rows).tobytes() == b"".join(keccak(row.tobytes()) for row in rows)
