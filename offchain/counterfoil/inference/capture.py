"""What onnxruntime receives, as tensors: a run's values before and after it.

onnxruntime takes more than arrays of the declared type: lists, strings of several kinds,
OrtValues. Each becomes here the array that onnxruntime would make of it, and that array is
both committed to and fed. What onnxruntime refuses is left for it to refuse.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_inference_collection import OrtValue

from counterfoil.errors import BadTensor, BigEndianTensor, Uncommitted
from counterfoil.formats.dtypes import NAMES, NUMBERS, PACKED, STRING, WIDTHS
from counterfoil.formats.frozen import filled_at_once
from counterfoil.formats.tensor import Tensor, of_array
from counterfoil.formats.values import flatten


class Unfit(BadTensor):
    """A value that onnxruntime is expected to refuse: it is asked before anybody complains."""


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A run's inputs.

    Attributes:
        tensors: in the order in which the model declares them, initialisers last.
        feed: what onnxruntime is to be given, the same values.
    """

    tensors: tuple[Tensor, ...]
    feed: dict[str, Any]


_ENGINE_NAMES = {"float": "float32", "double": "float64"}


def element_number(kind: str) -> int | None:
    """ONNX's number of the element type in `tensor(…)`; None: no tensor, or an unknown type."""
    if not (kind.startswith("tensor(") and kind.endswith(")")):
        return None
    name = kind[7:-1].lower()
    name = _ENGINE_NAMES.get(name, name)
    if name.startswith("float8") and "_" not in name:  # Float8E4M3FN is float8_e4m3fn here
        name = f"float8_{name[6:]}"
    return NUMBERS.get(name)


Capture = Callable[[Any], tuple[list[Tensor], Any]]
"""From a fed value to its tensors and the value to feed instead."""


class Inputs:
    """Captures the feeds of one session.

    Args:
        declared: names and onnxruntime's type strings, initialisers that may be fed last.
    """

    def __init__(self, declared: Sequence[tuple[str, str]]) -> None:
        self._plan = [(name, _capture(name, kind)) for name, kind in declared]
        self._plain = all(element_number(kind) is not None for _, kind in declared)

    def capture(self, given: Mapping[str, Any]) -> Captured:
        """The tensors of a feed, and the feed that has exactly them.

        Raises:
            BigEndianTensor: onnxruntime would misread an array.
            Uncommitted: a value in a device's memory, or a sequence that only the engine reads.
            Unfit: a name, type or kind of value that onnxruntime is expected to refuse.
            BadTensor: a value that no tensor can hold, or two that would share a name.
        """
        if type(given) is not dict and not isinstance(given, Mapping):
            raise Unfit("a feed is a mapping from names to values")
        tensors: list[Tensor] = []
        feed: dict[str, Any] = {}
        for name, capture in self._plan:
            if name in given:
                value = given[name]
                if isinstance(value, Tensor):  # read from memory that was bound
                    found, feed[name] = [value], value
                else:
                    found, feed[name] = capture(value)
                tensors += found
        if len(feed) != len(given):
            raise Unfit("the feed has a name that the model does not declare")
        if not self._plain:
            _distinct(tensors)
        return Captured(tensors=tuple(tensors), feed=feed)


class Outputs:
    """Reads the outputs of one session.

    Args:
        declared: names and onnxruntime's type strings.
    """

    def __init__(self, declared: Sequence[tuple[str, str]]) -> None:
        self.names = [name for name, _ in declared]
        self._place = {name: place for place, name in enumerate(self.names)}
        self._kinds = {name: (kind, element_number(kind)) for name, kind in declared}
        self._widths = {name: _width(name, number) for name, (_, number) in self._kinds.items()}
        self._plain = all(element_number(kind) is not None for _, kind in declared)

    def tensors(self, asked: Sequence[str], values: Sequence[Any]) -> tuple[Tensor, ...]:
        """The tensors of a run's outputs, in the model's order, each once.

        Args:
            asked: names, as the run was asked for them; repeated ones are one output.
            values: what onnxruntime gave, in that order.
        Raises:
            BadTensor, Uncommitted: a value that no receipt covers.
        """
        found = dict(zip(asked, values, strict=True))
        as_declared = asked is self.names and len(found) == len(asked)
        ordered = asked if as_declared else sorted(found, key=self._place.__getitem__)
        tensors: list[Tensor] = []
        for name in ordered:
            tensors += self._read(name, found[name])
        if not self._plain:
            _distinct(tensors)
        return tuple(tensors)

    def _read(self, name: str, value: Any) -> list[Tensor]:
        kind, number = self._kinds[name]
        if number is not None and number != STRING and isinstance(value, np.ndarray):
            # Arrays of the type, or for types that NumPy lacks their bytes: float8 as uint8.
            if value.itemsize == self._widths[name]:
                return [of_array(name, number, value)]
            return [Tensor(name=name, dtype=number, shape=value.shape, data=value.tobytes())]
        if isinstance(value, OrtValue):
            return [of_ortvalue(name, value)]
        if number is None or not isinstance(value, np.ndarray):
            return flatten([name], [value], [kind])
        return [Tensor.of(name, value)]


def of_ortvalue(name: str, value: Any) -> Tensor:
    """The tensor that an OrtValue in the processor's memory holds, of any element type.

    Raises:
        Uncommitted: it is in a device's memory, or no dense tensor.
    """
    if not value.is_tensor() or value.is_sparse_tensor():
        raise Uncommitted(f"the OrtValue {name!r} is no dense tensor: give it as Python values")
    if value.device_name().lower() != "cpu":
        raise Uncommitted(f"the OrtValue {name!r} is in a device's memory: copy it to the CPU")
    number = int(value.element_type())
    shape = tuple(value.shape())
    if number == STRING:
        return Tensor.of(name, value.numpy())
    size = value.tensor_size_in_bytes() if 0 not in shape else 0
    data = ctypes.string_at(value.data_ptr(), size) if size else b""
    if number in PACKED:
        data = _clear_padding(data, shape, PACKED[number])
    return Tensor(name=name, dtype=number, shape=shape, data=data)


