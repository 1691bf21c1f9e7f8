"""Runs: onnxruntime's outputs bit for bit, and receipts that open to what was run."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import counterfoil
import magika
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BadDraft
from counterfoil.formats.receipt_file import ReceiptFile
from counterfoil.formats.tensor import PUBLIC_MASTER, commit
from counterfoil.journal import Journal

from . import small_models
from .conftest import Pair, same

MAGIKA = next(Path(magika.__file__).parent.rglob("*.onnx"))


def opened(receipt: Any) -> tuple[list[str], list[str]]:
    """Names of a receipt's tensors, after holding them against its commitments."""
    file = ReceiptFile.parse(receipt.file().dump())
    assert file.opening is not None and file.preimage is not None
    assert file.opening.inputs is not None and file.opening.outputs is not None
    assert file.preimage.model is not None and file.preimage.runtime is not None
    assert file.opening.inputs.commitment().digest == file.receipt.inputs
    assert file.opening.outputs.commitment().digest == file.receipt.outputs
    assert file.preimage.model.digest == file.receipt.model
    assert file.preimage.runtime.digest == file.receipt.runtime
    assert file.receipt.signed_by(file.signature, file.chain_id, file.ledger) == file.receipt.signer
    return [t.name for t in file.opening.inputs.tensors], [
        t.name for t in file.opening.outputs.tensors
    ]


def test_run__magika__outputs_equal_bit_for_bit(pair: Pair) -> None:
    ours, bare = pair(str(MAGIKA))
    name = ours.get_inputs()[0].name
    rng = np.random.default_rng(7)
    for rows in (1, 3, 8):
        feed = {name: rng.integers(0, 257, (rows, 2048), dtype=np.int32)}
        assert same(ours.run(None, feed), bare.run(None, feed))
        assert opened(ours.receipt) == ([name], [ours.get_outputs()[0].name])


def test_session__of_either_kind__is_an_onnxruntime_session(pair: Pair) -> None:
    ours, bare = pair(MAGIKA, providers=["CPUExecutionProvider"])
    assert isinstance(ours, onnxruntime.InferenceSession)
    assert ours.get_providers() == bare.get_providers()
    assert ours._model_path == str(MAGIKA)
    assert [o.name for o in ours.get_outputs()] == [o.name for o in bare.get_outputs()]


def test_run_with_receipt__returns_both(pair: Pair) -> None:
    ours, bare = pair(small_models.many())
    feed = {"a": np.float32([1, 2]), "b": np.float32([3, 4])}
    outputs, receipt = ours.run_with_receipt(None, feed)
    assert same(outputs, bare.run(None, feed))
    assert receipt is ours.receipt
    assert opened(receipt) == (["b", "a"], ["sum", "product", "difference"])


def test_run__initialiser_fed__comes_after_the_declared_inputs(pair: Pair) -> None:
    ours, bare = pair(small_models.many())
    feed = {"w": np.float32([9, 9]), "a": np.float32([1, 2]), "b": np.float32([3, 4])}
    assert same(ours.run(None, feed), bare.run(None, feed))
    assert opened(ours.receipt)[0] == ["b", "a", "w"]


@pytest.mark.parametrize(
    ("asked", "committed"),
    [
        (["difference", "sum"], ["sum", "difference"]),
        (["product"], ["product"]),
        (["sum", "product", "sum"], ["sum", "product"]),
        (("difference",), ["difference"]),
        ([], ["sum", "product", "difference"]),
    ],
)
def test_run__outputs_asked_for__in_the_models_order(
    pair: Pair, asked: Any, committed: list[str]
) -> None:
    ours, bare = pair(small_models.many())
    feed = {"a": np.float32([1, 2]), "b": np.float32([3, 4])}
    assert same(ours.run(asked, feed), bare.run(asked, feed))
    assert opened(ours.receipt)[1] == committed


def test_run__input_changed_later__was_committed_before(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    value = np.float32([1, 2])
    _, receipt = ours.run_with_receipt(None, {"x": value})
    value[:] = 0
    assert receipt.inputs[0].array().tolist() == [1, 2]
    opened(receipt)


def test_run__same_input_twice__other_commitments_same_runtime(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    feed = {"x": np.float32([1])}
    first, second = (ours.run_with_receipt(None, feed)[1] for _ in range(2))
    assert first.receipt.inputs != second.receipt.inputs
    assert first.receipt.runtime == second.receipt.runtime
    assert second.receipt.sequence == first.receipt.sequence + 1


def test_run__public__master_is_zero(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT), public=True)
    _, receipt = ours.run_with_receipt(None, {"x": np.float32([1])})
    assert receipt.input_master == receipt.output_master == PUBLIC_MASTER
    assert commit(receipt.inputs, PUBLIC_MASTER).digest == receipt.receipt.inputs


def test_run__random_model__the_receipt_has_what_was_returned(pair: Pair) -> None:
    ours, _ = pair(small_models.random())
    outputs, receipt = ours.run_with_receipt(None, {"x": np.zeros(5, np.float32)})
    assert same(receipt.outputs[0].array(), outputs[0])


def test_request__of_run_and_session__is_in_the_receipt(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT), request=b"\x01" * 32)
    feed = {"x": np.float32([1])}
    ours.run(None, feed)
    assert ours.receipt.receipt.request == b"\x01" * 32
    _, receipt = ours.run_with_receipt(None, feed, request="0x" + "ab" * 32)
    assert receipt.receipt.request == b"\xab" * 32


