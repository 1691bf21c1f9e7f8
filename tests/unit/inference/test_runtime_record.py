"""The runtime record: every option that can change a number, or no receipt."""

from __future__ import annotations

import gc
import hashlib
import json
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.errors import UnrecordableOptions
from counterfoil.inference import observed, unsealed_count
from counterfoil.inference.machine import machine
from counterfoil.inference.runtime_record import runtime
from counterfoil.journal import Journal
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as binding

from . import small_models
from .conftest import Pair, same

FEED = {"x": np.float32([1, 2])}


@pytest.fixture
def options() -> Any:
    return onnxruntime.SessionOptions()


def recorded(session: Any, run_options: Any = None, feed: Any = None) -> dict[str, Any]:
    """The options in a run's receipt."""
    _, receipt = session.run_with_receipt(None, feed or FEED, run_options)
    assert receipt.runtime.digest == receipt.receipt.runtime
    found: dict[str, Any] = json.loads(receipt.runtime.options)
    return found


DEFAULTS = {
    "batching": "none", "config": {}, "deterministic": False, "executionMode": "sequential",
    "graphOptimization": "enable_all", "interOpThreads": 0, "intraOpThreads": 0,
}  # fmt: skip


def test_runtime__defaults__engine_machine_and_options(pair: Pair) -> None:
    ours, bare = pair(small_models.identity(small_models.FLOAT))
    assert recorded(ours) == DEFAULTS
    made = ours.receipt.runtime
    assert (made.engine, made.version) == ("onnxruntime", onnxruntime.__version__)
    assert made.providers == ",".join(bare.get_providers())
    assert made.machine == machine()


def test_runtime__default_options_given__same_digest(pair: Pair, options: Any) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT), options=options)
    assert recorded(ours, onnxruntime.RunOptions()) == DEFAULTS


def test_runtime__every_session_option__is_recorded(pair: Pair, options: Any) -> None:
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    options.intra_op_num_threads = 2
    options.inter_op_num_threads = 2
    options.use_deterministic_compute = True
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("ep.somebodys.own", "7")
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_free_dimension_override_by_name("n", 2)
    options.add_free_dimension_override_by_denotation("D", 3)
    ours, bare = pair(
        small_models.identity(small_models.FLOAT), options=options,
        disabled_optimizers=["ConstantFolding"],
    )  # fmt: skip
    assert same(ours.run(None, FEED), bare.run(None, FEED))
    assert recorded(ours) == {
        "batching": "none",
        "config": {"ep.somebodys.own": "7", "session.set_denormal_as_zero": "1"},
        "deterministic": True,
        "disabledOptimizers": ["ConstantFolding"],
        "executionMode": "parallel",
        "executionOrder": "priority_based",
        "freeDimensions": {"denotation:D": 3, "n": 2},
        "graphOptimization": "disable_all",
        "interOpThreads": 2,
        "intraOpThreads": 2,
    }


