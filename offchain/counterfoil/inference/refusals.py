"""onnxruntime's errors as this package's, for programs that show one line."""

from __future__ import annotations

from onnxruntime.capi import onnxruntime_pybind11_state as binding

from counterfoil.errors import CounterfoilError, InputRefused, ModelRefused

_LOADING = (
    "InvalidProtobuf",
    "InvalidGraph",
    "NoSuchFile",
    "NoModel",
    "NotImplemented",
    "ModelLoadCanceled",
)


def as_refusal(error: BaseException, *, loading: bool = False) -> CounterfoilError | None:
    """What onnxruntime refused, as one line.

    A session raises onnxruntime's own errors, as a program that knows onnxruntime expects; a
    command turns them with this.

    Args:
        error: what a session raised.
        loading: it was raised while the session was made.
    Returns:
        None: no error of onnxruntime's.
    """
    if isinstance(error, CounterfoilError):
        return None
    name = type(error).__name__
    native = getattr(binding, name, None) is type(error)
    if not native and not isinstance(error, ValueError | RuntimeError | TypeError):
        return None
    line = " ".join(str(error).split())
    if loading or name in _LOADING:
        return ModelRefused(f"onnxruntime does not load the model: {line}")
    return InputRefused(f"onnxruntime does not take the inputs: {line}")
