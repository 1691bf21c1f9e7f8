"""Addresses by CREATE2, and the record of deployments."""

import json

import pytest
from counterfoil import artefacts
from counterfoil.chain.deployment import (
    LEDGER,
    PROXY,
    PROXY_DEPLOYER,
    PROXY_FUNDS,
    PROXY_TRANSACTION,
    REGISTRY,
    SALT,
    Deployed,
    Deployment,
    create2_address,
    plans,
    read_record,
    shipped_record,
    write_record,
)
from counterfoil.errors import BadDeploymentRecord
from eth_account import Account
from eth_utils import keccak, to_checksum_address

LEDGER_AT = "0x" + "22" * 20


def deployment(genesis="0x" + "11" * 32):
    made = Deployed(address=LEDGER_AT, block=7, transaction="0x12", salt="0x34", grace=7200)
    return Deployment(genesis=genesis, contracts={LEDGER: made})


# EIP-1014's own examples.
@pytest.mark.parametrize(
    ("sender", "salt", "code", "address"),
    [
        ("00" * 20, "00" * 32, "00", "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"),
        ("deadbeef" + "00" * 16, "00" * 32, "00", "0xB928f69Bb1D91Cd65274e3c79d8986362984fDA3"),
        (
            "00000000000000000000000000000000deadbeef",
            "00" * 28 + "cafebabe",
            "deadbeef",
            "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7",
        ),
        ("00" * 20, "00" * 32, "", "0xE33C0C7F7df4809055C3ebA6c09CFe4BaF1BD9e0"),
    ],
)
def test_create2_address__eips_examples__agree(sender, salt, code, address):
    found = create2_address(bytes.fromhex(code), salt=bytes.fromhex(salt), sender="0x" + sender)
    assert found == address


def test_proxy_transaction__is_the_deployers_first_and_affordable():
    assert Account.recover_transaction(PROXY_TRANSACTION) == PROXY_DEPLOYER
    first = keccak(b"\xd6\x94" + bytes.fromhex(PROXY_DEPLOYER[2:]) + b"\x80")[12:]  # RLP, nonce 0
    assert to_checksum_address(first) == PROXY
    price, gas = 100 * 10**9, 100_000
    assert price.to_bytes(5, "big") in PROXY_TRANSACTION
    assert gas.to_bytes(3, "big") in PROXY_TRANSACTION
    assert price * gas == PROXY_FUNDS


def test_plans__grace__moves_the_ledger_and_nothing_else():
    codes = {
        name: bytes.fromhex(artefacts.load(name)["bytecode"][2:]) for name in (LEDGER, REGISTRY)
    }
    ledger, registry = plans(codes)
    shipped = artefacts.addresses()
    assert all(shipped[each.name] == each.address for each in (ledger, registry))
    other, same = plans(codes, grace=0)
    assert other.address != ledger.address
    assert same == registry
    assert ledger.data == SALT + codes[LEDGER] + (7200).to_bytes(32, "big")


def test_record__written__reads_back_and_keeps_other_chains(tmp_path):
    path = tmp_path / "build" / "deployments.json"
    write_record(path, 1337, deployment("0x01"))
    write_record(path, 5, deployment())
    write_record(path, 1337, deployment("0x02"))
    assert read_record(path) == {5: deployment(), 1337: deployment("0x02")}


def test_record__what_somebody_else_deployed__has_no_block(tmp_path):
    path = tmp_path / "deployments.json"
    found = Deployment(genesis="0x", contracts={REGISTRY: Deployed(address=LEDGER_AT)})
    write_record(path, 1, found)
    assert json.loads(path.read_text(encoding="utf-8"))["1"][REGISTRY] == {"address": LEDGER_AT}
    assert read_record(path) == {1: found}


def test_record__no_file__is_empty(tmp_path):
    assert read_record(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"x": {}}',
        '{"1": {}}',
        '{"1": 2}',
        '{"1": {"genesis": "0x", "a": {"b": 1}}}',
    ],
)
def test_record__no_record__is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "deployments.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadDeploymentRecord, match="is no record of deployments"):
        read_record(path)
    with pytest.raises(BadDeploymentRecord):
        write_record(path, 1, deployment())
    assert path.read_text(encoding="utf-8") == text


def test_shipped_record__is_one():
    assert isinstance(shipped_record(), dict)