@pytest.mark.parametrize("request_", [b"short", "0xzz", "ab", 7])
def test_request__not_32_bytes__refused(pair: Pair, request_: Any) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    with pytest.raises(BadDraft, match="32 bytes"):
        ours.run_with_receipt(None, {"x": np.float32([1])}, request=request_)


def test_keep__asked__the_journal_can_open(pair: Pair, log: Journal) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT), keep=60)
    _, receipt = ours.run_with_receipt(None, {"x": np.float32([4])})
    kept = log.receipt_file(receipt.receipt.sequence)
    assert kept.opening is not None and kept.opening.inputs is not None
    assert kept.opening.inputs.tensors[0].array().tolist() == [4]


def test_save__writes_a_receipt_file(pair: Pair, tmp_path: Path) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    _, receipt = ours.run_with_receipt(None, {"x": np.float32([4])})
    path = receipt.save(tmp_path / "receipt.json")
    assert ReceiptFile.load(path).digest == receipt.digest
    closed = ReceiptFile.load(receipt.save(tmp_path / "closed.json", openings=False))
    assert closed.opening is None
    assert receipt.input_master.hex() not in (tmp_path / "closed.json").read_text()
    assert receipt.input_master.hex() not in repr(receipt)


def test_receipt__run_fails__is_none(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    ours.run(None, {"x": np.float32([1])})
    with pytest.raises(Exception, match="Unexpected input data type"):
        ours.run(None, {"x": np.float64([1])})
    assert ours.receipt is None


def test_receipt__threads__each_sees_its_own(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.INT64))
    barrier = threading.Barrier(4)

    def work(number: int) -> bool:
        barrier.wait()
        good = []
        for step in range(25):
            value = np.int64([number, step])
            ours.run(None, {"x": value})
            good.append(ours.receipt.inputs[0].array().tolist() == value.tolist())
        return all(good)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert ours.receipt is not None  # of any thread, as this one ran nothing


def test_run_with_ort_values__committed_to(pair: Pair) -> None:
    ours, bare = pair(small_models.many())
    value = onnxruntime.OrtValue.ortvalue_from_numpy
    feed = {"a": value(np.float32([1, 2])), "b": value(np.float32([3, 4]))}
    for names in (None, ["product", "sum"]):
        a, b = (s.run_with_ort_values(names, feed) for s in (ours, bare))
        assert same([v.numpy() for v in a], [v.numpy() for v in b])
        assert opened(ours.receipt)[0] == ["b", "a"]
    assert opened(ours.receipt)[1] == ["sum", "product"]


def test_run_async__calls_back_with_a_receipt(pair: Pair) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    ours, bare = pair(small_models.identity(small_models.FLOAT), options=options)
    done = threading.Event()
    seen: list[Any] = []

    def callback(results: Any, data: Any, problem: str) -> None:
        seen.extend([results, data, problem, ours.receipt])
        done.set()

    feed = {"x": np.float32([1, 2])}
    ours.run_async(None, feed, callback, "mine")
    assert done.wait(20)
    results, data, problem, receipt = seen
    assert (data, problem) == ("mine", "")
    assert same(results, bare.run(None, feed))
    assert receipt.outputs[0].array().tolist() == [1, 2]
    opened(receipt)


def test_run_async__engine_refuses__calls_back_with_its_error(pair: Pair) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    ours, _ = pair(small_models.identity(small_models.FLOAT), options=options)
    done = threading.Event()
    seen: list[Any] = []

    def callback(results: Any, data: Any, problem: str) -> None:
        seen.extend([results, problem])
        done.set()

    ours.run_async(None, {"x": np.float64([1])}, callback, None)
    assert done.wait(20)
    assert seen[0] == [] and "Unexpected input data type" in seen[1]


def test_session__dropped__is_freed_at_once(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    ours.run(None, {"x": np.float32([1])})
    gone = weakref.ref(ours)
    del ours
    assert gone() is None


def test_session__no_configuration__seals_for_the_local_chain(home: Path) -> None:
    session = counterfoil.InferenceSession(small_models.identity(small_models.FLOAT))
    _, receipt = session.run_with_receipt(None, {"x": np.float32([1])})
    assert receipt is not None
    assert receipt.sealed.chain_id == 31337
    other = counterfoil.InferenceSession(small_models.identity(small_models.FLOAT))
    _, following = other.run_with_receipt(None, {"x": np.float32([1])})
    assert following is not None
    assert following.receipt.sequence == receipt.receipt.sequence + 1
    assert (home / "data").is_dir()