def _clear_padding(data: bytes, shape: tuple[int, ...], bits: int) -> bytes:
    """Zeros where the last byte holds no element."""
    used = (int(np.prod(shape, dtype=np.int64)) * bits) % 8
    return data[:-1] + bytes([data[-1] & ((1 << used) - 1)]) if used and data else data


def _width(name: str, number: int | None) -> int:
    """Bytes per element where an array of so many is the tensor as it stands; 0: there is none."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return 0
    return WIDTHS.get(number or 0, 0)


def _capture(name: str, kind: str) -> Capture:
    number = element_number(kind)
    if number == STRING:
        return lambda value: _string_tensor(name, value)
    if number is not None:
        return _numeric(name, number)
    return lambda value: _structured(name, kind, value)


def _numeric(name: str, number: int) -> Capture:
    """Captures tensors of one element type; the usual array costs one comparison."""
    try:
        dtype: np.dtype[Any] | None = np.dtype(NAMES[number])
    except TypeError:  # fed as OrtValues only
        dtype = None
    plain = dtype is not None and dtype.itemsize == _width(name, number)

    def capture(value: Any) -> tuple[list[Tensor], Any]:
        if isinstance(value, np.ndarray):
            array = value if type(value) is np.ndarray else np.asarray(value)
            if array.dtype == dtype:
                if plain:
                    return [of_array(name, number, array)], value
                tensor = Tensor(name=name, dtype=number, shape=array.shape, data=array.tobytes())
                return [tensor], value
            _refuse_big_endian(name, array)
            raise Unfit(f"the input {name!r} is {array.dtype}, not {NAMES[number]}")
        if isinstance(value, list) and dtype is not None:
            try:
                made: NDArray[Any] = np.array(value, dtype=dtype)
            except (TypeError, ValueError, OverflowError) as error:
                raise Unfit(f"the list for input {name!r} makes no {NAMES[number]}") from error
            data = made.tobytes()
            return [Tensor(name=name, dtype=number, shape=made.shape, data=data)], made
        if isinstance(value, OrtValue):
            return [of_ortvalue(name, value)], value
        raise Unfit(f"the input {name!r} is a {type(value).__name__}, not an array")

    return capture


def _string_tensor(name: str, value: Any) -> tuple[list[Tensor], Any]:
    if isinstance(value, OrtValue):
        return [of_ortvalue(name, value)], value
    if isinstance(value, list):
        try:
            value = np.array(value, dtype=object)
        except ValueError as error:
            raise Unfit(f"the list for input {name!r} makes no strings") from error
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "OUS":
        raise Unfit(f"the input {name!r} is no array of strings")
    _refuse_big_endian(name, value)
    made = np.empty(value.shape, dtype=object)
    made.ravel()[:] = [_as_engine_reads(item, value.dtype.kind) for item in value.ravel()]
    return [Tensor.of(name, made)], made


def _as_engine_reads(item: Any, kind: str) -> str:
    """onnxruntime ends fixed-width strings at their first NUL, and writes objects out."""
    if kind == "O":
        return str(item)
    try:
        text = item.decode() if kind == "S" else str(item)
    except UnicodeDecodeError as error:
        raise Unfit("a string is no UTF-8") from error
    end = text.find("\0")
    return text if end < 0 else text[:end]


def _structured(name: str, kind: str, value: Any) -> tuple[list[Tensor], Any]:
    """Sequences, maps and optionals."""
    if kind.startswith("optional("):
        inner = kind[len("optional(") : -1]
        if value is None:
            return flatten([name], [None], [kind]), None
        return _capture(name, inner)(value)
    if kind.startswith("seq(tensor("):
        if not isinstance(value, list):
            raise Unfit(f"the input {name!r} is a {type(value).__name__}, not a list of arrays")
        element = _capture(name, kind[4:-1])
        items = []
        for item in value:
            if not isinstance(item, np.ndarray):
                raise Unfit(f"the list for input {name!r} holds other than arrays")
            items.append(element(item)[1])
        return flatten([name], [items], [kind]), items
    if kind.startswith("map("):
        if not isinstance(value, dict):
            raise Unfit(f"the input {name!r} is a {type(value).__name__}, not a dict")
        # The engine keeps maps in the order of their keys.
        ordered = dict(sorted(value.items(), key=lambda item: _map_key(name, item[0])))
        try:
            return flatten([name], [ordered], [kind]), ordered
        except BadTensor as error:
            raise Unfit(str(error)) from error
    raise Unfit(f"the input {name!r} is {kind}, which is not fed from Python")


def _map_key(name: str, key: Any) -> tuple[int, bytes]:
    if isinstance(key, str):
        return 0, key.encode("utf-8", "surrogatepass")
    if isinstance(key, int):
        return int(key), b""
    raise Unfit(f"the map for input {name!r} has a key of {type(key).__name__}")


def _refuse_big_endian(name: str, array: NDArray[Any]) -> None:
    if not array.dtype.isnative:
        raise BigEndianTensor(
            f"the input {name!r} is big-endian ({array.dtype.str}), which onnxruntime misreads: "
            f"give .astype({array.dtype.newbyteorder('=').str!r})"
        )


def _distinct(tensors: Sequence[Tensor]) -> None:
    seen: set[str] = set()
    for tensor in tensors:
        if tensor.name in seen:
            raise BadTensor(f"two values would both be called {tensor.name!r}")
        seen.add(tensor.name)
