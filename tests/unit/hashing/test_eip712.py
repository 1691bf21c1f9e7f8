"""Digests made by hand against eth-account's generic encoder, for every struct."""

import pytest
from counterfoil.formats.receipt import Receipt
from counterfoil.hashing.eip712 import address_word, digest, domain_separator, word
from counterfoil.hashing.types import ZERO
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st
from typed_structs import DOMAIN, SIGNED, STRUCTS, addresses, chain_ids, message, types_of


def generic(kind, value, chain_id=1, ledger="0x" + "00" * 20):
    """eth-account's domain separator and hashStruct."""
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [{"name": n, "type": t} for n, t in DOMAIN],
                **types_of(kind),
            },
            "primaryType": kind,
            "domain": {
                "name": "Counterfoil",
                "version": "1",
                "chainId": chain_id,
                "verifyingContract": ledger,
            },
            "message": message(kind, value),
        }
    )
    return bytes(signable.header), bytes(signable.body)


@pytest.mark.parametrize("kind", [k for k in STRUCTS if k not in SIGNED])
@given(data=st.data())
def test_struct_hash__any_value__equals_eth_account(kind, data):
    value = data.draw(STRUCTS[kind])
    assert generic(kind, value)[1] == value.digest


@pytest.mark.parametrize("kind", SIGNED)
@given(data=st.data(), chain_id=chain_ids, ledger=addresses)
def test_digest__any_value_chain_and_ledger__equals_eth_account(kind, data, chain_id, ledger):
    value = data.draw(STRUCTS[kind])
    domain, struct_hash = generic(kind, value, chain_id, ledger)
    assert domain == domain_separator(chain_id, ledger)
    assert value.digest(chain_id, ledger) == digest(domain, struct_hash)
    if isinstance(value, Receipt):
        assert value.struct_hash == struct_hash


@given(chain_id=chain_ids, ledger=addresses)
def test_domain_separator__another_chain_or_ledger__is_another(chain_id, ledger):
    other = domain_separator(chain_id ^ 1, ledger)
    assert domain_separator(chain_id, ledger) != other
    assert domain_separator(chain_id, ledger) == domain_separator(chain_id, ledger.lower())


@pytest.mark.parametrize(
    "address", ["", "0x", "0x" + "11" * 19, "0x" + "11" * 21, "11" * 21, "0x" + "gg" * 20]
)
def test_address_word__no_address__is_refused(address):
    with pytest.raises(ValueError, match=r"is no address|non-hexadecimal"):
        address_word(address)


def test_word__outside_256_bits__is_refused():
    assert word(2**256 - 1) == b"\xff" * 32
    assert word(0) == ZERO
    for value in (-1, 2**256):
        with pytest.raises(OverflowError):
            word(value)
