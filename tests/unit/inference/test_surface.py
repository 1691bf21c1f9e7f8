"""onnxruntime's own public surface, walked: nothing is missing, and nothing answers otherwise."""

from __future__ import annotations

import inspect
from typing import Any

import counterfoil
import numpy as np
import onnxruntime
import pytest
from counterfoil.inference.patches import CHANGES, RUNS
from counterfoil.journal import Journal
from onnxruntime.capi.onnxruntime_inference_collection import Session

from . import small_models
from .conftest import Pair, same

MODEL = small_models.many()

ASKED: dict[str, tuple[Any, ...]] = {
    "create_ortvalue_from_shape_and_type": ([2], np.float32, "cpu"),
    "disable_fallback": (),
    "enable_fallback": (),
    "end_profiling": (),
    "get_input_epdevices": (),
    "get_input_memory_infos": (),
    "get_inputs": (),
    "get_modelmeta": (),
    "get_output_memory_infos": (),
    "get_outputs": (),
    "get_overridable_initializers": (),
    "get_profiling_start_time_ns": (),
    "get_provider_graph_assignment_info": (),
    "get_provider_options": (),
    "get_providers": (),
    "get_session_options": (),
    "get_tuning_results": (),
    "io_binding": (),
    "release_captured_graph": (),
    "set_ep_dynamic_options": ({"a": "b"},),
    "set_providers": (["CPUExecutionProvider"],),
    "set_tuning_results": ([],),
}
"""Every public method but those that run, with arguments."""


def public(cls: Any) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls) if not name.startswith("_")}


def test_surface__every_public_name_of_onnxruntimes__is_there() -> None:
    missing = public(onnxruntime.InferenceSession) - public(counterfoil.InferenceSession)
    assert not missing
    ours = public(counterfoil.InferenceSession) - public(onnxruntime.InferenceSession)
    assert ours == {"receipt", "run_with_receipt"}


def test_surface__every_public_method__is_known_to_these_tests() -> None:
    assert public(onnxruntime.InferenceSession) <= {*ASKED, *RUNS}, "a new method of onnxruntime's"


def test_surface__what_runs_or_changes_numbers__is_overridden() -> None:
    runs = {name for name in public(onnxruntime.InferenceSession) if name.startswith("run")}
    assert runs == set(RUNS), "a new way to run gets no receipts yet"
    for name in (*runs, *CHANGES, "set_providers"):
        own = inspect.getattr_static(counterfoil.InferenceSession, name)
        assert own is not inspect.getattr_static(onnxruntime.InferenceSession, name), name


@pytest.mark.parametrize("name", sorted({*ASKED, *RUNS}))
def test_surface__parameters__are_onnxruntimes(name: str) -> None:
    theirs = inspect.signature(getattr(Session, name))
    own = inspect.signature(getattr(counterfoil.InferenceSession, name))
    assert list(own.parameters) == list(theirs.parameters)
    for parameter, given in theirs.parameters.items():
        assert own.parameters[parameter].kind == given.kind
        assert own.parameters[parameter].default == given.default


def plain(value: Any) -> Any:
    """What can be compared of an answer."""
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, dict | str | int | float | type(None)):
        return value
    names = (n for n in dir(value) if not n.startswith("_"))
    shown = {n: getattr(value, n) for n in names if isinstance(getattr(value, n), str | int | list)}
    return type(value).__name__, {n: v for n, v in shown.items() if "time" not in n}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_surface__asked_the_same__answers_or_raises_the_same(pair: Pair, name: str) -> None:
    answers = []
    for session in pair(MODEL):
        method = getattr(session, name)
        try:
            answer = method(*ASKED[name])
        except Exception as error:
            answers.append((type(error), str(error)))
            continue
        answers.append(None if "time_ns" in name else plain(answer))
    assert answers[0] == answers[1]


def test_surface__constructor__takes_onnxruntimes_arguments() -> None:
    theirs = list(inspect.signature(onnxruntime.InferenceSession.__init__).parameters.values())
    own = list(inspect.signature(counterfoil.InferenceSession.__init__).parameters.values())
    assert [p.name for p in own[: len(theirs) - 1]] == [p.name for p in theirs[:-1]]
    assert own[-1].kind is inspect.Parameter.VAR_KEYWORD
    added = own[len(theirs) - 1 : -1]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in added)


WRONG: dict[str, tuple[Any, ...]] = {
    "a path that is not there": ("nowhere.onnx",),
    "no model": (b"no model at all",),
    "a number": (7,),
    "no providers": (MODEL, None, "CPUExecutionProvider!"),
    "options for one provider too many": (MODEL, None, ["CPUExecutionProvider"], [{}, {}]),
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
def test_session__onnxruntime_refuses__the_same_error(log: Journal, given: Any) -> None:
    with pytest.raises(Exception) as theirs:
        onnxruntime.InferenceSession(*given, enable_fallback=0)
    with pytest.raises(type(theirs.value)) as own:
        counterfoil.InferenceSession(*given, enable_fallback=0, journal=log)
    assert str(own.value) == str(theirs.value)


RUN_WRONG: dict[str, tuple[Any, Any]] = {
    "an input missing": (None, {"a": np.float32([1])}),
    "an unknown input": (None, {"a": np.float32([1]), "b": np.float32([1]), "c": np.float32([1])}),
    "an unknown output": (["nothing"], {"a": np.float32([1]), "b": np.float32([1])}),
    "a wrong type": (None, {"a": np.float64([1]), "b": np.float32([1])}),
    "a wrong rank": (None, {"a": np.float32([[1]]), "b": np.float32([1])}),
    "no mapping": (None, [1]),
    "no array": (None, {"a": "text", "b": np.float32([1])}),
}


@pytest.mark.parametrize("given", RUN_WRONG.values(), ids=RUN_WRONG)
def test_run__onnxruntime_refuses__the_same_error(pair: Pair, given: Any) -> None:
    ours, bare = pair(MODEL)
    with pytest.raises(Exception) as theirs:
        bare.run(*given)
    with pytest.raises(type(theirs.value)) as own:
        ours.run(*given)
    assert str(own.value) == str(theirs.value)


def test_run__option_objects__taken(pair: Pair) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    ours, bare = pair(MODEL, options=options)
    run = onnxruntime.RunOptions()
    run.log_severity_level = 3
    feed = {"a": np.float32([1, 2]), "b": np.float32([3, 4])}
    assert same(ours.run(None, feed, run), bare.run(None, feed, run))
    assert '"graphOptimization":"disable_all"' in ours.receipt.runtime.options
