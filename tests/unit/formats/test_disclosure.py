"""Showing chosen chunks: to a reader by a file without the master, to a contract by a struct."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from counterfoil.errors import BadOpening
from counterfoil.formats.disclosure import chunk_only, contract_opening
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import chunk_count, open_chunk
from counterfoil.hashing.types import ZERO
from format_strategies import whole_sets
from hypothesis import given
from hypothesis import strategies as st

FILES = Path(__file__).parents[2] / "vectors/files"


@pytest.fixture
def full():
    return ReceiptFile.load(FILES / "good-full.json")


@given(whole=whole_sets, data=st.data())
def test_only__any_chunks_of_any_set__still_lead_to_its_digest(whole, data):
    chosen = {
        position: data.draw(st.sets(st.integers(0, chunk_count(len(t.data)) - 1)))
        for position, t in enumerate(whole.tensors)
    }
    part = whole.only(chosen)
    assert part.master is None
    assert part.commitment() == whole.commitment()
    assert [{c.index for c in t.opened} for t in part.partial] == list(chosen.values())
    for position, indices in chosen.items():
        for index in indices:
            expected = open_chunk(whole.tensors, whole.master, position, index)
            assert whole.chunk(position, index) == part.chunk(position, index) == expected
            assert expected.set_digest() == whole.commitment().digest
            narrower = part.only({position: [index]})
            assert narrower == whole.only({position: [index]})


def test_chunk_only__a_full_file__shows_these_chunks_and_no_secret(full):
    part = ReceiptFile.parse(chunk_only(full, "outputs", 0, [6, 1, 1]).dump())
    told = json.loads(part.dump())
    assert list(told["opening"]) == ["outputs"]
    first, second = told["opening"]["outputs"]["tensors"]
    assert [c["index"] for c in first["opened"]] == [1, 6]
    assert second["opened"] == []
    text = part.dump().decode()
    assert "master" not in told["opening"]["outputs"]
    for side in (full.opening.inputs, full.opening.outputs):
        assert side.master.hex() not in text
    assert part.opening.outputs.commitment().digest == full.receipt.outputs
    assert (part.receipt, part.inclusion, part.preimage) == (
        full.receipt, full.inclusion, full.preimage,
    )  # fmt: skip


def test_chunk_only__unknown_fields__are_left_out(full):
    noted = replace(
        full, extra={"note": "secret"}, nested={("opening", "outputs"): {"master2": "0x00"}}
    )
    text = chunk_only(noted, "outputs", 0, [0]).dump().decode()
    assert "secret" not in text
    assert "master2" not in text


def test_contract_opening__from_a_full_or_a_partial_file__is_the_same(full):
    part = chunk_only(full, "outputs", 0, [3])
    opening = contract_opening(part, "outputs", 0, 3)
    assert opening == contract_opening(full, "outputs", 0, 3)
    assert opening.set_digest() == full.receipt.outputs
    assert contract_opening(full, "inputs", 1, 0).set_digest() == full.receipt.inputs


@pytest.mark.parametrize(
    ("side", "position", "index", "message"),
    [
        ("inputs", 0, 0, "the file does not open the receipt's inputs"),
        ("outputs", 2, 0, "tensor 2 of a set of 2"),
        ("outputs", -1, 0, "tensor -1 of a set of 2"),
        ("outputs", 0, 2, "chunk 2 of tensor 0 is not shown"),
        ("outputs", 1, 0, "chunk 0 of tensor 1 is not shown"),
    ],
)
def test_contract_opening__what_the_file_does_not_show__is_refused(
    full, side, position, index, message
):
    part = chunk_only(full, "outputs", 0, [3])
    with pytest.raises(BadOpening, match=message):
        contract_opening(part, side, position, index)


@pytest.mark.parametrize("indices", [[7], [-1], [0, 7]])
def test_chunk_only__chunk_past_the_tensor__is_refused(full, indices):
    with pytest.raises(BadOpening, match="of a tensor of 7"):
        chunk_only(full, "outputs", 0, indices)


def test_chunk_only__no_opening__is_refused(full):
    with pytest.raises(BadOpening, match="does not open the receipt's outputs"):
        chunk_only(replace(full, opening=None), "outputs", 0, [0])


def test_contract_opening__another_set_than_the_receipt_s__is_refused(full):
    swapped = replace(
        full, opening=Opening(inputs=full.opening.outputs, outputs=full.opening.inputs)
    )
    with pytest.raises(BadOpening, match="does not lead to the receipt's outputs"):
        contract_opening(swapped, "outputs", 0, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": bytes(256)}, "chunk 1 of 'y' is not the committed one"),
        ({"salt": ZERO}, "chunk 1 of 'y' is not the committed one"),
        ({"index": 2}, "chunk 1 of 'y' is not the committed one|chunk 2 of 'y' is not"),
        ({"index": 7}, "chunk 7 of 'y': leaf 7 of a tree of 7"),
        ({"data": bytes(255)}, "chunk 1 of 'y' has the wrong length"),
        ({"index": 6}, "chunk 6 of 'y' has the wrong length"),
        ({"path": ()}, "chunk 1 of 'y': a path of 0 for leaf 1 of 7, which has 3"),
    ],
)
def test_commitment__a_chunk_that_leads_elsewhere__is_refused(full, changes, message):
    part = full.opening.outputs.only({0: [1]})
    chunk = replace(part.partial[0].opened[0], **changes)
    changed = replace(part, partial=(replace(part.partial[0], opened=(chunk,)), *part.partial[1:]))
    with pytest.raises(BadOpening, match=message):
        changed.commitment()


def test_set_opening__the_two_forms_mixed__are_refused(full):
    whole = full.opening.outputs
    with pytest.raises(BadOpening, match="whole tensors need their set's master"):
        SetOpening(master=None, tensors=whole.tensors)
    with pytest.raises(BadOpening, match="without the set's master"):
        SetOpening(master=ZERO, partial=whole.only({}).partial)
