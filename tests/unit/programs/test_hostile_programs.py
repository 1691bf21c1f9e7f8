"""Programs whose publisher wants an honest operator to lose, or a runner to fall over."""

from __future__ import annotations

import base64
import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from counterfoil.errors import BadProgram
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.programs import (
    Builder,
    Edge,
    ExactProgram,
    Executor,
    Kind,
    Operator,
    Weights,
    Window,
    limits,
    opened,
)
from counterfoil.programs.builder import bits
from counterfoil.programs.container import file_of, program_in, unpack
from counterfoil.programs.rows import PADDING, Header, index_rows

TABLE = np.arange(256, dtype=np.uint8)
CHANNELS = [Weights(zero=128, multiplier=bits(0.01), constant=5, values=bytes(range(18)))] * 3

# Places of the operators in `honest`.
QUANT, COPY, DOT, LUT1, LUT2, MAX, ARGMAX, GATHER, DOT32, LAST = range(10)


def honest() -> list[bytes]:
    """A program with every kind of operator."""
    b = Builder()
    floats = b.input("x", NUMBERS["float32"], (4, 4, 2))
    index = b.input("i", NUMBERS["int64"], (3,))
    source = b.quantise(floats, 0.1, 7, 2)
    rows, columns = source.addresses()
    copied = b.copy(rows[::-1], columns[::-1], width=2)
    window = Window(source=(4, 4), out=(4, 4), kernel=(3, 3), pads=(1, 1))
    dot = b.dot(copied, window, CHANNELS, columns=2, zero=9, pad=7)
    table = b.look_up(dot, TABLE[::-1].copy())
    both = b.look_up_two(dot, table, np.add.outer(TABLE, TABLE))
    largest = b.max(both, Window(source=(4, 4), out=(2, 2), kernel=(2, 2), strides=(2, 2)))
    b.output("digit", NUMBERS["int64"], (4,), b.arg_max(largest))
    b.gather(index, np.arange(10, dtype=np.uint8).reshape(5, 2))
    wide = [replace(c, multiplier=0) for c in CHANNELS]
    b.dot(copied, window, wide, columns=2, pad=7, wide=True)
    b.output("y", NUMBERS["uint8"], (48,), b.look_up(table, TABLE, 256))
    return b.build()


def operator(place: int) -> Callable[..., Callable[[list[bytes]], None]]:
    """A change of fields of one operator."""

    def change(**fields: int) -> Callable[[list[bytes]], None]:
        def mutate(rows: list[bytes]) -> None:
            rows[5 + place] = replace(Operator.decode(rows[5 + place]), **fields).encode()

        return mutate

    return change


def row(number: int, content: bytes) -> Callable[[list[bytes]], None]:
    def mutate(rows: list[bytes]) -> None:
        rows[number] = content

    return mutate


def data(place: int, content: Callable[[bytes], bytes], more: int = 0) -> Callable[..., None]:
    """A change of the first data row of one operator, or of one behind it."""

    def mutate(rows: list[bytes]) -> None:
        number = Operator.decode(rows[5 + place]).table + more
        rows[number] = content(rows[number])

    return mutate


def edge(number: int, **fields: object) -> Callable[[list[bytes]], None]:
    def mutate(rows: list[bytes]) -> None:
        kind = Kind(rows[number][0])
        rows[number] = replace(Edge.decode(rows[number], kind), **fields).encode(kind)

    return mutate


def entry(row_number: int, column: int) -> Callable[[bytes], bytes]:
    """Another first source in an index row."""
    return lambda old: old[:1] + struct.pack(">IH", row_number, column) + old[7:]


def swap(one: int, other: int) -> Callable[[list[bytes]], None]:
    def mutate(rows: list[bytes]) -> None:
        rows[5 + one], rows[5 + other] = rows[5 + other], rows[5 + one]

    return mutate


def weights(**fields: object) -> Callable[[bytes], bytes]:
    return lambda old: replace(Weights.decode(old, 18), **fields).encode()


def out_of(place: int) -> int:
    return Operator.decode(honest()[5 + place]).out


dot, table = operator(DOT), operator(LUT1)

