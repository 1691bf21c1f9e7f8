"""Values that are no tensors become tensors (docs/format.md §2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadTensor

from .quoting import quoted
from .tensor import Tensor


def flatten(names: Sequence[str], values: Sequence[Any], types: Sequence[str]) -> list[Tensor]:
    """The tensors of a run's values, in the order of `names`.

    Args:
        names: as the model declares them.
        values: what the runtime gives or takes for each: arrays, lists, dicts, None.
        types: the runtime's type strings, such as `tensor(float)` or
            `seq(map(int64,tensor(float)))`; they give empty values an element type.
    Raises:
        BadTensor: a sparse tensor, a value that is none of these, or names that collide.
    """
    out = [
        tensor
        for name, value, kind in zip(names, values, types, strict=True)
        for tensor in _flat(name, value, kind)
    ]
    seen: set[str] = set()
    for tensor in out:
        if tensor.name in seen:
            raise BadTensor(f"two values would both be called {quoted(tensor.name)}")
        seen.add(tensor.name)
    return out


_ELEMENTS = {
    "float": "float32", "double": "float64", "float16": "float16", "string": "object",
    "bool": "bool", "int8": "int8", "int16": "int16", "int32": "int32", "int64": "int64",
    "uint8": "uint8", "uint16": "uint16", "uint32": "uint32", "uint64": "uint64",
}  # fmt: skip
"""onnxruntime's element names to NumPy's."""


def _inside(kind: str, wrapper: str) -> str | None:
    if kind.startswith(f"{wrapper}(") and kind.endswith(")"):
        return kind[len(wrapper) + 1 : -1]
    return None


def _element(kind: str) -> str:
    name = _inside(kind, "tensor") or kind
    if name not in _ELEMENTS:
        raise BadTensor(f"no element type is known for {quoted(kind)}")
    return _ELEMENTS[name]


def _column(name: str, items: list[Any], element: str) -> NDArray[Any]:
    """Keys or values of a map as an array, without changing one of them."""
    try:
        out = np.asarray(items, dtype=element)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadTensor(f"the map {quoted(name)} holds what is no {element}") from error
    exact = out.dtype.kind not in "fc"
    if out.ndim != 1 or (exact and out.tolist() != items):
        raise BadTensor(f"the map {quoted(name)} holds what is no {element}")
    return out


def _flat(name: str, value: Any, kind: str) -> Iterator[Tensor]:
    if kind.startswith("sparse_tensor("):
        raise BadTensor(f"the value {quoted(name)} is a sparse tensor, which no receipt covers")
    optional = _inside(kind, "optional")
    if optional is not None:
        if value is None:
            yield Tensor.of(f"{name}#absent", np.asarray(True))
        else:
            yield from _flat(name, value, optional)
        return
    sequence = _inside(kind, "seq")
    if sequence is not None:
        if not isinstance(value, list | tuple):
            raise BadTensor(f"the value {quoted(name)} is no sequence")
        items = list(value)
        yield Tensor.of(f"{name}#length", np.asarray(len(items), dtype=np.int64))
        for index, item in enumerate(items):
            yield from _flat(f"{name}#{index}", item, sequence)
        return
    mapped = _inside(kind, "map")
    if mapped is not None:
        if not isinstance(value, Mapping):
            raise BadTensor(f"the value {quoted(name)} is no map")
        key, _, content = mapped.partition(",")
        yield Tensor.of(f"{name}#keys", _column(name, list(value), _element(key)))
        yield Tensor.of(f"{name}#values", _column(name, list(value.values()), _element(content)))
        return
    if isinstance(value, Mapping) or value is None:
        raise BadTensor(f"the value {quoted(name)} is no tensor")
    yield Tensor.of(name, value)
