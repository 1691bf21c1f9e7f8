"""The one form of a signature that is taken, against eth-account's signing."""

import json
from pathlib import Path

import coincurve
import pytest
from counterfoil.errors import BadSignature
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import (
    HALF_ORDER,
    ORDER,
    checksummed,
    public_address,
    recover,
    sign,
)
from eth_account import Account
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

digests = st.binary(min_size=32, max_size=32)
secrets = st.integers(1, ORDER - 1).map(lambda n: n.to_bytes(32, "big"))
VECTORS = json.loads((Path(__file__).parents[2] / "vectors/signatures.json").read_bytes())


@given(digest=digests, secret=secrets)
def test_sign__any_digest_and_key__is_eth_account_s_signature(digest, secret):
    account = Account.from_key(secret)
    signature = sign(digest, coincurve.PrivateKey(secret))
    assert signature == bytes(account.unsafe_sign_hash(digest).signature)
    assert recover(digest, signature) == account.address
    assert Account._recover_hash(digest, signature=signature) == account.address


@given(digest=digests, secret=secrets)
def test_recover__the_same_signature_in_the_upper_half__is_refused(digest, secret):
    signature = sign(digest, coincurve.PrivateKey(secret))
    s = int.from_bytes(signature[32:64], "big")
    assert 1 <= s <= HALF_ORDER
    upper = signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])
    # Malleable: it is as good a signature for those who do not look.
    assert Account._recover_hash(digest, signature=upper) == recover(digest, signature)
    with pytest.raises(BadSignature, match="upper half"):
        recover(digest, upper)


@given(raw=st.binary(max_size=100), digest=digests)
def test_recover__any_bytes__is_an_address_or_bad_signature(raw, digest):
    try:
        address = recover(digest, raw)
    except BadSignature as error:
        assert "\n" not in str(error)
    else:
        assert len(raw) == 65
        assert raw[64] in (27, 28)
        assert int(address, 16) != 0


@given(digest=digests, secret=secrets, bit=st.integers(0, 255))
def test_recover__another_digest__is_another_address(digest, secret, bit):
    signature = sign(digest, coincurve.PrivateKey(secret))
    other = (int.from_bytes(digest, "big") ^ 1 << bit).to_bytes(32, "big")
    try:
        assert recover(other, signature) != recover(digest, signature)
    except BadSignature as error:
        assert str(error) == "the signature recovers to no key"


@pytest.mark.parametrize("v", [0, 1, 26, 29, 35, 36, 255])
def test_recover__v_neither_27_nor_28__is_refused(v):
    signature = sign(keccak(b""), coincurve.PrivateKey(keccak(b"key")))
    with pytest.raises(BadSignature, match=f"v is 27 or 28, this one's {v}"):
        recover(keccak(b""), signature[:64] + bytes([v]))


@pytest.mark.parametrize("length", [0, 1, 64, 66, 130])
def test_recover__wrong_length__is_refused(length):
    with pytest.raises(BadSignature, match=f"65 bytes, this one {length}"):
        recover(keccak(b""), b"\x1b" * length)


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (2**256 - 1, 1), (5, 1)],
    ids=["r zero", "s zero", "r the order", "r past the field", "r no point"],
)  # fmt: skip
def test_recover__r_and_s_of_no_point__are_refused(r, s):
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    for v in (b"\x1b", b"\x1c"):
        with pytest.raises(BadSignature, match="recovers to no key"):
            recover(keccak(b""), raw + v)


def test_recover__s_at_the_half__is_taken_and_one_more_is_not():
    r = sign(keccak(b""), coincurve.PrivateKey(keccak(b"key")))[:32]
    assert recover(keccak(b""), r + HALF_ORDER.to_bytes(32, "big") + b"\x1b").startswith("0x")
    with pytest.raises(BadSignature, match="upper half"):
        recover(keccak(b""), r + (HALF_ORDER + 1).to_bytes(32, "big") + b"\x1b")


@pytest.mark.parametrize("case", VECTORS, ids=[case["name"] for case in VECTORS])
def test_recover__vector__address_or_refusal(case):
    digest, raw = (bytes.fromhex(case[name][2:]) for name in ("digest", "signature"))
    if case["address"] is None:
        with pytest.raises(BadSignature):
            recover(digest, raw)
    else:
        assert recover(digest, raw) == case["address"]


@given(raw=st.binary(min_size=20, max_size=20))
def test_checksummed__any_address__is_eth_utils_s(raw):
    assert checksummed(raw) == to_checksum_address(raw)


@given(secret=secrets)
def test_public_address__any_key__is_eth_account_s(secret):
    public = coincurve.PrivateKey(secret).public_key.format(compressed=False)
    assert public_address(public) == Account.from_key(secret).address
