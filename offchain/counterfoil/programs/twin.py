"""A program as an ONNX graph, for onnxruntime's fast path (docs/programs.md §9).

It is made from the program's rows and from nothing else: a graph that a publisher wrote could
give other numbers on the one input that it was made for. Products are QLinearConv over
channels-last pictures of uint8, weights included, as u8 × u8 kernels do not saturate; functions
of bytes are look-ups in the program's own tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from counterfoil.errors import NoTwin
from counterfoil.formats.chunks import chunk_count

from .program import ExactProgram
from .rows import PADDING, PER_INDEX_ROW, Kind, Operator, Weights, index_entries

OPSET: Final = 13
IR: Final = 8
"""Of the graph. Source: ONNX 1.10; QuantizeLinear is of opset 13, ArgMax of uint8 too."""

CONTRIB: Final = "com.microsoft"
"""Domain of channels-last operators. Source: onnxruntime's ContribOperators.md."""

INT32: Final = 2**31


def twin_of(program: ExactProgram) -> onnx.ModelProto:
    """The graph.

    Raises:
        NoTwin: an operator has no equal in onnxruntime.
    """
    return _Twin(program).model()


class _Twin:
    def __init__(self, program: ExactProgram) -> None:
        self._program = program
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[tuple[str, bytes], str] = {}
        self._blocks: list[tuple[int, int, int, str]] = []  # first row, rows, size, flat name
        self._inputs = [_value(e.name, e.dtype, e.shape) for e in program.inputs]
        self._outputs = [_value(e.name, e.dtype, e.shape) for e in program.outputs]
        self._floats = _float_rows(program)
        for e in program.inputs:
            size = e.length // int(np.prod(e.shape, dtype=np.int64))
            self._blocks.append((e.base, chunk_count(e.length), size, self._reshape(e.name, [-1])))
        for o in program.operators:
            made = self._operator(o)
            self._blocks.append((o.out, o.rows, o.size, self._reshape(made, [-1])))
        for e in program.outputs:
            flat = self._flat(e.base, e.length)
            shape = self._constant(np.array(e.shape, dtype=np.int64))
            self._nodes.append(helper.make_node("Reshape", [flat, shape], [e.name]))

    def model(self) -> onnx.ModelProto:
        """The whole of it."""
        graph = helper.make_graph(
            self._nodes, "program", self._inputs, self._outputs, self._constants
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(
            graph, opset_imports=opsets, ir_version=IR, producer_name="counterfoil"
        )

    # Pieces

    def _name(self) -> str:
        return f"t#{len(self._nodes)}"

    def _constant(self, array: NDArray[Any]) -> str:
        key = (f"{array.dtype}{array.shape}", array.tobytes())
        if key not in self._known:
            self._known[key] = f"c#{len(self._known)}"
            self._constants.append(numpy_helper.from_array(array, self._known[key]))
        return self._known[key]

    def _node(self, kind: str, inputs: Sequence[str], domain: str = "", **attributes: Any) -> str:
        name = self._name()
        self._nodes.append(
            helper.make_node(kind, list(inputs), [name], domain=domain, **attributes)
        )
        return name

    def _reshape(self, name: str, shape: Sequence[int]) -> str:
        return self._node("Reshape", [name, self._constant(np.array(shape, dtype=np.int64))])

    def _look(self, table: NDArray[Any], index: str) -> str:
        # Of one dimension: some five times as fast as Gather, which copies each by itself.
        return self._node("GatherElements", [self._constant(table), index], axis=0)

    def _cut(self, name: str, start: int, stop: int) -> str:
        bounds = [np.array([n], dtype=np.int64) for n in (start, stop, 0)]
        return self._node("Slice", [name, *map(self._constant, bounds)])

    def _flat(self, first: int, length: int) -> str:
        """`length` bytes from trace row `first` on, one after the other."""
        offsets = self._program.offsets
        wanted = (int(offsets[first]), int(offsets[first]) + length)
        parts = []
        for base, rows, size, name in self._blocks:
            begin, end = int(offsets[base]), int(offsets[base + rows])
            start, stop = max(begin, wanted[0]), min(end, wanted[1])
            if start < stop:
                whole = (start, stop) == (begin, end)
                parts.append(
                    (start, name if whole else
                     self._cut(name, (start - begin) // size, (stop - begin) // size))
                )  # fmt: skip
        ordered = [name for _, name in sorted(parts)]
        return ordered[0] if len(ordered) == 1 else self._node("Concat", ordered, axis=0)

    def _table(self, o: Operator, count: int) -> NDArray[Any]:
        joined = b"".join(row[1:] for row in self._program.rows[o.table : o.table + count])
        kind = {1: "u1", 4: "<f4" if o.out in self._floats else "<i4", 8: "<i8"}[o.size]
        return np.frombuffer(joined, dtype=kind)

    # Operators

    def _operator(self, o: Operator) -> str:
        made = {
            Kind.DOT: self._dot,
            Kind.MAX: self._largest,
            Kind.COPY: self._copy,
            Kind.LUT1: self._look_up,
            Kind.LUT2: self._look_up_two,
            Kind.ARGMAX: self._arg_max,
            Kind.GATHER: self._gather,
            Kind.QUANT: self._quantise,
        }.get(o.kind)
        if made is None:
            raise NoTwin(f"onnxruntime has no exact {o.kind.name}")
        return made(o)

    def _arg_max(self, o: Operator) -> str:
        source = self._flat(o.source, o.count * o.source_width)
        rows = self._reshape(source, [o.count, o.source_width])
        return self._node("ArgMax", [rows], axis=1, keepdims=0)

    def _gather(self, o: Operator) -> str:
        index = self._flat(o.source, o.count // o.width * o.index_size)
        table = self._table(o, o.entries).reshape(-1, o.width)
        return self._node("Gather", [self._constant(table), index], axis=0)

    def _quantise(self, o: Operator) -> str:
        scale = np.array(o.scale, dtype=np.uint32).view(np.float32)
        zero = np.array(o.zero, dtype=np.uint8)
        source = self._flat(o.source, 4 * o.count)
        return self._node("QuantizeLinear", [source, self._constant(scale), self._constant(zero)])

    def _look_up(self, o: Operator) -> str:
        index = self._node("Cast", [self._flat(o.source, o.count)], to=TensorProto.INT32)
        return self._look(self._table(o, 1), index)

    def _look_up_two(self, o: Operator) -> str:
        high = self._node("Cast", [self._flat(o.source, o.count)], to=TensorProto.INT32)
        high = self._node("Mul", [high, self._constant(np.array(256, dtype=np.int32))])
        low = self._node("Cast", [self._flat(o.second, o.modulus)], to=TensorProto.INT32)
        span = o.divisor * o.modulus
        if o.count % span == 0:
            high = self._reshape(high, [o.count // span, o.modulus, o.divisor])
            low = self._reshape(low, [1, o.modulus, 1])
        elif span != o.count:
            place = np.arange(o.count) // o.divisor % o.modulus
            low = self._node("GatherElements", [low, self._constant(place)], axis=0)
        index = self._reshape(self._node("Add", [high, low]), [-1])
        return self._look(self._table(o, 256), index)

    def _picture(self, o: Operator) -> tuple[str, dict[str, list[int]]]:
        source = self._flat(o.source, o.in_h * o.in_w * o.source_width)
        name = self._reshape(source, [1, o.in_h, o.in_w, o.source_width])
        behind = [
            (out - 1) * stride + (kernel - 1) * dilation + 1 - size - pad
            for out, stride, kernel, dilation, size, pad in (
                (o.out_h, o.stride_h, o.k_h, o.dilation_h, o.in_h, o.pad_h),
                (o.out_w, o.stride_w, o.k_w, o.dilation_w, o.in_w, o.pad_w),
            )
        ]
        if min(behind) < 0:  # a rim that no window sees; onnxruntime would see it
            for axis, (size, over) in enumerate(zip((o.in_h, o.in_w), behind, strict=True), 1):
                if over < 0:
                    if size + over <= 0:
                        raise NoTwin(f"a {o.kind.name} looks at nothing but its padding")
                    bounds = [np.array([n], dtype=np.int64) for n in (0, size + over, axis)]
                    name = self._node("Slice", [name, *map(self._constant, bounds)])
        return name, {
            "kernel_shape": [o.k_h, o.k_w],
            "strides": [o.stride_h, o.stride_w],
            "dilations": [o.dilation_h, o.dilation_w],
            "pads": [o.pad_h, o.pad_w, max(behind[0], 0), max(behind[1], 0)],
        }

    def _largest(self, o: Operator) -> str:
        name, window = self._picture(o)
        pads, kernel = window["pads"], window["kernel_shape"]
        if any(p >= k for p, k in zip(pads, kernel * 2, strict=True)):
            raise NoTwin("a MAX has more padding than window")
        return self._node("NhwcMaxPool", [name], CONTRIB, **window)

    def _dot(self, o: Operator) -> str:
        channels = [
            Weights.decode(row, o.depth) for row in self._program.rows[o.table :][: o.width]
        ]
        zero = channels[0].zero
        groups = -(-o.width // o.per_group)
        if any(c.zero != zero for c in channels):
            raise NoTwin("the channels of a DOT have different zeros")
        if groups > 1 and o.width % o.per_group:
            raise NoTwin("the groups of a DOT are of different sizes")
        name, window = self._picture(o)
        used = groups * o.columns
        if used != o.source_width:
            bounds = [np.array([n], dtype=np.int64) for n in (0, used, 3)]
            name = self._node("Slice", [name, *map(self._constant, bounds)])
        values = np.frombuffer(b"".join(c.values for c in channels), dtype=np.uint8)
        sums = (values.reshape(o.width, -1).astype(np.int64) - zero).sum(axis=1)
        bias = np.array([c.constant for c in channels]) + o.pad * sums
        if (np.abs(bias) >= INT32).any():
            raise NoTwin("a DOT has constants that no bias can hold")
        shaped = values.reshape(o.width, o.k_h, o.k_w, o.columns).transpose(0, 3, 1, 2)
        multipliers = np.array([c.multiplier for c in channels], dtype=np.uint32)
        one = self._constant(np.array(1, dtype=np.float32))
        return self._node(
            "QLinearConv",
            [
                name, one, self._constant(np.array(o.pad, dtype=np.uint8)),
                self._constant(np.ascontiguousarray(shaped)),
                self._constant(multipliers.view(np.float32)),
                self._constant(np.array(zero, dtype=np.uint8)),
                one, self._constant(np.array(o.zero, dtype=np.uint8)),
                self._constant(bias.astype(np.int32)),
            ],
            CONTRIB,
            channels_last=1,
            group=groups,
            **window,
        )  # fmt: skip

    def _copy(self, o: Operator) -> str:
        program = self._program
        wanted = -(-o.count // PER_INDEX_ROW)
        rows, columns = index_entries(
            b"".join(row[1:] for row in program.rows[o.table : o.table + wanted])
        )
        padded = rows == PADDING
        rows = np.where(padded, 0, rows)
        places = program.offsets[rows] + columns * o.size
        firsts = [b for b in self._blocks if b[2] == o.size]
        begins = np.array([program.offsets[b[0]] for b in firsts])
        ends = np.array([program.offsets[b[0] + b[1]] for b in firsts])
        index = np.zeros(o.count, dtype=np.int64)
        found, sources, start = padded.copy(), [], 0
        for (_, _, _, name), begin, end in zip(firsts, begins, ends, strict=True):
            inside = ~padded & (places >= begin) & (places < end)
            if inside.any():
                index[inside] = (places[inside] - begin) // o.size + start
                sources.append(name)
                start += (end - begin) // o.size
                found |= inside
        if not found.all():
            raise NoTwin("a COPY reads part of wider elements")
        if padded.any():
            if o.size != 1:
                raise NoTwin("a COPY pads wide elements")
            index[padded] = start
            sources.append(self._constant(np.array([o.pad], dtype=np.uint8)))
        source = sources[0] if len(sources) == 1 else self._node("Concat", sources, axis=0)
        return self._node("GatherElements", [source, self._constant(index)], axis=0)


def _float_rows(program: ExactProgram) -> set[int]:
    """First rows of operators whose elements of 4 bytes are float32: where they end up says so."""
    rows = np.zeros(program.trace_rows, dtype=bool)
    for e in program.outputs:
        if e.dtype == TensorProto.FLOAT:
            rows[e.base : e.base + chunk_count(e.length)] = True
    for o in reversed(program.operators):
        if o.kind is Kind.COPY and o.size == 4 and rows[o.out]:
            wanted = -(-o.count // PER_INDEX_ROW)
            tables = program.rows[o.table : o.table + wanted]
            sources, _ = index_entries(b"".join(row[1:] for row in tables))
            for source in np.unique(sources[sources != PADDING]):
                for other in program.operators:
                    if other.out <= source < other.out + other.rows:
                        rows[other.out] = True
    return {o.out for o in program.operators if rows[o.out]}


def _value(name: str, dtype: int, shape: Sequence[int]) -> Any:
    return helper.make_tensor_value_info(name, dtype, list(shape))
