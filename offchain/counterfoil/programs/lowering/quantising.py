"""Quantising a model: calibrate, lower, put the outputs where receipts can name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from counterfoil.errors import BadProgram, NotLowerable
from counterfoil.programs.builder import Block
from counterfoil.programs.program import ExactProgram

from . import elementwise, linear, movement
from .calibrating import Arrays, calibrated
from .lowering import Handler, Lowering, Unfit, spread
from .values import Given, Lazy, Missing, Numbers, Told, Value

HANDLERS: Final[dict[str, Handler]] = {
    **linear.HANDLERS,
    **elementwise.HANDLERS,
    **movement.HANDLERS,
}
"""By operator of the domain ai.onnx."""

OUTSIDE: Final = "no program of this version has it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """A model, lowered.

    Attributes:
        program: what counts.
        told: every operator of the folded model, and what became of it.
        outputs: the program's outputs by the model's tensors: others than the model's own where
            it was cut.
    """

    program: ExactProgram
    told: tuple[Told, ...]
    outputs: tuple[str, ...]


def quantise(graph: bytes, data: Arrays, *, cut: bool = False) -> Quantisation:
    """Lower a float model.

    Args:
        graph: an ONNX file's bytes.
        data: real inputs by name, arrays of shape (samples, …).
        cut: end before operators that cannot be lowered, where nothing that can follows them.
    Raises:
        NotLowerable: operators that no program has, each with its reason.
        BadCalibration: the data do not fit the model.
        ModelRefused: onnxruntime does not load it.
    """
    low = Lowering(calibrated(graph, data))
    _inputs(low)
    told = [_lowered(low, node) for node in low.graph.node]
    outputs = _outputs(low, told, cut=cut)
    for name in outputs:
        _write(low, name)
    try:
        program = low.builder.program()
    except BadProgram as error:
        raise NotLowerable(f"the program would not be valid: {error}") from error
    return Quantisation(program=program, told=tuple(told), outputs=tuple(outputs))


def _inputs(low: Lowering) -> None:
    for value in low.graph.input:
        if value.name in low.values:
            continue
        dtype, shape = value.type.tensor_type.elem_type, low.shapes[value.name]
        if dtype not in (TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT32,
                         TensorProto.INT64):  # fmt: skip
            raise NotLowerable(f"the input {value.name!r} is no float32, uint8, int32 or int64")
        block = low.builder.input(value.name, dtype, shape)
        if dtype == TensorProto.FLOAT:
            low.values[value.name] = Given(name=value.name, block=block, shape=shape)
        elif dtype == TensorProto.UINT8:
            low.values[value.name] = spread(block, shape, np.float32(1), 0)
        else:
            low.values[value.name] = Numbers(block=block, shape=shape, dtype=dtype)


def _lowered(low: Lowering, node: Any) -> Told:
    name = node.name or node.output[0]
    if all(output in low.values for output in node.output if output):
        return Told(node=name, operator=node.op_type, became="in the DOT before it")
    handler = HANDLERS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    missing = [i for i in node.input if i and isinstance(low.values.get(i), Missing)]
    try:
        if missing:
            raise Unfit(f"{missing[0]!r}, which it reads, could not be lowered")
        if handler is None:
            raise Unfit(OUTSIDE)
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        became = handler(low, node, attributes)
    except (Unfit, BadProgram) as error:
        for output in node.output:
            low.values[output] = Missing(reason=str(error))
        return Told(node=name, operator=node.op_type, reason=str(error))
    return Told(node=name, operator=node.op_type, became=became)


def _outputs(low: Lowering, told: list[Told], *, cut: bool) -> list[str]:
    wanted = [o.name for o in low.graph.output]
    if not any(isinstance(low.values.get(name), Missing) for name in wanted):
        return wanted
    lacking = tuple((t.operator, t.node, t.reason) for t in told if t.reason)
    found: list[str] = []
    for name in wanted:
        found += [end for end in _ends(low, name) if end not in found]
    if not cut:
        ends = f"; with --cut it would end at {', '.join(map(repr, found))}" if found else ""
        raise NotLowerable(
            f"{len(lacking)} of {len(told)} operators cannot be lowered: {lacking[0][0]} "
            f"{lacking[0][1]!r}: {lacking[0][2]}{ends}",
            operators=lacking,
        )
    if not found:
        raise NotLowerable("nothing of the model can be lowered", operators=lacking)
    return found


def _ends(low: Lowering, name: str) -> list[str]:
    """The last tensors that were lowered, on the way back from one that was not."""
    value = low.values.get(name)
    if not isinstance(value, Missing):
        lowered = value is not None and not isinstance(value, np.ndarray | Given)
        return [name] if lowered else []
    node = next(n for n in low.graph.node if name in n.output)
    found: list[str] = []
    for i in node.input:
        found += [end for end in _ends(low, i) if end not in found] if i else []
    return found


def _write(low: Lowering, name: str) -> None:
    """An output tensor: whole chunks in C order."""
    value: Value = low.values[name]
    if isinstance(value, np.ndarray):
        raise NotLowerable(f"the output {name!r} is a constant")
    if isinstance(value, Numbers):
        low.builder.output(name, value.dtype, value.shape, value.block)
        return
    if not isinstance(value, Lazy) or len(value.sources) > 1:
        low.quantised(name)
        value = low.lazy(name)
    source = value.sources[0]
    table: NDArray[np.float32] = value.values.astype("<f4")
    flat, placed = low.flat(source)
    block = placed.block
    assert block is not None
    if not np.array_equal(flat.ravel(), np.arange(flat.size)):
        block = low.builder.copy(source.rows.ravel(), source.columns.ravel(), width=256)
    made: Block = low.builder.look_up(block, table, 64)
    low.builder.output(name, TensorProto.FLOAT, value.shape, made)
