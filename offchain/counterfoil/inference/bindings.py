"""What is bound to an IOBinding, read at the time of the run.

onnxruntime does not give bound inputs back, so the binding's methods are patched in place, once,
to remember them. An array is bound by its memory and read when the run is; one that is not
contiguous is copied by onnxruntime at binding, and so here. onnxruntime is not imported here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from counterfoil.errors import Uncommitted

Reader = Callable[[], Any]
"""Gives a bound value as a run may be fed it, or a `Tensor`."""


@dataclass(slots=True, kw_only=True)
class Bound:
    """What is bound to one IOBinding, by name."""

    inputs: dict[str, Reader] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


_bound: WeakKeyDictionary[Any, Bound] = WeakKeyDictionary()


def inputs(binding: Any) -> dict[str, Any]:
    """The values that a run would read now.

    Args:
        binding: onnxruntime's IOBinding.
    Raises:
        Uncommitted: a value is in a device's memory, or was bound unseen.
    """
    bound = _of(binding)
    for name, device in bound.outputs.items():
        if device != "cpu":
            raise Uncommitted(
                f"the output {name!r} is bound to a device's memory ({device}): bind it to the CPU"
            )
    return {name: read() for name, read in bound.inputs.items()}


def outputs(binding: Any) -> tuple[Sequence[str], Sequence[Any]]:
    """Names and OrtValues of the run that is done."""
    return list(_of(binding).outputs), binding.get_outputs()


def _of(binding: Any) -> Bound:
    bound = _bound.get(getattr(binding, "_iobinding", None))
    if bound is None:
        raise Uncommitted(
            "this IOBinding was made before `import counterfoil`, so nobody saw what was bound: "
            "make it after"
        )
    return bound


def patch(binding: Any) -> None:
    """Make `SessionIOBinding` remember. Does nothing the second time."""
    cls = getattr(binding, "SessionIOBinding", None)
    if cls is None or getattr(cls, "_counterfoil", False):
        return
    _after(cls, "__init__", _born)
    _after(cls, "bind_input", _bind_input)
    _after(cls, "bind_ortvalue_input", _bind_ortvalue_input)
    _after(cls, "bind_output", _bind_output)
    _after(cls, "bind_ortvalue_output", _bind_ortvalue_output)
    _after(cls, "clear_binding_inputs", lambda self: _bound[self].inputs.clear())
    _after(cls, "clear_binding_outputs", lambda self: _bound[self].outputs.clear())
    cls._counterfoil = True


def _after(cls: Any, name: str, note: Callable[..., None]) -> None:
    original = getattr(cls, name)

    @functools.wraps(original)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        if name == "__init__" or self in _bound:
            try:
                note(self, *args, **kwargs)
            except Exception:  # arguments that are not understood: nothing is known any more
                _bound.pop(self, None)
        return result

    setattr(cls, name, noted)


def _born(self: Any, *_: Any) -> None:
    _bound[self] = Bound()


def _bind_input(self: Any, name: str, what: Any, *memory: Any) -> None:
    reader = _buffer(name, what, *memory) if memory else _array(what)
    _bound[self].inputs[name] = reader


def _array(array: Any) -> Reader:
    if not array.flags.c_contiguous:
        copy = array.copy(order="C")
        return lambda: copy
    return lambda: array


def _buffer(name: str, device: Any, element: Any, shape: Sequence[int], address: int) -> Reader:
    kind, dimensions = _device(device), tuple(int(n) for n in shape)

    def read() -> Any:
        from .memory import of_memory

        if kind != "cpu":
            raise Uncommitted(
                f"the input {name!r} is bound to a device's memory ({kind}): bind it to the CPU"
            )
        return of_memory(name, element, dimensions, int(address))

    return read


def _bind_ortvalue_input(self: Any, name: str, value: Any) -> None:
    def read() -> Any:
        from onnxruntime.capi.onnxruntime_inference_collection import OrtValue

        return OrtValue(value)

    _bound[self].inputs[name] = read


def _bind_output(self: Any, name: str, device: Any, *_: Any) -> None:
    _bound[self].outputs[name] = _device(device)


def _bind_ortvalue_output(self: Any, name: str, value: Any) -> None:
    _bound[self].outputs[name] = value.device_name().lower()


def _device(device: Any) -> str:
    """`cpu`, or another device type's number."""
    return "cpu" if device.device_type() == 0 else f"device type {device.device_type()}"