HOSTILE: dict[str, tuple[Callable[[list[bytes]], None], str]] = {
    "no rows": (lambda rows: rows.clear(), "1 to"),
    "an empty row": (lambda rows: rows.append(b""), "empty"),
    "no header": (row(0, b"\x11" * 10), "no header"),
    "a header of another version": (row(0, b"\x01\x02" + bytes(8)), "version 2"),
    "no operators": (row(0, Header(inputs=2, outputs=2, operators=0).encode()), "has inputs"),
    "more operators than rows": (
        row(0, Header(inputs=2, outputs=2, operators=2**31).encode()), "as many as its header"),
    "an operator in a data row": (
        row(0, Header(inputs=2, outputs=2, operators=11).encode()), "operator is none"),
    "a weight row for a descriptor": (row(5 + LUT1, CHANNELS[0].encode()), "operator is none"),
    "a weight row of a descriptor's length": (
        row(5 + LUT1, bytes([Kind.WEIGHTS]) + bytes(63)), "operator is none"),
    "a descriptor for a weight row": (
        lambda rows: row(Operator.decode(rows[5 + DOT]).table, rows[5 + DOT])(rows),
        "18 weights is none"),
    "a descriptor of 63 bytes": (lambda rows: row(5, rows[5][:-1])(rows), "operator is none"),
    "a descriptor of a kind that is none": (row(5, b"\x1a" + bytes(63)), "operator is none"),
    "bytes behind a descriptor's fields": (
        lambda rows: row(5, rows[5][:-1] + b"\x01")(rows), "behind its last field"),
    "a field that means nothing": (operator(LUT1)(pad=1), "means nothing"),
    "a zero that means nothing": (operator(MAX)(zero=1), "means nothing"),
    "two writers of a row": (table(out=out_of(DOT)), "its place is"),
    "a writer of an input's row": (table(out=0), "its place is"),
    "a row that nobody writes": (operator(LAST)(out=2**20), "its place is"),
    "a gap of one row": (table(out=out_of(LUT1) + 1), "its place is"),
    "the first row is not the first input's": (edge(1, base=1), "its place is 0"),
    "inputs in another order than their rows": (
        lambda rows: (edge(1, base=1)(rows), edge(2, base=0)(rows)), "begins at trace row 1"),
    "operators in another order than their rows": (swap(DOT32, LAST), "its place is"),
    "rows past the limit": (operator(LAST)(count=2**32 - 1, width=1), "at most"),
    "a cycle of two": (table(source=out_of(LUT2)), "not yet written"),
    "a source whose last row is its own": (
        operator(LUT2)(second=out_of(LUT2) - 15), "not yet written"),
    "an operator that reads itself": (table(source=out_of(LUT1)), "not yet written"),
    "a source past the trace": (table(source=2**32 - 1), "not all there are"),
    "a source with rows of another width": (table(source_width=4), "not 4 elements"),
    "a source of no width": (table(source_width=0), "no width"),
    "a window on rows of another width": (dot(source_width=3), "not 3 bytes"),
    "a second source past the trace": (operator(LUT2)(second=2**31), "not all there are"),
    "a division by zero": (operator(LUT2)(divisor=0), "divides by zero"),
    "a remainder by zero": (operator(LUT2)(modulus=0), "divides by zero"),
    "rows of no width": (table(width=0), "no size"),
    "a block of nothing": (table(count=0), "no size"),
    "elements of three bytes": (table(size=3), "no size"),
    "a row too long to reveal": (operator(LAST)(width=65535), "4096 bytes"),
    "a window without a size": (dot(k_h=0), "without a size"),
    "a stride of zero": (dot(stride_w=0), "without a size"),
    "a window of too many taps": (dot(k_h=9, k_w=9), "taps"),
    "a dot product too long": (dot(k_h=8, k_w=8, columns=1000), "taps or 4608"),
    "channels past the source's": (dot(per_group=1), "past its source"),
    "another number of places": (dot(out_h=5), "places"),
    "a MAX with channels of its own": (operator(MAX)(columns=2), "other channels"),
    "weights before the data": (dot(table=5), "hold none"),
    "weights past the program": (dot(table=2**32 - 1), "hold none"),
    "a table where weights should be": (
        lambda rows: dot(table=Operator.decode(rows[5 + LUT1]).table)(rows), "weights is none"),
    "an embedding where a table should be": (
        lambda rows: table(table=Operator.decode(rows[5 + GATHER]).table)(rows), "no TABLE"),
    "a weight row that is cut": (data(DOT, lambda old: old[:-1]), "weights is none"),
    "weights hidden in the filling": (
        data(DOT, lambda old: old[:12] + b"\x01" + old[13:]), "another number"),
    "another K in a weight row": (
        data(DOT, lambda old: old[:2] + b"\x00\x11" + old[4:]), "another number"),
    "a sum past 32 bits": (data(DOT, weights(constant=2**31 - 1)), "leave 32 bits"),
    "a sum below 32 bits": (data(DOT, weights(constant=-(2**31))), "leave 32 bits"),
    "a multiplier that is no number": (data(DOT, weights(multiplier=0x7FC00000)), "out of range"),
    "an infinite multiplier": (data(DOT, weights(multiplier=0x7F800000)), "out of range"),
    "a denormal multiplier": (data(DOT, weights(multiplier=1)), "out of range"),
    "a negative multiplier": (data(DOT, weights(multiplier=bits(-0.5))), "negative"),
    "a multiplier of a sum that stays whole": (
        data(DOT32, weights(multiplier=1)), "means nothing"),
    "a denormal scale": (operator(QUANT)(scale=1), "out of range"),
    "a scale of zero": (operator(QUANT)(scale=0), "out of range"),
    "a table too short": (data(LUT1, lambda old: old[:-1]), "no TABLE of 257"),
    "an index of another kind": (data(COPY, lambda old: b"\x21" + old[1:]), "no INDEX"),
    "too many indices": (data(COPY, lambda old: old + bytes(6)), "no INDEX"),
    "a copy from past the trace": (data(COPY, entry(2**31, 0)), "not there"),
    "a copy from past a row's end": (data(COPY, entry(out_of(QUANT), 2)), "past a row's end"),
    "a copy from itself": (data(COPY, entry(out_of(COPY), 0)), "not yet written"),
    "a copy from what comes later": (data(COPY, entry(out_of(LAST), 0)), "not yet written"),
    "a column where it pads": (data(COPY, entry(PADDING, 1)), "where it pads"),
    "indices from what was computed": (
        operator(GATHER)(source=out_of(QUANT), source_width=1, index_size=2),
        "other than an input"),
    "indices of another width": (operator(GATHER)(index_size=4), "other than an input"),
    "an embedding without rows": (operator(GATHER)(entries=0), "no rows"),
    "an embedding with rows of others": (operator(GATHER)(entries=6), "no EMBEDDING"),
    "an embedding cut in a row": (operator(GATHER)(count=5), "part of a row"),
    "an arg-max over rows of another width": (operator(ARGMAX)(source_width=2), "not 2 bytes"),
    "a row that nobody reads": (lambda rows: rows.append(bytes([Kind.TABLE]) * 257), "read by no"),
    "an edge with another name's hash": (
        lambda rows: row(1, rows[1][:-1] + b"z")(rows), "another name"),
    "an edge with another shape's hash": (
        lambda rows: row(1, rows[1][:78] + b"\x05" + rows[1][79:])(rows), "another name or shape"),
    "an edge cut short": (lambda rows: row(1, rows[1][:60])(rows), "is none"),
    "an edge of strings": (edge(1, dtype=8), "named"),
    "an edge without elements": (edge(1, shape=(0, 4, 2), length=0), "at least one"),
    "an edge of another length": (edge(1, length=100), "named tensor"),
    "an edge of 2^96 elements": (edge(1, shape=(2**32 - 1,) * 3), "named tensor"),
    "two inputs of one name": (edge(2, name="x"), "one name"),
    "an output that is no whole chunk": (edge(4, base=2), "whole chunks"),
    "an output past the trace": (edge(4, base=2**32 - 1), "whole chunks"),
}  # fmt: skip


