"""Every operator by itself, on what breaks one: the executors, a step alone, and onnxruntime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.inference.plain import Plain
from counterfoil.programs import (
    Block,
    Builder,
    ExactProgram,
    Executor,
    Kind,
    Weights,
    Window,
    compiled,
    opened,
)
from counterfoil.programs.builder import bits
from counterfoil.programs.rows import PADDING
from counterfoil.programs.twin import twin_of
from onnx import TensorProto, helper
from random_programs import SPECIAL, channels

BYTES = np.arange(256, dtype=np.uint8)
Case = tuple[ExactProgram, list[Tensor], Kind]


def rng() -> np.random.Generator:
    return np.random.default_rng(9)


def ended(b: Builder, block: Block, kind: Kind, *inputs: Tensor) -> Case:
    """The program whose output is this block."""
    rows, columns = block.addresses()
    laid = b.copy(rows, columns, width=256 // block.size, size=block.size)
    dtype = NUMBERS[{1: "uint8", 4: "float32", 8: "int64"}[block.size]]
    b.output("y", dtype, (block.count,), laid)
    return b.program(), list(inputs), kind


def bytes_in(b: Builder, data: np.ndarray, width: int) -> tuple[Block, Tensor]:
    given = b.input("x", NUMBERS["uint8"], (data.size,))
    return b.look_up(given, BYTES, width), Tensor.of("x", data.ravel())


def halves(count: int) -> list[Weights]:
    """Channels whose sums of two equal bytes are halves once multiplied, even and odd."""
    return [
        Weights(
            zero=0, multiplier=bits(2.0 ** -(s + 1)), constant=(2 * n + 1) << s, values=b"\1\0\0\0"
        )
        for n, s in zip(range(-count // 2, count // 2), [*range(8)] * count, strict=False)
    ]


def dot(groups: int, each: int) -> Callable[[], Case]:
    """Bytes that make halves, that saturate at both ends, and that lie on a rim of padding."""

    def case() -> Case:
        b, r = Builder(), rng()
        data = r.choice([0, 1, 2, 128, 254, 255], (6, 5, groups * 3)).astype(np.uint8)
        block, tensor = bytes_in(b, data, groups * 3)
        window = Window(source=(6, 5), out=(6, 5), kernel=(3, 3), pads=(1, 1))
        rows = channels(r, groups * each, 27, alike=True)
        made = b.dot(block, window, rows, columns=3, per_group=each, zero=131, pad=77)
        return ended(b, made, Kind.DOT, tensor)

    return case


def dot_apart() -> Case:
    b, r = Builder(), rng()
    data = r.choice([0, 1, 255], (7, 7, 19)).astype(np.uint8)
    block, tensor = bytes_in(b, data, 19)
    window = Window(source=(7, 7), out=(4, 4), kernel=(3, 3), strides=(2, 2), pads=(1, 1))
    rows = channels(r, 19, 9, alike=True)
    made = b.dot(block, window, rows, columns=1, per_group=1, zero=5, pad=3)
    return ended(b, made, Kind.DOT, tensor)


def dot_halves() -> Case:
    b = Builder()
    block, tensor = bytes_in(b, np.repeat(np.arange(0, 256, 2, dtype=np.uint8), 4), 4)
    window = Window(source=(16, 8), out=(16, 8))
    made = b.dot(block, window, halves(64), columns=4, zero=128)
    return ended(b, made, Kind.DOT, tensor)


def largest() -> Case:
    b = Builder()
    data = rng().choice([0, 1, 254, 255], (7, 6, 17)).astype(np.uint8)
    block, tensor = bytes_in(b, data, 17)
    window = Window(source=(7, 6), out=(4, 3), kernel=(3, 3), strides=(2, 2), pads=(1, 1))
    return ended(b, b.max(block, window), Kind.MAX, tensor)


def largest_place() -> Case:
    """Rows whose largest byte is first, last, everywhere, and twice."""
    b, rows = Builder(), np.zeros((40, 13), dtype=np.uint8)
    rows[1] = 255
    for number in range(2, 40):
        rows[number] = number
        rows[number, [number % 13, (5 * number) % 13]] = 200
    block, tensor = bytes_in(b, rows, 13)
    return ended(b, b.arg_max(block), Kind.ARGMAX, tensor)


def look_up(kind: str) -> Callable[[], Case]:
    def case() -> Case:
        b = Builder()
        table = np.resize(SPECIAL, 256) if kind == "<f4" else np.arange(256)[::-1].astype(kind)
        given = b.input("x", NUMBERS["uint8"], (300,))
        made = b.look_up(given, table.astype(kind), 7)
        return ended(b, made, Kind.LUT1, Tensor.of("x", np.resize(BYTES, 300)))

    return case


def look_up_two() -> Case:
    b = Builder()
    block, tensor = bytes_in(b, rng().integers(0, 256, 600).astype(np.uint8), 11)
    table = rng().integers(0, 256, (256, 256)).astype(np.uint8)
    made = b.look_up_two(block, block, table, divisor=7, modulus=50)
    return ended(b, made, Kind.LUT2, tensor)


def copy() -> Case:
    b = Builder()
    block, tensor = bytes_in(b, rng().integers(0, 256, 120).astype(np.uint8), 8)
    rows, columns = (part[::-1].copy() for part in block.addresses())
    rows[::5], columns[::5] = PADDING, 0
    return ended(b, b.copy(rows, columns, width=9, pad=201), Kind.COPY, tensor)


def gather(kind: str) -> Callable[[], Case]:
    def case() -> Case:
        b = Builder()
        given = b.input("i", NUMBERS[kind], (70,))
        table = rng().integers(0, 256, (5, 6)).astype(np.uint8)
        index = np.resize([0, 4, 4, 1, 0], 70).astype(kind)
        return ended(b, b.gather(given, table), Kind.GATHER, Tensor.of("i", index))

    return case


def quantise(scale: float, zero: int) -> Callable[[], Case]:
    """Every half within reach and past it, its neighbours on either side, and odd floats."""

    def case() -> Case:
        b = Builder()
        with np.errstate(over="ignore"):
            at = (np.arange(-600, 601) / 2).astype(np.float32) * np.float32(scale)
        near = (at.view(np.int32)[:, None] + np.array([-1, 0, 1], np.int32)).view(np.float32)
        values = np.concatenate([near.ravel(), SPECIAL])
        made = b.quantise(b.input("x", NUMBERS["float32"], values.shape), scale, zero, 50)
        return ended(b, made, Kind.QUANT, Tensor.of("x", values))

    return case


CASES: dict[str, Callable[[], Case]] = {
    "DOT, one group": dot(1, 10),
    "DOT, groups": dot(4, 2),
    "DOT, channels for themselves": dot_apart,
    "DOT, halves": dot_halves,
    "MAX": largest,
    "ARGMAX": largest_place,
    "LUT1 of bytes": look_up("u1"),
    "LUT1 of floats": look_up("<f4"),
    "LUT1 of 8 bytes": look_up("<i8"),
    "LUT2": look_up_two,
    "COPY": copy,
    "GATHER by int32": gather("int32"),
    "GATHER by int64": gather("int64"),
    "QUANT, scale 1": quantise(1.0, 0),
    "QUANT, scale 1/4": quantise(0.25, 128),
    "QUANT, scale 0.1": quantise(0.1, 255),
    "QUANT, scale 0.0173": quantise(0.0173, 3),
    "QUANT, the least scale": quantise(2.0**-100, 93),
    "QUANT, a large scale": quantise(2.0**99, 93),
}


def test_cases__every_operator_that_onnxruntime_has() -> None:
    assert {make()[2] for make in CASES.values()} == {
        k for k in Kind if 0x11 <= k <= 0x19 and k is not Kind.DOT32
    }


@pytest.mark.parametrize("name", CASES)
def test_operator__adversarial__executors_step_and_onnxruntime_are_equal(name: str) -> None:
    program, inputs, kind = CASES[name]()
    trace = Executor(program).trace(inputs)
    session = Plain(twin_of(program).SerializeToString(), threads=1)
    (found,) = session.run({tensor.name: tensor.array() for tensor in inputs})
    assert np.ascontiguousarray(found).tobytes() == trace.outputs()[0].data
    kernels = compiled.kernels(60)
    if kernels is not None:
        again = compiled.CompiledExecutor(program, kernels).trace(inputs)
        assert again.data.tobytes() == trace.data.tobytes()
    place = max(p for p, o in enumerate(program.operators[:-1]) if o.kind is kind)
    o = program.operators[place]
    for k in rng().integers(0, o.count, 300).tolist():
        row, element = o.out + k // o.width, k % o.width
        written = trace.row(row)[element * o.size : (element + 1) * o.size]
        assert opened(trace, row, element).expected == written


def test_halves__are_halves() -> None:
    """The built products lie exactly between two bytes: half of them round up, half down."""
    sums = [(w.constant + a, w.multiplier) for w in halves(64) for a in range(0, 256, 2)]
    values = [t * float(np.uint32(m).view(np.float32)) for t, m in sums]
    ties = [v for v in values if v % 1 == 0.5]
    assert len(ties) > 1000
    assert 0.4 < np.mean([np.rint(v) > v for v in ties]) < 0.6


@pytest.mark.parametrize("zeros", [(0, 0), (128, 7), (255, 255)])
def test_dot32__ends_of_the_range__onnxruntimes_integer_product(zeros: tuple[int, int]) -> None:
    """DOT32 has no operator in a twin; MatMulInteger of bytes is the same sum without constant."""
    zero_a, zero_w = zeros
    r = rng()
    a = r.choice([0, 255, 1, 254, 128], (9, 301)).astype(np.uint8)
    w = r.choice([0, 255, 1, 254, 128], (301, 21)).astype(np.uint8)
    a[0], w[:, 0] = 255, 0
    scalar = [helper.make_tensor(n, TensorProto.UINT8, [], [z])
              for n, z in (("za", zero_a), ("zw", zero_w))]  # fmt: skip
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "w", "za", "zw"], ["y"])], "g",
        [helper.make_tensor_value_info(n, TensorProto.UINT8, v.shape)
         for n, v in (("a", a), ("w", w))],
        [helper.make_tensor_value_info("y", TensorProto.INT32, (9, 21))], scalar,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (wanted,) = session.run(None, {"a": a, "w": w})
    b = Builder()
    block, tensor = bytes_in(b, a, 301)
    rows = [
        Weights(
            zero=zero_w, multiplier=0, values=column.tobytes(),
            constant=-zero_a * int(column.astype(np.int64).sum() - zero_w * 301),
        )
        for column in np.ascontiguousarray(w.T)
    ]  # fmt: skip
    made = b.dot(block, Window(source=(9, 1), out=(9, 1)), rows, columns=301, wide=True)
    at_rows, columns = made.addresses()
    b.output("y", NUMBERS["int32"], (9, 21), b.copy(at_rows, columns, width=64, size=4))
    program = b.program()
    assert np.array_equal(Executor(program).run([tensor])[0].array(), wanted)
    if (kernels := compiled.kernels(60)) is not None:
        (found,) = compiled.CompiledExecutor(program, kernels).run([tensor])
        assert np.array_equal(found.array(), wanted)
