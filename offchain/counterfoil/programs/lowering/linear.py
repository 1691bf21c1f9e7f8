"""Products: convolutions, matrix products, averages; and the windows of MaxPool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.programs import limits
from counterfoil.programs.builder import Window, bits
from counterfoil.programs.rows import Weights

from .lowering import Handler, Lowering, Unfit, placed, scale_of
from .values import Given, Quantised

ZERO = 128
"""The weights' zero: the bytes 1…255 are −127…127."""

Attributes = Mapping[str, Any]


def quantised_weights(
    weights: NDArray[Any], bias: NDArray[Any], scale: np.float32
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int64]]:
    """Bytes, a scale for every channel, and whole biases.

    Args:
        weights: shape (channels, …).
        scale: of the values that they are multiplied with.
    """
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    largest = np.abs(flat).max(axis=1, initial=0) / 127
    least = np.abs(bias.astype(np.float64)) / np.float64(scale) / 2**22
    scales = np.maximum(np.maximum(largest, least), 2.0**-40).astype(np.float32)
    values = np.clip(np.rint(flat / scales[:, None].astype(np.float64)), -127, 127) + ZERO
    whole = np.rint(bias / (np.float64(scale) * scales.astype(np.float64)))
    return values.astype(np.uint8).reshape(weights.shape), scales, whole.astype(np.int64)


def channels_of(
    values: NDArray[np.uint8],
    scales: NDArray[np.float32],
    bias: NDArray[np.int64],
    *,
    zero: int,
    source: Quantised,
    scale: np.float32,
) -> list[Weights]:
    """Weight rows, with the multiplier as onnxruntime has it.

    Args:
        values: shape (channels, K), in the order of the window.
        zero: of the weights.
        scale: of the output.
    """
    multipliers = np.float32(source.scale) * scales / np.float32(scale)
    sums = (values.astype(np.int64) - zero).sum(axis=1)
    return [
        Weights(
            zero=zero,
            multiplier=bits(multiplier),
            constant=int(b - source.zero * total),
            values=row.tobytes(),
        )
        for row, multiplier, b, total in zip(values, multipliers, bias, sums, strict=True)
    ]


def output_range(low: Lowering, name: str) -> tuple[np.float32, int, str]:
    """Scale, zero and name of what a product writes: behind a Relu or a Clip at 0, if one follows.

    Its clamp at the byte 0 is then theirs.
    """
    node = low.only_user(name, "Relu", "Clip")
    if node is not None and node.op_type == "Clip":
        least = low.constant(node.input[1]) if len(node.input) > 1 and node.input[1] else None
        if least is None or float(least) != 0:
            node = None
    if node is None:
        return *low.range(name), name
    after = node.output[0]
    return *scale_of(0.0, low.ranges[after][1]), after


