"""Batch files: there and back, and every path from them."""

import json
from pathlib import Path

import pytest
from counterfoil.errors import BadPath, EmptyTree, FileTooLarge
from counterfoil.formats import batch_file
from counterfoil.formats.batch import batch_tree, batch_word
from counterfoil.formats.batch_file import BatchFile
from counterfoil.hashing import merkle, merkle_spec
from counterfoil.hashing.keccak import keccak
from eth_abi import encode
from format_strategies import batch_files
from hypothesis import given
from hypothesis import strategies as st
from typed_structs import bytes32, u64

VECTORS = Path(__file__).parents[2] / "vectors"


@given(batch_files())
def test_batch_file__any__comes_back_equal(file):
    raw = file.dump()
    back = BatchFile.parse(raw)
    assert back == file
    assert back.dump() == raw


@given(batch_files())
def test_batch_file__every_receipt__has_its_path_to_the_root(file):
    for place in range(file.batch.size):
        digest = file.digests[32 * place : 32 * place + 32]
        inclusion = file.inclusion(file.batch.first + place, 7)
        root = inclusion.root(merkle.leaf(digest), file.batch.first + place)
        assert root == file.batch.root
        assert merkle_spec.accepts(
            merkle.leaf(digest), place, file.batch.size, inclusion.path, file.batch.root
        )
    for outside in (file.batch.first - 1, file.batch.first + file.batch.size):
        with pytest.raises(BadPath):
            file.inclusion(outside, 7)
        with pytest.raises(BadPath):
            inclusion.root(merkle.leaf(digest), outside)


def test_batch_file__unknown_fields__are_kept():
    told = json.loads((VECTORS / "files/good-batch.json").read_bytes())
    told["note"], told["batch"]["note"] = [1], {"a": 2**70}
    file = BatchFile.parse(json.dumps(told).encode())
    assert json.loads(file.dump()) == told
    assert file.extra == {"note": [1]}


@given(root=bytes32, size=u64, posted_at=u64)
def test_batch_word__any__is_the_abi_encoding_s_keccak(root, size, posted_at):
    encoded = encode(["bytes32", "uint64", "uint64"], [root, size, posted_at])
    assert batch_word(root, size, posted_at) == keccak(encoded)


@given(st.lists(bytes32, min_size=1, max_size=40))
def test_batch_tree__any_digests__is_the_specification_s(digests):
    expected = merkle_spec.tree_root([keccak(b"\0" + d) for d in digests])
    assert batch_tree(b"".join(digests)).root == expected


def test_batch_tree__no_or_broken_digests__are_refused():
    with pytest.raises(EmptyTree):
        batch_tree(b"")
    with pytest.raises(BadPath, match="33 bytes are no whole number of digests"):
        batch_tree(bytes(33))


def test_batch_file__over_a_gibibyte__is_refused(tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(batch_file.MAX_BYTES + 1)
    assert path.stat().st_blocks < 100
    with pytest.raises(FileTooLarge, match="over 1024 MiB"):
        BatchFile.load(path)
