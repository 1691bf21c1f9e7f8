"""Each way to run, as what a receipt needs of it: a call, a feed, and the outputs' names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onnxruntime.capi.onnxruntime_inference_collection import OrtValue

from . import bindings
from .runs import Job


def job_of(name: str, method: Callable[..., Any], session: Any, given: Mapping[str, Any]) -> Job:
    """One run.

    Args:
        name: onnxruntime's method.
        method: the method itself, taking the session first.
        given: its arguments by name.
    """
    return _JOBS[name](method, session, given)


def run_job(method: Callable[..., Any], session: Any, names: Any, feed: Any, options: Any) -> Job:
    """One `run`; arguments as onnxruntime's, after the method itself."""
    return Job(
        call=lambda feed: method(session, names, feed, options),
        feed=feed,
        options=options,
        read=lambda outputs: (names, outputs),
    )


def _run(method: Any, session: Any, given: Mapping[str, Any]) -> Job:
    feed, options = given["input_feed"], given["run_options"]
    return run_job(method, session, given["output_names"], feed, options)


def _ort_values(method: Any, session: Any, given: Mapping[str, Any]) -> Job:
    return _run(method, session, {**given, "input_feed": given["input_dict_ort_values"]})


def _async(method: Any, session: Any, given: Mapping[str, Any]) -> Job:
    names, options = given["output_names"], given["run_options"]

    def call(feed_and_callback: Any) -> Any:
        feed, callback = feed_and_callback
        return method(session, names, feed, callback, given["user_data"], options)

    return Job(
        call=call,
        feed=given["input_feed"],
        options=options,
        read=lambda outputs: (names, outputs),
    )


def _binding(method: Any, session: Any, given: Mapping[str, Any]) -> Job:
    binding = given["iobinding"]
    return Job(
        call=lambda _feed: method(session, binding, given["run_options"]),
        feed=lambda: bindings.inputs(binding),
        options=given["run_options"],
        read=lambda _nothing: bindings.outputs(binding),
    )


def _vector(method: Any, session: Any, given: Mapping[str, Any]) -> Job:
    def feed() -> dict[str, Any]:
        return dict(zip(given["feed_names"], map(OrtValue, given["feeds"]), strict=True))

    return Job(
        call=lambda _feed: method(session, **given),
        feed=feed,
        options=given["run_options"],
        read=lambda _nothing: (given["fetch_names"], [OrtValue(v) for v in given["fetches"]]),
    )


_JOBS: dict[str, Callable[[Any, Any, Mapping[str, Any]], Job]] = {
    "run": _run,
    "run_async": _async,
    "run_with_iobinding": _binding,
    "run_with_ort_values": _ort_values,
    "run_with_ortvaluevector": _vector,
}
