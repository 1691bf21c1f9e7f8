"""Runs with bound memory and with vectors: what was bound is what the receipt opens to."""

from __future__ import annotations

from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import BigEndianTensor, Uncommitted
from counterfoil.journal import Journal
from onnxruntime.capi import onnxruntime_pybind11_state as binding

from . import small_models
from .conftest import Pair, same
from .test_session_run import opened

value = onnxruntime.OrtValue.ortvalue_from_numpy


def bound(session: Any, x: np.ndarray, how: str) -> Any:
    made = session.io_binding()
    if how == "array":
        made.bind_cpu_input("x", x)
    elif how == "value":
        made.bind_ortvalue_input("x", value(x))
    else:
        made.bind_input("x", "cpu", 0, np.float32 if how == "type" else 1, x.shape, x.ctypes.data)
    made.bind_output("y")
    return made


@pytest.mark.parametrize("how", ["array", "value", "type", "number"])
def test_run_with_iobinding__each_way_to_bind__committed_to(pair: Pair, how: str) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    x = np.float32([[1, 2], [np.nan, -0.0]])
    results = []
    for session in (ours, bare):
        made = bound(session, x, how)
        session.run_with_iobinding(made)
        results.append(made.copy_outputs_to_cpu())
    assert same(*results)
    assert opened(ours.receipt) == (["x"], ["y"])
    assert ours.receipt.inputs[0].data == ours.receipt.outputs[0].data == x.tobytes()


def test_run_with_iobinding__array_changed_after_binding__as_it_was_when_it_ran(
    pair: Pair,
) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    x = np.float32([1, 2])
    made = bound(ours, x, "array")
    x[0] = 9
    ours.run_with_iobinding(made)
    assert ours.receipt.inputs[0].array().tolist() == [9, 2]
    assert ours.receipt.outputs[0].array().tolist() == [9, 2]


def test_run_with_iobinding__not_contiguous__as_it_was_when_it_was_bound(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    x = np.arange(8, dtype=np.float32)[::2]
    made = bound(ours, x, "array")
    x[0] = 9
    ours.run_with_iobinding(made)
    assert ours.receipt.inputs[0].array().tolist() == [0, 2, 4, 6]
    assert ours.receipt.outputs[0].array().tolist() == [0, 2, 4, 6]


def test_run_with_iobinding__outputs_into_given_memory__in_the_models_order(pair: Pair) -> None:
    ours, _ = pair(small_models.many())
    made = ours.io_binding()
    made.bind_cpu_input("a", np.float32([1, 2]))
    made.bind_cpu_input("b", np.float32([3, 5]))
    target = np.zeros(2, np.float32)
    made.bind_output("product")
    made.clear_binding_outputs()
    made.bind_output("difference", "cpu", 0, np.float32, target.shape, target.ctypes.data)
    made.bind_ortvalue_output("sum", value(np.zeros(2, np.float32)))
    ours.run_with_iobinding(made)
    assert target.tolist() == [-2, -3]
    assert opened(ours.receipt) == (["b", "a"], ["sum", "difference"])
    assert ours.receipt.outputs[1].array().tolist() == [-2, -3]


def test_run_with_iobinding__run_twice__two_receipts(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    x = np.float32([1, 2])
    made = bound(ours, x, "array")
    ours.run_with_iobinding(made)
    first = ours.receipt
    x[:] = 7
    ours.run_with_iobinding(made)
    assert first.outputs[0].array().tolist() == [1, 2]
    assert ours.receipt.outputs[0].array().tolist() == [7, 7]


def test_run_with_iobinding__inputs_cleared__the_engines_own_error(pair: Pair) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    said = []
    for session in (ours, bare):
        made = bound(session, np.float32([1]), "array")
        made.clear_binding_inputs()
        with pytest.raises(RuntimeError) as raised:
            session.run_with_iobinding(made)
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_run_with_iobinding__big_endian__refused_before_it_runs(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    made = bound(ours, np.array([1, 2], ">f4"), "array")
    with pytest.raises(BigEndianTensor):
        ours.run_with_iobinding(made)


def test_run_with_iobinding__of_another_session__the_engines_own_error(pair: Pair) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    with pytest.raises(ValueError, match="session that created it"):
        ours.run_with_iobinding(bound(bare, np.float32([1]), "array"))


def test_run_with_iobinding__bound_unseen__refused(pair: Pair) -> None:
    from counterfoil.inference import bindings

    ours, _ = pair(small_models.identity(small_models.FLOAT))
    made = bound(ours, np.float32([1]), "array")
    del bindings._bound[made._iobinding]
    with pytest.raises(Uncommitted, match="made before"):
        ours.run_with_iobinding(made)


def test_run_with_ortvaluevector__committed_to(log: Journal) -> None:
    ours = counterfoil.InferenceSession(small_models.many(), journal=log)
    feeds, fetches = binding.OrtValueVector(), binding.OrtValueVector()
    kept = [value(np.float32(v)) for v in ([1, 2], [3, 5], [0, 0])]
    for each in kept[:2]:
        feeds.push_back(each._ortvalue)
    fetches.push_back(kept[2]._ortvalue)
    device = binding.OrtDevice(binding.OrtDevice.cpu(), binding.OrtDevice.default_memory(), 0)
    ours.run_with_ortvaluevector(
        onnxruntime.RunOptions(), ["a", "b"], feeds, ["difference"], fetches, [device]
    )
    assert kept[2].numpy().tolist() == [-2, -3]
    assert opened(ours.receipt) == (["b", "a"], ["difference"])
    assert ours.receipt.outputs[0].array().tolist() == [-2, -3]
