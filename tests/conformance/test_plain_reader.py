"""A reader in plain JavaScript, written from docs/format.md, finds what our files say."""

import json
from pathlib import Path

import pytest
from counterfoil.formats.batch import batch_word
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.receipt_file import ReceiptFile
from run_node import run_node

pytestmark = pytest.mark.node
VECTORS = Path(__file__).parents[1] / "vectors"

LED = {
    "good-full.json": ["inputs", "outputs", "model", "runtime"],
    "good-unknown.json": ["inputs", "outputs", "model", "runtime"],
    "good-chunks.json": ["outputs", "model", "runtime"],
    "good-program.json": ["program"],
    "good-empty-sets.json": ["inputs"],
    "good-batch.json": ["size", "root"],
    "good-batch-of-one.json": ["size", "root"],
    "good-batch-after-revoke.json": ["size", "root"],
}
"""What a file lets its reader recompute besides its digest."""


def test_files__read_by_plain_javascript__lead_where_they_say():
    good = [f for f in json.loads((VECTORS / "files.json").read_bytes()) if "digest" in f]
    paths = [VECTORS / "files" / f["file"] for f in good]
    found = run_node("reader.mjs", [str(path) for path in paths])
    assert len(good) == len(found["files"]) >= 10
    for path, told, seen in zip(paths, good, found["files"], strict=True):
        assert seen["digest"] == told["digest"], path.name
        assert seen["led"] == [[what, True] for what in LED.get(path.name, [])], path.name
        if told["kind"] == "batch":
            batch = BatchFile.load(path)
            assert seen.get("signer") == (batch.batch.signer if batch.signature else None)
            continue
        file = ReceiptFile.load(path)
        assert seen["signer"] == file.receipt.signer
        if file.inclusion is not None:
            leaf = file.receipt.leaf(file.chain_id, file.ledger)
            root = file.inclusion.root(leaf, file.receipt.sequence)
            assert seen["root"] == "0x" + root.hex()
            word = batch_word(root, file.inclusion.size, file.inclusion.posted_at)
            assert seen["word"] == "0x" + word.hex()
