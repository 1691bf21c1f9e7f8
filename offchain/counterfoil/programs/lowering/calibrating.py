"""The float model, folded and run on real data: every tensor's shape and range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from counterfoil.errors import BadCalibration
from counterfoil.formats.dtypes import NAMES
from counterfoil.inference.plain import Plain, folded

Arrays = Mapping[str, NDArray[Any]]

MOST: Final = 256
"""Samples that are looked at: ranges hardly change behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A folded float graph and what its tensors were.

    Attributes:
        graph: with static shapes.
        shapes: of every tensor.
        ranges: least and largest of every float tensor.
    """

    graph: Any
    shapes: Mapping[str, tuple[int, ...]]
    ranges: Mapping[str, tuple[float, float]]


def samples(data: Arrays, inputs: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, Any]]:
    """One feed for each sample.

    Args:
        data: arrays of shape (samples, …).
        inputs: shape of each input; one whose first dimension is 1 may lack it in the data.
    Raises:
        BadCalibration: an array is missing, or does not fit.
    """
    count = {len(data[name]) for name in inputs if name in data and np.ndim(data[name])}
    absent = [name for name in inputs if name not in data]
    if absent:
        raise BadCalibration(f"the data lack the model's input {absent[0]!r}")
    if len(count) != 1 or 0 in count:
        raise BadCalibration("the data's arrays hold different numbers of samples, or none")
    for number in range(count.pop()):
        feed = {}
        for name, shape in inputs.items():
            value = data[name][number]
            if value.shape != shape and value.shape != shape[1:]:
                raise BadCalibration(
                    f"a sample of {name!r} has the shape {list(value.shape)}, "
                    f"the model takes {list(shape)}"
                )
            feed[name] = value.reshape(shape)
        yield feed


def static_shapes(model: Any, data: Arrays) -> dict[str, tuple[int, ...]]:
    """The inputs' shapes: the model's, open dimensions from the data, an open first one 1.

    Raises:
        BadCalibration: the data do not say, or are of another type.
    """
    constants = {i.name for i in model.graph.initializer}
    found = {}
    for value in model.graph.input:
        if value.name in constants:
            continue
        dims = [
            d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else 0
            for d in value.type.tensor_type.shape.dim
        ]
        if value.name not in data:
            raise BadCalibration(f"the data lack the model's input {value.name!r}")
        sample = np.shape(data[value.name])[1:]
        if len(sample) == len(dims) - 1:
            sample = (dims[0] or 1, *sample)
        if len(sample) != len(dims) or any(
            d not in (0, s) for d, s in zip(dims, sample, strict=True)
        ):
            raise BadCalibration(
                f"samples of {value.name!r} have the shape {list(sample)}, the model takes "
                f"{[d or '?' for d in dims]}"
            )
        wanted = NAMES.get(value.type.tensor_type.elem_type)
        given = np.asarray(data[value.name]).dtype.name
        if wanted is not None and given != wanted:
            raise BadCalibration(
                f"the data of {value.name!r} are {given}, the model takes {wanted}"
            )
        found[value.name] = tuple(int(s) for s in sample)
    return found


def fixed(graph: bytes, shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """The model with its inputs' shapes written in, and folded."""
    model = onnx.ModelProto()
    model.ParseFromString(graph)
    for value in model.graph.input:
        if value.name in shapes:
            dims = value.type.tensor_type.shape.dim
            for dim, size in zip(dims, shapes[value.name], strict=True):
                dim.dim_value = size
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return folded(model.SerializeToString())


def calibrated(graph: bytes, data: Arrays) -> Calibrated:
    """Run the model on the data.

    Raises:
        BadCalibration: the data do not fit the model.
        ModelRefused: onnxruntime does not load it.
    """
    model = onnx.ModelProto()
    model.ParseFromString(graph)
    inputs = static_shapes(model, data)
    model.ParseFromString(fixed(graph, inputs))
    known = {i.name for i in model.graph.initializer}
    names = [o for node in model.graph.node for o in node.output if o and o not in known]
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    engine = Plain(watched.SerializeToString(), optimise=False)
    shapes: dict[str, tuple[int, ...]] = dict(inputs)
    ranges: dict[str, tuple[float, float]] = {}
    for number, feed in enumerate(samples(data, inputs)):
        if number >= MOST:
            break
        try:
            values = engine.run(feed)
        except Exception as error:
            raise BadCalibration(
                f"the model does not take sample {number}: {' '.join(str(error).split())[:200]}"
            ) from error
        for name, value in (*feed.items(), *zip(names, values, strict=True)):
            array = np.asarray(value)
            shapes[name] = array.shape
            if array.dtype.kind == "f" and array.size:
                finite = array[np.isfinite(array)]
                low, high = ranges.get(name, (0.0, 0.0))
                ranges[name] = (
                    min(low, float(finite.min(initial=0))),
                    max(high, float(finite.max(initial=0))),
                )
    return Calibrated(graph=model.graph, shapes=shapes, ranges=ranges)
