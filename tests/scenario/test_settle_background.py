"""Settling in a thread of the program: a receipt's state stays true, and nothing waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import counterfoil
import numpy as np
import pytest
from counterfoil.errors import BadConfig
from counterfoil.verify import verify
from onnx import TensorProto, helper
from world import World

pytestmark = pytest.mark.anvil


def model() -> bytes:
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(made.SerializeToString())


def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def profile(on_anvil: World, anvil: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PAYER_OF_THIS_TEST", "0x" + bytes(on_anvil.payer.key).hex())
    return replace(
        on_anvil.profile, rpc=anvil.url, payer="env:PAYER_OF_THIS_TEST", batch_age=1, batch_size=3
    )


def test_settle_in_background__receipts_become_final(on_anvil: World, profile: Any) -> None:
    session = counterfoil.InferenceSession(model(), journal=on_anvil.journal)
    settling = counterfoil.settle_in_background(profile, interval=0.1)
    try:
        _, receipt = session.run_with_receipt(None, {"x": np.float32([1])})
        assert receipt is not None
        until(lambda: receipt.state == "final")
        assert settling.problem is None and settling.running
    finally:
        assert settling.stop()
    assert not settling.running
    file = receipt.file(inclusion=True)
    verify(file, trust=on_anvil.trust, chain=on_anvil.chain).require_anchored()
    assert "<svg" in receipt._repr_html_()
    assert on_anvil.operator.address in receipt._repr_html_()


def test_settle_in_background__node_gone__runs_go_on_and_the_state_is_true(
    on_anvil: World, profile: Any
) -> None:
    session = counterfoil.InferenceSession(model(), journal=on_anvil.journal)
    settling = counterfoil.settle_in_background(
        replace(profile, rpc="http://127.0.0.1:9"), interval=0.05
    )
    try:
        began = time.monotonic()
        receipts = [session.run_with_receipt(None, {"x": np.float32([1])})[1] for _ in range(20)]
        assert time.monotonic() - began < 20
        until(lambda: settling.problem is not None)
        assert {r.state for r in receipts if r is not None} == {"sealed"}
        assert settling.running
    finally:
        settling.stop()


def test_settle_in_background__no_receipt_yet__waits_for_the_first(
    profile: Any, tmp_path: Any
) -> None:
    empty = replace(profile, journal=f"sqlite:///{tmp_path / 'other' / 'journal.db'}")
    settling = counterfoil.settle_in_background(empty, interval=0.05)
    time.sleep(0.5)
    assert settling.running and settling.problem is None
    assert settling.stop()


def test_settle_in_background__no_node_named__refused(profile: Any) -> None:
    before = threading.active_count()
    with pytest.raises(BadConfig, match="names no node"):
        counterfoil.settle_in_background(replace(profile, rpc=None))
    assert threading.active_count() == before