def test_program__honest__is_valid() -> None:
    program = ExactProgram(honest())
    assert {o.kind for o in program.operators} == {k for k in Kind if 0x11 <= k <= 0x19}


def test_hostile_programs__at_least_thirty() -> None:
    assert len(HOSTILE) >= 30


@pytest.mark.parametrize("name", HOSTILE)
def test_program__hostile__refused(name: str) -> None:
    mutate, reason = HOSTILE[name]
    rows = honest()
    mutate(rows)
    with pytest.raises(BadProgram, match=reason):
        ExactProgram(rows)


@pytest.mark.parametrize(
    ("bases", "outs"),
    [((0, 2), (1, 3)), ((1, 0), (2, 3)), ((0, 1), (3, 2)), ((2, 3), (0, 1))],
    ids=["an input behind an operator", "inputs", "operators", "inputs last"],
)
def test_program__blocks_in_another_order__refused(
    bases: tuple[int, int], outs: tuple[int, int]
) -> None:
    """Two inputs and an operator on each: every row is written once, and only this is wrong."""
    b = Builder()
    first, second = (b.input(name, NUMBERS["uint8"], (8,)) for name in "xz")
    b.output("y", NUMBERS["uint8"], (8,), b.look_up(first, TABLE, 256))
    b.look_up(second, TABLE, 256)
    rows = b.build()
    ExactProgram(rows)
    for number, base in zip((1, 2), bases, strict=True):
        edge(number, base=base)(rows)
    edge(3, base=outs[0])(rows)
    for number, source, out in zip((4, 5), bases, outs, strict=True):
        rows[number] = replace(Operator.decode(rows[number]), source=source, out=out).encode()
    with pytest.raises(BadProgram, match="its place is"):
        ExactProgram(rows)