def conv(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Conv of one picture, or of one row of numbers."""
    weights = low.constant(node.input[1])
    if weights is None:
        raise Unfit("its weights are no constants")
    shape, out = low.shapes[node.input[0]], low.shapes[node.output[0]]
    if len(shape) not in (3, 4) or shape[0] != 1:
        raise Unfit(f"its input has the shape {list(shape)}: one picture or one row is taken")
    bias = low.constant(node.input[2]) if len(node.input) > 2 else np.zeros(len(weights))
    if bias is None:
        raise Unfit("its bias is no constant")
    group = int(attributes.get("group", 1))
    kernel, window = _window(attributes, shape, out, tuple(weights.shape[2:]))
    per_group, columns = len(weights) // group, shape[1] // group
    depth = int(np.prod(kernel)) * columns
    if depth > limits.DEPTH or np.prod(kernel) > limits.TAPS:
        raise Unfit(
            f"it multiplies {depth} bytes at {np.prod(kernel)} places, "
            f"the limits are {limits.DEPTH} and {limits.TAPS}"
        )
    source = low.quantised(node.input[0], width=shape[1])
    scale, zero, name = output_range(low, node.output[0])
    values, scales, whole = quantised_weights(weights, bias, source.scale)
    ordered = np.moveaxis(values.reshape(len(values), columns, -1), 1, 2)
    rows = channels_of(
        ordered.reshape(len(values), -1), scales, whole, zero=ZERO, source=source, scale=scale
    )
    places = int(np.prod(shape[2:]))
    order = np.arange(places * shape[1]).reshape(shape[1], places).T.ravel()
    block = low.builder.dot(
        low.rows_of(source, order, shape[1]),
        window,
        rows,
        columns=columns,
        per_group=per_group,
        zero=zero,
        pad=source.zero,
    )
    flat = np.arange(block.count).reshape(*out[2:], out[1])
    low.values[name] = placed(block, np.moveaxis(flat, -1, 0)[None], scale, zero)
    if name != node.output[0]:
        low.values[node.output[0]] = low.values[name]
    return f"DOT of {depth}" + ("" if name == node.output[0] else ", with what follows")


def _pair(values: Sequence[int]) -> tuple[int, int]:
    return (1, int(values[0])) if len(values) == 1 else (int(values[0]), int(values[1]))


def _window(
    attributes: Attributes,
    shape: tuple[int, ...],
    out: tuple[int, ...],
    kernel: tuple[int, ...],
) -> tuple[tuple[int, ...], Window]:
    dims = len(shape) - 2
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise Unfit("it pads by itself (auto_pad): give pads")
    ones = [1] * dims
    pads = attributes.get("pads", [0] * 2 * dims)[:dims]
    before = [0] if dims == 1 else []
    return kernel, Window(
        source=_pair(shape[2:]),
        out=_pair(out[2:]),
        kernel=_pair(kernel),
        strides=_pair(attributes.get("strides", ones)),
        dilations=_pair(attributes.get("dilations", ones)),
        pads=_pair([*before, *pads] if dims == 1 else pads),
    )


def matmul(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Gemm and MatMul with constant weights."""
    weights = low.constant(node.input[1])
    if weights is None or weights.ndim != 2:
        raise Unfit("its second factor is no constant matrix")
    shape, out = low.shapes[node.input[0]], low.shapes[node.output[0]]
    factor, added = 1.0, 1.0
    if node.op_type == "Gemm":
        if attributes.get("transA", 0):
            raise Unfit("it turns its first factor (transA)")
        factor, added = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
        weights = weights if attributes.get("transB", 0) else weights.T
    else:
        weights = weights.T
    name = node.output[0]
    bias = np.zeros(len(weights))
    if node.op_type == "Gemm" and len(node.input) > 2 and node.input[2]:
        bias = _bias(low.constant(node.input[2]), len(weights)) * added
    elif node.op_type == "MatMul" and (after := low.only_user(name, "Add")) is not None:
        other = next((low.constant(i) for i in after.input if i != name), None)
        if other is not None and other.size == len(weights) == other.shape[-1]:
            bias, name = other.ravel(), after.output[0]
    depth = weights.shape[1]
    if depth > min(limits.DEPTH, limits.TRACE_ROW):
        raise Unfit(f"it multiplies {depth} bytes, the limit is {limits.TRACE_ROW}")
    source = low.quantised(node.input[0], width=depth)
    scale, zero, name = output_range(low, name)
    values, scales, whole = quantised_weights(weights * factor, bias, source.scale)
    places = int(np.prod(shape[:-1]))
    block = low.builder.dot(
        low.rows_of(source, np.arange(places * depth), depth),
        Window(source=(places, 1), out=(places, 1)),
        channels_of(values, scales, whole, zero=ZERO, source=source, scale=scale),
        columns=depth,
        zero=zero,
    )
    result = placed(block, np.arange(block.count).reshape(out), scale, zero)
    low.values[node.output[0]] = low.values[name] = result
    return f"DOT of {depth}" + ("" if name == node.output[0] else ", with what follows")


def _bias(bias: NDArray[Any] | None, count: int) -> NDArray[Any]:
    if bias is None or bias.size not in (1, count):
        raise Unfit("its bias is no constant of one row")
    return np.broadcast_to(bias.ravel(), (count,))


def average(low: Lowering, node: Any, attributes: Attributes) -> str:
    """GlobalAveragePool, ReduceMean over a picture, and AveragePool that counts what it pads."""
    shape, out = low.shapes[node.input[0]], low.shapes[node.output[0]]
    if len(shape) != 4 or shape[0] != 1:
        raise Unfit(f"its input has the shape {list(shape)}: one picture is taken")
    channels, size = shape[1], shape[2] * shape[3]
    whole = node.op_type != "AveragePool"
    if node.op_type == "ReduceMean":
        axes = attributes.get("axes")
        if axes is None and len(node.input) > 1:
            axes = low.constant(node.input[1])
        if axes is None or sorted(int(a) % 4 for a in axes) != [2, 3]:
            raise Unfit("it averages over other than height and width")
    kernel = tuple(shape[2:]) if whole else tuple(attributes["kernel_shape"])
    pads = [0] * 4 if whole else list(attributes.get("pads", [0] * 4))
    if any(pads) and not attributes.get("count_include_pad", 0):
        raise Unfit("it averages over other numbers of elements at the rim")
    if not whole and attributes.get("ceil_mode", 0):
        raise Unfit("it has ceil_mode")
    if attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise Unfit("it pads by itself (auto_pad): give pads")
    count = int(np.prod(kernel))
    if count > limits.TRACE_ROW or (not whole and count > limits.TAPS):
        raise Unfit(f"it averages over {count} elements")
    source = low.quantised(node.input[0], width=channels)
    scale, zero = low.range(node.output[0])
    ones = np.ones((channels, 1, *kernel), dtype=np.uint8)
    each = np.full(channels, np.float32(1) / np.float32(count), dtype=np.float32)
    nothing = np.zeros(channels, dtype=np.int64)
    rows = channels_of(
        ones.reshape(channels, -1), each, nothing, zero=0, source=source, scale=scale
    )
    strides = [1, 1] if whole else list(attributes.get("strides", [1, 1]))
    if whole:
        block = low.builder.dot(
            low.rows_of(source, np.arange(channels * size), size),
            Window(source=(channels, 1), out=(channels, 1)),
            rows[:1],
            columns=size,
            zero=zero,
        )
        flat = np.arange(channels).reshape(out)
    else:
        block = low.builder.dot(
            low.rows_of(source, _by_place(shape), channels),
            Window(
                source=(shape[2], shape[3]), out=(out[2], out[3]), kernel=_pair(kernel),
                strides=_pair(strides), pads=_pair(pads),
            ),
            rows,
            columns=1,
            per_group=1,
            zero=zero,
            pad=source.zero,
        )  # fmt: skip
        flat = np.moveaxis(np.arange(block.count).reshape(*out[2:], channels), -1, 0)[None]
    low.values[node.output[0]] = placed(block, flat, scale, zero)
    return f"DOT of {count}"


def _by_place(shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.arange(int(np.prod(shape))).reshape(shape[1], -1).T.ravel()


def max_pool(low: Lowering, node: Any, attributes: Attributes) -> str:
    """MaxPool over a picture."""
    shape, out = low.shapes[node.input[0]], low.shapes[node.output[0]]
    if len(shape) != 4 or shape[0] != 1 or len(node.output) > 1:
        raise Unfit(f"its input has the shape {list(shape)}: one picture is taken, no indices")
    kernel, window = _window(attributes, shape, out, tuple(attributes["kernel_shape"]))
    if np.prod(kernel) > limits.TAPS:
        raise Unfit(f"it looks at {np.prod(kernel)} places, the limit is {limits.TAPS}")
    if isinstance(low.values[node.input[0]], Given):
        raise Unfit("it is the first operator: put it behind one that reads the input")
    source = low.quantised(node.input[0])
    block = low.builder.max(low.rows_of(source, _by_place(shape), shape[1]), window)
    flat = np.moveaxis(np.arange(block.count).reshape(*out[2:], shape[1]), -1, 0)[None]
    low.values[node.output[0]] = placed(block, flat, source.scale, source.zero)
    return f"MAX of {np.prod(kernel)}"


HANDLERS: dict[str, Handler] = {
    "Conv": conv,
    "Gemm": matmul,
    "MatMul": matmul,
    "GlobalAveragePool": average,
    "ReduceMean": average,
    "AveragePool": average,
    "MaxPool": max_pool,
}