def test_runtime__settings_that_a_model_brings__are_recorded(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORT_LOAD_CONFIG_FROM_MODEL", "1")
    # Settings that a model brings itself reach no method: only the session's own copy has them.
    source = small_models.identity(small_models.FLOAT)
    proto = small_models.onnx.load_model_from_string(source)
    settings = {"session_options": {"intra_op_num_threads": 1, "graph_optimization_level": 1}}
    proto.metadata_props.add(key="ort_config", value=json.dumps(settings))
    ours, _ = pair(proto.SerializeToString(), read_config_from_model=1)
    found = recorded(ours)
    assert found["intraOpThreads"] == 1
    assert found["graphOptimization"] == "enable_basic"


def test_runtime__variable_that_chooses_kernels__is_recorded(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORT_DISABLE_FLASH_ATTENTION", "1")
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    assert recorded(ours)["environment"] == {"ORT_DISABLE_FLASH_ATTENTION": "1"}


def test_runtime__run_options__are_recorded(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    run = onnxruntime.RunOptions()
    run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    assert "run" not in recorded(ours, run)
    run.add_run_config_entry("somebodys.own", "1")
    run.only_execute_path_to_fetches = True
    assert recorded(ours, run)["run"] == {"config": {"somebodys.own": "1"}, "onlyFetched": True}
    assert "run" not in recorded(ours)


def weighted(value: float = 1) -> bytes:
    """x + w of two floats."""
    weight = numpy_helper.from_array(np.full(2, value, np.float32), "w")
    return small_models.model(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [small_models.tensor("x", TensorProto.FLOAT)],
        [small_models.tensor("y", TensorProto.FLOAT)],
        [weight],
    )


def test_runtime__initialiser_added__named_by_sha256(pair: Pair) -> None:
    array = np.float32([5, 6])
    value = onnxruntime.OrtValue.ortvalue_from_numpy(array)
    options = onnxruntime.SessionOptions()
    options.add_initializer("w", value)
    ours, bare = pair(weighted(), options=options)
    assert same(ours.run(None, FEED), bare.run(None, FEED))
    assert recorded(ours)["initializers"] == {
        "w": {"dtype": 1, "shape": ["2"], "sha256": hashlib.sha256(array.tobytes()).hexdigest()}
    }


def test_runtime__external_initialiser_given_as_value__named_by_sha256(
    pair: Pair, tmp_path: Path
) -> None:
    other = small_models.WEIGHTS * 2
    value = onnxruntime.OrtValue.ortvalue_from_numpy(other)
    options = onnxruntime.SessionOptions()
    options.add_external_initializers(["w"], [value])
    path = small_models.put_external(tmp_path)
    ours, bare = pair(path, options=options)
    feed = {"x": np.ones(600, np.float32)}
    assert same(ours.run(None, feed), bare.run(None, feed))
    digest = hashlib.sha256(other.tobytes()).hexdigest()
    assert recorded(ours, feed=feed)["initializers"]["w"]["sha256"] == digest


def test_history__operator_library__hashed_before_it_is_loaded(tmp_path: Path) -> None:
    library = tmp_path / "operators.so"
    library.write_bytes(b"no library")
    options = onnxruntime.SessionOptions()
    with pytest.raises(Exception, match=r"operators\.so"):
        options.register_custom_ops_library(str(library))
    known = observed.history(options)
    assert known is not None and known.libraries == []  # refused, so nothing was added


def test_history__operator_library_that_loads__named_by_sha256(tmp_path: Path) -> None:
    library = tmp_path / "operators.so"
    library.write_bytes(b"operators")

    class Options:
        def register_custom_ops_library(self, path: str) -> None:
            """Takes any file: a real library cannot be built here."""

    observed.patch(SimpleNamespace(SessionOptions=Options, RunOptions=type("RunOptions", (), {})))
    made = Options()
    made.register_custom_ops_library(str(library))
    known = observed.history(made)
    assert known is not None
    assert known.libraries == [hashlib.sha256(b"operators").hexdigest()]
    made.register_custom_ops_library(str(tmp_path / "missing.so"))
    assert known.unnameable == ["a custom-operator library that no path names"]


def test_history__object_dies__is_forgotten() -> None:
    options = onnxruntime.SessionOptions()
    known = observed.history(options)
    assert known is not None
    gone = weakref.ref(options)
    del options
    gc.collect()
    assert gone() is None
    assert len([h for h in observed._histories.values() if h is known]) == 0


def test_patch__twice__remembers_once() -> None:
    observed.patch(binding)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("a", "b")
    known = observed.history(options)
    assert known is not None and known.config == {"a": "b"}


def test_history__wrong_arguments__onnxruntimes_own_error() -> None:
    options = onnxruntime.SessionOptions()
    for arguments in ((), ("a",), ("a", "b", "c"), (1, 2)):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            options.add_session_config_entry(*arguments)
    known = observed.history(options)
    assert known is not None and not known.config and not known.unnameable


def unseen() -> Any:
    """Options that the engine made, not the program."""
    return binding.get_default_session_options()


def test_session__options_unseen__refused(log: Journal) -> None:
    with pytest.raises(UnrecordableOptions, match="make them after it"):
        counterfoil.InferenceSession(
            small_models.identity(small_models.FLOAT), unseen(), journal=log
        )


def test_session__options_unseen_and_unsealed__runs_without_receipts(log: Journal) -> None:
    session = counterfoil.InferenceSession(
        small_models.identity(small_models.FLOAT), unseen(), journal=log,
        on_seal_failure="unsealed",
    )  # fmt: skip
    outputs, receipt = session.run_with_receipt(None, FEED)
    assert same(outputs, [FEED["x"]])
    assert receipt is None
    assert unsealed_count() == 1


def test_session__context_reader__refused(log: Journal, options: Any) -> None:
    options.set_ep_context_data_read_func(lambda *_: None, 1024)
    with pytest.raises(UnrecordableOptions, match="a reader of compiled contexts"):
        counterfoil.InferenceSession(
            small_models.identity(small_models.FLOAT), options, journal=log
        )


def adapter(folder: Path) -> Any:
    """An adapter that holds one value."""
    made = onnxruntime.AdapterFormat()
    made.set_adapter_version(1)
    made.set_model_version(1)
    made.set_parameters({"p": onnxruntime.OrtValue.ortvalue_from_numpy(np.ones(2, np.float32))})
    made.export_adapter(str(folder / "adapter.ort"))
    loaded = onnxruntime.LoraAdapter()
    loaded.Load(str(folder / "adapter.ort"))
    return loaded


def test_run__active_adapter__refused_before_it_runs(pair: Pair, tmp_path: Path) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    run = onnxruntime.RunOptions()
    run.add_active_adapter(adapter(tmp_path))
    with pytest.raises(UnrecordableOptions, match="an active adapter"):
        ours.run(None, FEED, run)


def test_runtime__provider_of_a_plugin__refused() -> None:
    with pytest.raises(UnrecordableOptions, match="SomebodysProvider is a plugin"):
        runtime({}, {}, ["SomebodysProvider", "CPUExecutionProvider"])


def test_set_providers__recorded_anew(pair: Pair) -> None:
    ours, bare = pair(
        small_models.identity(small_models.FLOAT), disabled_optimizers=["ConstantFolding"]
    )
    before = recorded(ours)
    for session in (ours, bare):
        session.set_providers(["CPUExecutionProvider"])
    assert before.pop("disabledOptimizers") == ["ConstantFolding"]
    assert recorded(ours) == before  # onnxruntime, too, forgets them
    assert same(ours.run(None, FEED), bare.run(None, FEED))


def test_runtime__parallel_on_one_thread__what_onnxruntime_made_of_it(
    pair: Pair, options: Any
) -> None:
    options.execution_mode = onnxruntime.ExecutionMode.ORT_PARALLEL
    options.inter_op_num_threads = 1
    ours, _ = pair(small_models.identity(small_models.FLOAT), options=options)
    assert recorded(ours)["executionMode"] == "sequential"


def test_set_tuning_results__recorded_by_content(pair: Pair) -> None:
    ours, _ = pair(small_models.identity(small_models.FLOAT))
    before = recorded(ours)
    ours.set_tuning_results(ours.get_tuning_results())
    after = recorded(ours)
    assert after.pop("tuning") is not None
    assert after == before


def test_run__onnxruntime_falls_back__the_receipt_names_what_ran(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = pair(
        small_models.identity(small_models.FLOAT), disabled_optimizers=["ConstantFolding"]
    )
    assert "disabledOptimizers" in recorded(ours)
    bare_run = onnxruntime.InferenceSession.run

    def falls_back(self: Any, *arguments: Any) -> Any:
        self.set_providers(["CPUExecutionProvider"])  # as `run` does when a provider fails
        return bare_run(self, *arguments)

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", falls_back)
    assert "disabledOptimizers" not in recorded(ours)
