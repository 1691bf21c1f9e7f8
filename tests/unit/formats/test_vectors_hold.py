"""The code gives what the committed vectors say."""

import json
from pathlib import Path

import coincurve
import numpy as np
import pytest
from counterfoil.formats.batch import Batch, LogOpening, batch_tree, batch_word
from counterfoil.formats.model import Model
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.runtime import Program, Runtime, canonical
from counterfoil.formats.tensor import Tensor, chunk_leaf, commit, commit_tensor, salt
from counterfoil.hashing import merkle
from counterfoil.hashing.eip712 import domain_separator, word
from counterfoil.hashing.signature import recover, sign

VECTORS = Path(__file__).parents[2] / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_bytes())


def raw(text):
    assert text.startswith("0x")
    return bytes.fromhex(text[2:])


def tensor(case):
    return Tensor(
        name=case["name"], dtype=case["dtype"], shape=tuple(case["shape"]), data=raw(case["data"])
    )


def test_trees__vectors__hold():
    cases = vectors("trees")
    assert [case["size"] for case in cases] == [*range(1, 18), 100, 1025]
    for case in cases:
        size, leaves = case["size"], [merkle.leaf(word(i)) for i in range(case["size"])]
        rows = np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32)
        tree = merkle.Tree(rows)
        assert tree.root == raw(case["root"])
        for told in case["paths"]:
            path = [raw(node) for node in told["path"]]
            assert tree.path(told["index"]) == path
            assert merkle.root_from_path(leaves[told["index"]], told["index"], size, path) == (
                tree.root
            )


@pytest.mark.parametrize("case", vectors("tensors"), ids=lambda case: case["name"] or "no name")
def test_tensors__vector__holds(case):
    found, master = tensor(case), raw(case["master"])
    commitment = commit_tensor(found, master, case["position"])
    assert commitment.byte_length == case["byteLength"]
    assert commitment.chunks == raw(case["chunks"])
    assert commitment.digest == raw(case["digest"])
    assert found.array().shape == found.shape
    assert Tensor.of(found.name, found.array()) == found
    for index, told in enumerate(case["salts"]):
        assert salt(master, case["position"], index) == raw(told)
    count = -(-case["byteLength"] // 256) or 1
    for told in case["opened"]:
        leaf = chunk_leaf(salt(master, case["position"], told["index"]), raw(told["data"]))
        path = [raw(node) for node in told["path"]]
        assert merkle.root_from_path(leaf, told["index"], count, path) == commitment.chunks


def test_tensors__vectors__cover_every_type():
    assert {case["dtype"] for case in vectors("tensors")} == set(range(1, 27))


def test_sets__vectors__hold():
    for case in vectors("sets"):
        found = commit([tensor(t) for t in case["tensors"]], raw(case["master"]))
        assert len(found.tensors) == case["count"]
        assert found.root == raw(case["root"])
        assert found.digest == raw(case["digest"])


def test_models__vectors__hold():
    for case in vectors("models"):
        model = Model.of({path: raw(content) for path, content in case["contents"].items()})
        assert model.digest == raw(case["digest"])
        assert [(f.path, f.size, f.sha256) for f in model.files] == [
            (f["path"], f["size"], raw(f["sha256"])) for f in case["files"]
        ]


def test_runtimes__vectors__hold():
    cases = vectors("runtimes")
    for case in cases["runtimes"]:
        assert Runtime(**case["runtime"]).digest == raw(case["digest"])
    for case in cases["programs"]:
        told = case["program"]
        program = Program(
            root=raw(told["root"]),
            rows=int(told["rows"]),
            trace_rows=int(told["traceRows"]),
            version=told["version"],
        )
        assert program.digest == raw(case["digest"])
    for case in cases["canonical"]:
        assert canonical(case["options"]) == case["text"]


def check_signed(case, struct):
    chain_id, ledger = int(case["chainId"]), case["ledger"]
    key = coincurve.PrivateKey(raw(case["key"]))
    assert domain_separator(chain_id, ledger) == raw(case["domain"])
    assert struct.digest(chain_id, ledger) == raw(case["digest"])
    assert sign(raw(case["digest"]), key) == raw(case["signature"])
    assert recover(raw(case["digest"]), raw(case["signature"])) == struct.signer


def test_receipts__vectors__hold():
    for case in vectors("receipts"):
        told = case["receipt"]
        receipt = Receipt(
            signer=told["signer"],
            sequence=int(told["sequence"]),
            **{n: raw(told[n]) for n in ("model", "runtime", "request", "inputs", "outputs")},
            issued_at=int(told["issuedAt"]),
            settle_by=int(told["settleBy"]),
        )
        check_signed(case, receipt)
        assert receipt.struct_hash == raw(case["structHash"])
        assert receipt.leaf(int(case["chainId"]), case["ledger"]) == raw(case["leaf"])


def test_batches__vectors__hold():
    for case in vectors("batches"):
        told = case["batch"]
        batch = Batch(
            signer=told["signer"],
            first=int(told["first"]),
            size=told["size"],
            root=raw(told["root"]),
            uri=told["uri"],
        )
        check_signed(case, batch)
        assert batch_tree(raw(case["digests"])).root == batch.root
        assert batch_word(batch.root, batch.size, case["postedAt"]) == raw(case["word"])


def test_log_openings__vectors__hold():
    for case in vectors("log_openings"):
        told = case["opening"]
        check_signed(
            case,
            LogOpening(
                operator=told["operator"],
                signer=told["signer"],
                closes_at=told["closesAt"],
                max_delay=told["maxDelay"],
            ),
        )