def test_input__behind_an_operator__refused() -> None:
    b = Builder()
    b.look_up(b.input("x", NUMBERS["uint8"], (8,)), TABLE)
    with pytest.raises(BadProgram, match="'z' comes behind an operator"):
        b.input("z", NUMBERS["uint8"], (8,))


def test_program__honest__every_row_read_lies_below_the_row_written() -> None:
    """So the first row in which two traces differ was computed from equal rows."""
    program = ExactProgram(honest())
    assert [e.base for e in program.inputs] == [0, 1]
    floats = np.linspace(-9, 9, 32, dtype=np.float32).reshape(4, 4, 2)
    trace = Executor(program).trace(
        [Tensor.of("x", floats), Tensor.of("i", np.array([0, 4, 2], np.int64))]
    )
    written = 2
    for o in program.operators:
        assert o.out == written
        written += o.rows
        for k in range(o.count):
            found = opened(trace, o.out + k // o.width, k % o.width)
            assert all(r < o.out for r in found.trace if r != o.out + k // o.width)
    assert written == program.trace_rows


def test_program__step_too_large_to_prove__refused() -> None:
    b = Builder()
    given = b.input("x", NUMBERS["uint8"], (64 * 200,))
    rows = b.look_up(given, TABLE, 200)
    window = Window(source=(8, 8), out=(1, 1), kernel=(8, 8))
    b.output("y", NUMBERS["uint8"], (200,), b.max(rows, window))
    with pytest.raises(BadProgram, match=f"a step opens .* over {limits.STEP}"):
        b.program()


def test_program__edge_too_long_to_show__refused() -> None:
    def named(name: str) -> list[bytes]:
        b = Builder()
        source = b.input(name, NUMBERS["uint8"], (4,))
        b.output("y", NUMBERS["uint8"], (4,), b.look_up(source, TABLE, 4))
        return b.build()

    most = 4096 - 75 - 4  # a head and one dimension
    ExactProgram(named("x" * most))
    with pytest.raises(BadProgram, match="more than 4096 bytes"):
        ExactProgram(named("x" * (most + 1)))


def test_program__work_without_end__refused() -> None:
    b = Builder()
    b.input("x", NUMBERS["uint8"], (4096,))
    rows = b.look_up(b.input("z", NUMBERS["uint8"], (4096,)), TABLE, 4096)
    channels = [Weights(zero=0, multiplier=bits(1), constant=0, values=bytes(4096))] * 4000
    for _ in range(5):
        window = Window(source=(1, 1), out=(1, 1000), pads=(0, 0))
        b.dot(rows, window, channels, columns=4096)
    b.output("y", NUMBERS["uint8"], (4096,), b.look_up(rows, TABLE, 256))
    with pytest.raises(BadProgram, match="products"):
        b.program()


def test_program__one_weight_row_unpacked_for_ever__refused() -> None:
    b = Builder()
    rows = b.look_up(b.input("z", NUMBERS["uint8"], (4096,)), TABLE, 4096)
    channels = [Weights(zero=0, multiplier=bits(1), constant=0, values=bytes(4096))] * 4000
    for _ in range(9):
        b.dot(rows, Window(source=(1, 1), out=(1, 1)), channels, columns=4096)
    b.output("y", NUMBERS["uint8"], (4096,), b.look_up(rows, TABLE, 256))
    with pytest.raises(BadProgram, match="weights"):
        b.program()


def test_program__every_single_byte_of_its_frame_changed__refused_or_another_program() -> None:
    """Header, edges and descriptors: no change is silently the same program."""
    rows = honest()
    root = ExactProgram(rows).commitment
    for number in range(5 + LAST + 1):
        for place in range(len(rows[number])):
            changed = bytearray(rows[number])
            changed[place] ^= 0x40
            try:
                program = ExactProgram([*rows[:number], bytes(changed), *rows[number + 1 :]])
            except BadProgram:
                continue
            assert program.commitment.root != root.root


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"!", "unpack"),
        (base64.b64encode(b"no zlib"), "unpack"),
        (base64.b64encode(zlib.compress(b"\0")), "cut short"),
        (base64.b64encode(zlib.compress(struct.pack(">I", 2**32 - 1))), "number of rows"),
        (base64.b64encode(zlib.compress(struct.pack(">II", 1, 5) + b"ab")), "other lengths"),
        (base64.b64encode(zlib.compress(struct.pack(">II", 1, 1) + b"ab")), "other lengths"),
        (base64.b64encode(zlib.compress(b"\0" * 64)[:-6]), "cut short"),
        (base64.b64encode(zlib.compress(struct.pack(">I", 0)) + b"more"), "cut short"),
    ],
)
def test_unpack__hostile__refused(packed: bytes, reason: str) -> None:
    with pytest.raises(BadProgram, match=reason):
        unpack(packed)


