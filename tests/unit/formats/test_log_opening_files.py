"""The signer's word on its way to the operator."""

import json

import pytest
from coincurve import PrivateKey
from counterfoil.errors import MalformedFile
from counterfoil.formats.batch import LogOpening
from counterfoil.formats.log_opening_file import LogOpeningFile
from counterfoil.hashing.signature import public_address, sign

LEDGER = "0x" + "22" * 20
OPERATOR = "0x" + "11" * 20


@pytest.fixture
def signed():
    key = PrivateKey.from_int(7)
    signer = public_address(key.public_key.format(compressed=False))
    opening = LogOpening(operator=OPERATOR, signer=signer, closes_at=2**63 - 1, max_delay=3600)
    signature = sign(opening.digest(1, LEDGER), key)
    return LogOpeningFile(chain_id=1, ledger=LEDGER, opening=opening, signature=signature)


def test_log_opening_file__written__reads_back(signed, tmp_path):
    path = tmp_path / "opening.json"
    path.write_bytes(signed.dump())
    assert LogOpeningFile.load(path) == signed
    assert signed.signed_by() == signed.opening.signer


@pytest.mark.parametrize(
    "field", ["chainId", "ledger", "operator", "signer", "closesAt", "maxDelay", "signature"]
)
def test_log_opening_file__field_missing__is_named(signed, field):
    fields = json.loads(signed.dump())
    del fields[field]
    with pytest.raises(MalformedFile, match=field):
        LogOpeningFile.parse(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [("maxDelay", 2**32), ("closesAt", -1), ("signature", "0x00"), ("operator", "0x12")],
)
def test_log_opening_file__field_out_of_bounds__is_named(signed, field, value):
    fields = json.loads(signed.dump()) | {field: value}
    with pytest.raises(MalformedFile, match=field):
        LogOpeningFile.parse(json.dumps(fields).encode())


def test_log_opening_file__changed__is_by_somebody_else(signed):
    fields = json.loads(signed.dump()) | {"maxDelay": 60}
    changed = LogOpeningFile.parse(json.dumps(fields).encode())
    assert changed.signed_by() != changed.opening.signer
