"""Receipt files: there and back, unknown fields, and every way in which one is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from counterfoil import errors
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import ReceiptFile
from format_strategies import json_values, objects_of, receipt_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

VECTORS = Path(__file__).parents[2] / "vectors"
FILES = json.loads((VECTORS / "files.json").read_bytes())
GOOD = [f for f in FILES if "digest" in f]
BAD = [f for f in FILES if "error" in f]
READERS = {"receipt": ReceiptFile, "batch": BatchFile}

relaxed = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@relaxed
@given(receipt_files)
def test_receipt_file__any__comes_back_equal(file):
    raw = file.dump()
    back = ReceiptFile.parse(raw)
    assert back == file
    assert back.dump() == raw
    assert back.digest == file.digest


@relaxed
@given(file=receipt_files, data=st.data())
def test_receipt_file__unknown_fields_anywhere__are_kept_and_change_nothing(file, data):
    told = json.loads(file.dump())
    added = 0
    for known in objects_of(told):
        if data.draw(st.booleans()):
            known["unknown field"] = data.draw(json_values)
            added += 1
    back = ReceiptFile.parse(json.dumps(told).encode())
    assert json.loads(back.dump()) == told
    assert back.extra == file.extra
    assert len(back.nested) == added
    assert back.receipt == file.receipt
    assert back.opening == file.opening
    assert back.preimage == file.preimage


def test_receipt_file__optional_fields_that_are_null__are_absent():
    told = json.loads((VECTORS / "files/good-plain.json").read_bytes())
    told |= {"inclusion": None, "opening": None, "preimage": None}
    file = ReceiptFile.parse(json.dumps(told).encode())
    assert (file.inclusion, file.opening, file.preimage) == (None, None, None)


def test_receipt_file__unknown_fields_of_what_was_replaced__are_let_go():
    file = ReceiptFile.load(VECTORS / "files/good-unknown.json")
    told = json.loads(replace(file, opening=None).dump())
    assert "opening" not in told
    assert told["receipt"]["more"] == 1


def test_dump__unknown_fields_named_like_known_ones__replace_nothing():
    file = ReceiptFile.load(VECTORS / "files/good-plain.json")
    forged = replace(file, extra={"signature": "0x"}, nested={("receipt",): {"sequence": 7}})
    assert ReceiptFile.parse(forged.dump()) == file


@pytest.mark.parametrize("name", ["sequence", "issuedAt", "settleBy"])
@pytest.mark.parametrize("value", [0, 1, 2**53 - 1, 2**53, 2**64 - 1])
def test_receipt_file__numbers_as_decimal_strings__are_taken(name, value):
    told = json.loads((VECTORS / "files/good-plain.json").read_bytes())
    told["receipt"][name] = str(value)
    back = json.loads(ReceiptFile.parse(json.dumps(told).encode()).dump())
    assert back["receipt"][name] == (value if value < 2**53 else str(value))


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_receipt_file__address_in_one_case__is_taken(change):
    told = json.loads((VECTORS / "files/good-plain.json").read_bytes())
    ledger = told["ledger"]
    told["ledger"] = "0x" + change(ledger[2:])
    assert ReceiptFile.parse(json.dumps(told).encode()).ledger == ledger


@pytest.mark.parametrize("case", GOOD, ids=[f["file"] for f in GOOD])
def test_files__good_vector__is_read_and_written_unchanged(case):
    path = VECTORS / "files" / case["file"]
    file = READERS[case["kind"]].load(path)
    assert file.dump() == path.read_bytes()
    digest = (
        file.digest if case["kind"] == "receipt" else file.batch.digest(file.chain_id, file.ledger)
    )
    assert "0x" + digest.hex() == case["digest"]


@pytest.mark.parametrize("case", BAD, ids=[f["file"] for f in BAD])
def test_files__bad_vector__is_refused_with_its_error_and_message(case):
    with pytest.raises(errors.FormatError) as caught:
        READERS[case["kind"]].load(VECTORS / "files" / case["file"])
    assert type(caught.value).__name__ == case["error"]
    message = str(caught.value)
    assert case["message"] in message
    assert "\n" not in message
    assert len(message) < 300


def test_files__bad_vectors__are_many():
    assert len(BAD) > 100
    assert len({f["message"] for f in BAD}) > 60


def test_load__missing_file__is_refused(tmp_path):
    for reader in READERS.values():
        for path in (tmp_path / "none.json", tmp_path, tmp_path / "nul\0"):
            with pytest.raises(errors.MalformedFile, match="cannot read") as caught:
                reader.load(path)
            assert "\n" not in str(caught.value)


@given(st.binary(max_size=300))
def test_parse__any_bytes__are_refused_in_one_line(raw):
    with pytest.raises(errors.MalformedFile) as caught:
        ReceiptFile.parse(raw)
    assert "\n" not in str(caught.value)


@given(data=st.data())
def test_parse__a_good_file_with_any_value_replaced__is_taken_or_refused(data):
    """Whatever stands in a field, there is an answer and it is one of ours."""
    told = json.loads((VECTORS / "files/good-full.json").read_bytes())
    target = data.draw(st.sampled_from([told, *objects_of(told)]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(json_values)
    try:
        file = ReceiptFile.parse(json.dumps(told).encode())
    except errors.FormatError as error:
        assert "\n" not in str(error)
    else:
        assert ReceiptFile.parse(file.dump()) == file
