"""Operators that only move elements, choose among them, or leave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from counterfoil.programs.rows import PADDING

from .elementwise import requantised
from .lowering import Handler, Lowering, Unfit, as_bytes, scale_of
from .values import Given, Lazy, Numbers, Quantised

Attributes = Mapping[str, Any]
Ints = NDArray[np.int64]


def _move(low: Lowering, node: Any, move: Callable[[Ints], Ints]) -> str:
    """Apply a movement to wherever a tensor's elements are."""
    value = low.values[node.input[0]]
    if (
        isinstance(value, Lazy)
        and len(value.sources) == 1
        and (value.sources[0].shape == value.shape)
    ):
        source = value.sources[0]
        moved = source.moved(move(source.rows), move(source.columns))
        low.values[node.output[0]] = Lazy(sources=(moved,), values=value.values, shape=moved.shape)
        return "no step"
    if isinstance(value, Numbers):
        places = move(np.arange(value.block.count).reshape(value.shape))
        if not np.array_equal(places.ravel(), np.arange(value.block.count)):
            raise Unfit("it moves whole numbers")
        low.values[node.output[0]] = Numbers(
            block=value.block, shape=places.shape, dtype=value.dtype
        )
        return "no step"
    source = low.quantised(node.input[0])
    low.values[node.output[0]] = source.moved(move(source.rows), move(source.columns))
    return "no step, or a COPY where the order is needed"


def reshape(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Reshape, Flatten, Squeeze, Unsqueeze: to the shape that was seen."""
    shape = low.shapes[node.output[0]]
    return _move(low, node, lambda a: a.reshape(shape))


def identity(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Identity, and Dropout outside of training."""
    low.values[node.output[0]] = low.values[node.input[0]]
    return "no step"


def transpose(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Transpose."""
    dims = len(low.shapes[node.input[0]])
    order = list(attributes.get("perm", range(dims)[::-1]))
    return _move(low, node, lambda a: a.transpose(order))


def _constants(low: Lowering, node: Any, first: int) -> list[NDArray[Any] | None]:
    found: list[NDArray[Any] | None] = []
    for name in node.input[first:]:
        value = low.constant(name) if name else None
        if name and value is None:
            raise Unfit("where it cuts is no constant")
        found.append(value)
    return found


def slice_(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Slice by constants."""
    given = _constants(low, node, 1)
    starts, ends = given[0], given[1]
    assert starts is not None and ends is not None
    dims = len(low.shapes[node.input[0]])
    axes = given[2] if len(given) > 2 and given[2] is not None else np.arange(len(starts))
    steps = given[3] if len(given) > 3 and given[3] is not None else np.ones(len(starts), np.int64)
    cut = [slice(None)] * dims
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        first, last = int(start), int(end)
        size = low.shapes[node.input[0]][int(axis) % dims]
        stop = None if step < 0 and last < -size else last
        cut[int(axis) % dims] = slice(first, stop, int(step))
    return _move(low, node, lambda a: a[tuple(cut)])


def pad(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Pad with a constant that the tensor's bytes can hold."""
    if attributes.get("mode", b"constant") != b"constant":
        raise Unfit("it pads with other than a constant")
    given = _constants(low, node, 1)
    if not given or given[0] is None or (len(given) > 2 and given[2] is not None):
        raise Unfit("it names no pads, or axes")
    dims = len(low.shapes[node.input[0]])
    amounts = [int(n) for n in given[0]]
    if min(amounts) < 0:
        raise Unfit("it cuts (negative pads)")
    number = float(given[1]) if len(given) > 1 and given[1] is not None else 0.0
    source = low.quantised(node.input[0])
    byte = int(as_bytes(np.array([number]), source.scale, source.zero)[0])
    if abs((byte - source.zero) * float(source.scale) - number) > float(source.scale) / 2:
        raise Unfit("it pads with a number past the tensor's range")
    around = [(amounts[d], amounts[d + dims]) for d in range(dims)]
    rows = np.pad(source.rows, around, constant_values=PADDING)
    columns = np.pad(source.columns, around)
    block = low.builder.copy(
        rows.ravel(), columns.ravel(), width=min(rows.shape[-1], 1024), pad=byte
    )
    places = np.arange(block.count).reshape(rows.shape)
    at_rows, at_columns = np.divmod(places, block.width)
    low.values[node.output[0]] = Quantised(
        scale=source.scale, zero=source.zero, rows=at_rows + block.base, columns=at_columns,
        block=block,
    )  # fmt: skip
    return "COPY"


def concat(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Concat: of parts at one scale."""
    axis = int(attributes["axis"])
    parts = [low.quantised(name) for name in node.input]
    if len({(p.scale, p.zero) for p in parts}) > 1:
        spans = [((0 - p.zero) * float(p.scale), (255 - p.zero) * float(p.scale)) for p in parts]
        scale, zero = scale_of(min(s[0] for s in spans), max(s[1] for s in spans))
        parts = [requantised(low, p, scale, zero) for p in parts]
    low.values[node.output[0]] = Quantised(
        scale=parts[0].scale,
        zero=parts[0].zero,
        rows=np.concatenate([p.rows for p in parts], axis),
        columns=np.concatenate([p.columns for p in parts], axis),
        block=None,
    )
    return "COPY"


def gather(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Gather of a constant table's rows by an input: embeddings."""
    table, index = low.constant(node.input[0]), low.values[node.input[1]]
    if table is None or table.ndim != 2 or attributes.get("axis", 0) != 0:
        raise Unfit("it gathers from other than the rows of a constant table")
    if not isinstance(index, Numbers) or table.dtype.kind != "f":
        raise Unfit("its indices are no input of whole numbers")
    scale, zero = scale_of(float(table.min()), float(table.max()))
    rows = as_bytes(table.astype(np.float64), scale, zero)
    block = low.builder.gather(index.block, rows)
    flat = np.arange(block.count).reshape(*index.shape, table.shape[1])
    at_rows, columns = np.divmod(flat, block.width)
    low.values[node.output[0]] = Quantised(
        scale=scale, zero=zero, rows=at_rows + block.base, columns=columns, block=block
    )  # fmt: skip
    return "GATHER"


def arg_max(low: Lowering, node: Any, attributes: Attributes) -> str:
    """ArgMax, the lowest of equals."""
    if attributes.get("select_last_index", 0):
        raise Unfit("it takes the last of equals")
    source = low.quantised(node.input[0])
    axis = int(attributes.get("axis", 0)) % len(source.shape)
    order = np.moveaxis(np.arange(source.rows.size).reshape(source.shape), axis, -1).ravel()
    block = low.builder.arg_max(low.rows_of(source, order, source.shape[axis]))
    low.values[node.output[0]] = Numbers(
        block=block, shape=low.shapes[node.output[0]], dtype=TensorProto.INT64
    )
    return "ARGMAX"


def cast(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Cast of an input's bytes to float, or of floats to floats."""
    if attributes["to"] != TensorProto.FLOAT or isinstance(low.values[node.input[0]], Numbers):
        raise Unfit("it casts to other than float32, or from wide whole numbers")
    return identity(low, node, attributes)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshape),
    **dict.fromkeys(("Identity", "Dropout"), identity),
    "Transpose": transpose,
    "Slice": slice_,
    "Pad": pad,
    "Concat": concat,
    "Gather": gather,
    "ArgMax": arg_max,
    "Cast": cast,
}

__all__ = ["HANDLERS", "Given"]