def test_unpack__bomb__refused_without_inflating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROGRAM_BYTES", 2**16)
    monkeypatch.setattr(limits, "PROGRAM_ROWS", 2**10)
    with pytest.raises(BadProgram, match="over"):
        unpack(base64.b64encode(zlib.compress(bytes(2**24))))


def test_program_in__edges_other_than_the_graphs__refused() -> None:
    model = onnx.ModelProto()
    model.ParseFromString(file_of(ExactProgram(honest())))
    model.graph.input[0].name = "other"
    with pytest.raises(BadProgram, match="other inputs"):
        program_in(model.SerializeToString())


def test_program_in__two_programs__refused() -> None:
    model = onnx.ModelProto()
    model.ParseFromString(file_of(ExactProgram(honest())))
    model.metadata_props.add(key="counterfoil.program", value="")
    with pytest.raises(BadProgram, match="two programs"):
        program_in(model.SerializeToString())


def test_index_rows__of_the_hostile_suite__are_what_the_format_says() -> None:
    assert index_rows([1, PADDING], np.array([2, 0])) == [
        bytes.fromhex("24" + "00000001" + "0002" + "ffffffff" + "0000")
    ]


@pytest.mark.parametrize("kind", ["window", "second source"])
def test_program__many_operators_read_all_rows__checked_in_a_moment(kind):
    """Each is looked at, and not each time the rows: 4,000 of a million would take a minute."""
    many, height = 4000, 2000
    common = {"width": 1, "size": 1, "source_width": 1}
    window = {
        **common, "kind": Kind.MAX, "in_w": 1, "out_w": 1, "k_h": 1, "k_w": 1, "stride_h": 1,
        "stride_w": 1, "dilation_h": 1, "dilation_w": 1, "columns": 1, "per_group": 1,
    }  # fmt: skip
    wide = window | {"out_w": 1000, "in_h": 1, "out_h": height}
    first = Operator(**wide, out=1, count=1000 * height, source=0)
    behind, table = 1 + 1000 * height, 4 + many
    if kind == "window":
        more = window | {"in_h": height, "in_w": 1000, "out_h": 1, "source": 1, "count": 1}
    else:
        more = {
            **common, "kind": Kind.LUT2, "source": 0, "second": 1, "second_width": 1,
            "divisor": 1, "modulus": 1000 * height, "table": table, "count": 1,
        }  # fmt: skip
    edge = Edge(name="x", dtype=NUMBERS["uint8"], shape=(1,), base=0, length=1)
    tables = [] if kind == "window" else [bytes([Kind.TABLE2]) + bytes(256)] * 256
    rows = [
        Header(inputs=1, outputs=1, operators=1 + many).encode(),
        edge.encode(Kind.INPUT),
        replace(edge, name="y", base=1).encode(Kind.OUTPUT),
        first.encode(),
        *(Operator(**more, out=behind + n).encode() for n in range(many)),
        *tables,
    ]
    began = time.process_time()
    program = ExactProgram(rows)
    Executor(program).trace([Tensor.of("x", np.ones(1, np.uint8))])
    assert time.process_time() - began < 4
