"""Random programs: the executor, one step in whole numbers, and onnxruntime say the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from counterfoil.errors import BadTrace, InputRefused
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing import merkle
from counterfoil.inference.plain import Plain
from counterfoil.programs import (
    Builder,
    ExactProgram,
    Executor,
    Trace,
    Weights,
    Window,
    executor,
    faults,
    float32,
    opened,
)  # fmt: skip
from counterfoil.programs.builder import bits
from counterfoil.programs.twin import twin_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_programs import SPECIAL, built_ties, random_run

SEEDS = st.integers(0, 2**63)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_executor__random_program__every_step_is_right(seed: int) -> None:
    program, inputs = random_run(seed)
    trace = Executor(program).trace(inputs)
    assert list(faults(trace)) == []


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_executor__taps_slab_by_slab__same_bytes(seed: int) -> None:
    """As of programs with so many places that their taps are not all laid out."""
    program, inputs = random_run(seed)
    trace = Executor(program).trace(inputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "LAID_OUT", 0)
        patch.setattr(executor, "SLAB", 40)
        slabs = Executor(program).trace(inputs)
    assert (slabs.data == trace.data).all()


@pytest.mark.parametrize("operator", ["dot", "max"])
@pytest.mark.parametrize("side", [3, 21])
def test_executor__few_taps_of_a_large_source__every_step_is_right(operator, side):
    """A source that is large beside what is read of it is not copied to have a rim."""
    builder, count = Builder(), side * side * 2
    given = builder.input("x", NUMBERS["uint8"], (count,))
    rows = builder.look_up(given, np.arange(256, dtype=np.uint8), 2)
    window = Window(
        source=(side, side), out=(2, 2), kernel=(2, 2), strides=(side - 1, side - 1),
        dilations=(side, side), pads=(1, 1),
    )  # fmt: skip
    if operator == "max":
        out = builder.max(rows, window)
    else:
        channel = Weights(zero=7, multiplier=bits(0.01), constant=5, values=bytes(range(8)))
        out = builder.dot(rows, window, [channel], columns=2, zero=3, pad=200)
    builder.output("y", NUMBERS["uint8"], (out.width,), replace(out, count=out.width))
    data = np.random.default_rng(side).integers(0, 256, count).astype(np.uint8)
    trace = Executor(builder.program()).trace([Tensor.of("x", data)])
    assert list(faults(trace)) == []


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_executor__random_program__onnxruntime_is_equal(seed: int) -> None:
    from counterfoil.errors import NoTwin

    program, inputs = random_run(seed, 5, alike=True)
    try:
        engine = Plain(twin_of(program).SerializeToString())
    except NoTwin:
        assume(False)
    found = engine.run({tensor.name: tensor.array() for tensor in inputs})
    wanted = Executor(program).run(inputs)
    assert [np.ascontiguousarray(f).tobytes() for f in found] == [t.data for t in wanted]


@given(SEEDS, st.data())
@settings(max_examples=25, deadline=None)
def test_trace__one_byte_changed__some_step_is_wrong(seed: int, data: st.DataObject) -> None:
    """Whatever byte that an operator wrote is changed: a step shows it, or it is the output's."""
    program, inputs = random_run(seed, 3)
    trace = Executor(program).trace(inputs)
    first = int(program.offsets[program.operators[0].out])
    place = data.draw(st.integers(first, len(trace.data) - 1))
    lie = trace.data.copy()
    lie[place] ^= data.draw(st.integers(1, 255))
    bent = Trace(program, lie)
    row = int(np.searchsorted(program.offsets, place, side="right")) - 1
    wrong = {(r, e) for r, e in faults(bent)}
    size = next(o.size for o in program.operators if o.out <= row < o.out + o.rows)
    assert (row, (place - int(program.offsets[row])) // size) in wrong


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_trace__fifty_bytes_changed_one_by_one__the_step_shows_each(seed: int) -> None:
    program, inputs = random_run(seed, 3)
    trace = Executor(program).trace(inputs)
    rng = np.random.default_rng(seed)
    first = int(program.offsets[program.operators[0].out])
    for place in rng.integers(first, len(trace.data), 50).tolist():
        lie = trace.data.copy()
        lie[place] ^= rng.integers(1, 256, dtype=np.uint8)
        row = int(np.searchsorted(program.offsets, place, side="right")) - 1
        size = next(o.size for o in program.operators if o.out <= row < o.out + o.rows)
        element = (place - int(program.offsets[row])) // size
        bent = Trace(program, lie)
        written = bent.row(row)[element * size : (element + 1) * size]
        assert opened(bent, row, element).expected != written


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_program__made_from_its_own_rows__is_the_same(seed: int) -> None:
    program, inputs = random_run(seed, 3)
    again = ExactProgram(list(program.rows))
    assert again.commitment == program.commitment
    one, other = Executor(program).trace(inputs), Executor(again).trace(inputs)
    assert one.tree.root == other.tree.root


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_tree__of_a_trace__is_perfect_and_every_row_has_its_path(seed: int) -> None:
    program, inputs = random_run(seed, 2)
    trace = Executor(program).trace(inputs)
    size = trace.tree.size
    assert size == 1 << (program.trace_rows - 1).bit_length()
    for place in {0, program.trace_rows // 2, program.trace_rows - 1}:
        path = trace.tree.path(place)
        leaf = merkle.leaf(trace.row(place))
        assert merkle.root_from_path(leaf, place, size, path) == trace.tree.root
    if size > program.trace_rows:
        path = trace.tree.path(size - 1)
        assert merkle.root_from_path(merkle.leaf(b""), size - 1, size, path) == trace.tree.root


# The two roundings

MULTIPLIERS = st.integers(27 << 23, (191 << 23) - 1)
SCALES = st.integers(27 << 23, (228 << 23) - 1)


def numpy_requantise(total: int, multiplier: int, zero: int) -> int:
    with np.errstate(all="ignore"):
        value = np.float32(total) * np.uint32(multiplier).view(np.float32)
    low, high = np.float32(-zero), np.float32(255 - zero)
    return int(np.rint(np.clip(value, low, high))) + zero


def numpy_quantise(value: int, scale: int, zero: int) -> int:
    with np.errstate(all="ignore"):
        found = np.uint32(value).view(np.float32) / np.uint32(scale).view(np.float32)
    if np.isnan(found):
        return 0
    return int(np.rint(np.clip(found, np.float32(-zero), np.float32(255 - zero)))) + zero


@given(st.integers(-(2**31) + 1, 2**31 - 1), MULTIPLIERS, st.integers(0, 255))
@settings(max_examples=500, deadline=None)
def test_requantise__any__as_numpy(total: int, multiplier: int, zero: int) -> None:
    wanted = numpy_requantise(total, multiplier, zero)
    assert float32.requantise(total, multiplier, zero) == wanted


@given(st.integers(-600, 600), st.integers(0, 12), st.integers(-2, 2), st.integers(0, 255))
@settings(max_examples=500, deadline=None)
def test_requantise__around_a_tie__as_numpy(half: int, shift: int, near: int, zero: int) -> None:
    """Sums that lie on, or a hair beside, a half: (n + ½) · 2^shift times 2^−shift."""
    total = ((2 * half + 1) << shift) // 2
    multiplier = bits(2.0**-shift) + near
    wanted = numpy_requantise(total, multiplier, zero)
    assert float32.requantise(total, multiplier, zero) == wanted


@given(st.integers(0, 2**32 - 1), SCALES, st.integers(0, 255))
@settings(max_examples=500, deadline=None)
def test_quantise__any__as_numpy(value: int, scale: int, zero: int) -> None:
    assert float32.quantise(value, scale, zero) == numpy_quantise(value, scale, zero)


@given(st.integers(-600, 600), st.integers(-2, 2), SCALES, st.integers(0, 255))
@settings(max_examples=500, deadline=None)
def test_quantise__around_a_tie__as_numpy(half: int, near: int, scale: int, zero: int) -> None:
    with np.errstate(over="ignore"):
        value = np.float32(half + 0.5) * np.uint32(scale).view(np.float32)
    near_by = (bits(value) + near) & 0xFFFFFFFF
    assert float32.quantise(near_by, scale, zero) == numpy_quantise(near_by, scale, zero)


@pytest.mark.parametrize("value", SPECIAL, ids=lambda v: hex(bits(v)))
@pytest.mark.parametrize("scale", [27 << 23, bits(1.0), (228 << 23) - 1])
def test_quantise__special_floats__as_numpy_and_onnxruntime(value: float, scale: int) -> None:
    zero = 93
    wanted = numpy_quantise(bits(value), scale, zero)
    assert float32.quantise(bits(value), scale, zero) == wanted
    b = Builder()
    given_ = b.input("x", NUMBERS["float32"], (1,))
    made = b.quantise(given_, np.uint32(scale).view(np.float32), zero, 256)
    b.output("y", NUMBERS["uint8"], (1,), made)
    program = b.program()
    tensor = Tensor.of("x", np.array([value], dtype=np.float32))
    assert Executor(program).run([tensor])[0].data == bytes([wanted])
    engine = Plain(twin_of(program).SerializeToString())
    assert engine.run({"x": tensor.array()})[0].tolist() == [wanted]


# Ties that random numbers do not meet

WRONG = {
    "one product in float64": lambda t, m, z: int(
        np.clip(np.rint(np.float64(t) * np.float64(np.uint32(m).view(np.float32))) + z, 0, 255)
    ),
    "halves away from zero": lambda t, m, z: int(
        np.clip(np.floor(abs(np.float32(t) * np.uint32(m).view(np.float32)) + 0.5)
                * np.sign(t) + z, 0, 255)
    ),
    "halves up": lambda t, m, z: int(
        np.clip(np.floor(np.float32(t) * np.uint32(m).view(np.float32) + np.float32(0.5)) + z,
                0, 255)
    ),
}  # fmt: skip
"""Other formulas that one might take for the right one."""


def test_dot__built_ties__onnxruntime_and_the_executor_are_equal() -> None:
    ties = built_ties()
    b = Builder()
    given_ = b.input("x", NUMBERS["uint8"], (1,))
    rows = b.look_up(given_, np.arange(256, dtype=np.uint8), 1)
    channels = [
        Weights(zero=0, multiplier=multiplier, constant=total, values=b"\0")
        for total, multiplier in ties
    ]
    made = b.dot(rows, Window(source=(1, 1), out=(1, 1)), channels, columns=1, zero=100)
    flat = b.look_up(made, np.arange(256, dtype=np.uint8), 256)
    b.output("y", NUMBERS["uint8"], (len(ties),), flat)
    program = b.program()
    tensor = Tensor.of("x", np.zeros(1, dtype=np.uint8))
    found = list(Executor(program).run([tensor])[0].data)
    engine = Plain(twin_of(program).SerializeToString())
    assert engine.run({"x": tensor.array()})[0].tolist() == found
    assert [float32.requantise(t, m, 100) for t, m in ties] == found
    for name, formula in WRONG.items():  # ties that tell: each of these is caught
        assert [formula(t, m, 100) for t, m in ties] != found, name


# What a run refuses, and what a trace may be


def embedding() -> ExactProgram:
    b = Builder()
    index = b.input("i", NUMBERS["int32"], (4,))
    made = b.gather(index, np.arange(10, dtype=np.uint8).reshape(5, 2))
    b.output("y", NUMBERS["uint8"], (8,), b.look_up(made, np.arange(256, dtype=np.uint8), 256))
    return b.program()


@pytest.mark.parametrize("index", [-1, 5, 2**31 - 1, -(2**31)])
def test_run__index_past_its_table__refused_before(index: int) -> None:
    with pytest.raises(InputRefused, match="from 0 to 4"):
        Executor(embedding()).run([Tensor.of("i", np.array([0, 1, index, 2], np.int32))])


def test_opened__index_past_its_table__a_fault() -> None:
    program = embedding()
    trace = Executor(program).trace([Tensor.of("i", np.array([0, 1, 2, 3], np.int32))])
    lie = trace.data.copy()
    lie[4] = 77
    bent = Trace(program, lie)
    with pytest.raises(BadTrace, match="index 77 of 5"):
        opened(bent, program.operators[0].out + 1, 0)
    assert (program.operators[0].out + 1, 0) in set(faults(bent))


@pytest.mark.parametrize("change", ["missing", "extra", "type", "shape"])
def test_run__other_inputs__refused(change: str) -> None:
    given_ = [Tensor.of("i", np.zeros(4, np.int32))]
    other = {
        "missing": [],
        "extra": [*given_, Tensor.of("j", np.zeros(1, np.int32))],
        "type": [Tensor.of("i", np.zeros(4, np.int64))],
        "shape": [Tensor.of("i", np.zeros((2, 2), np.int32))],
    }[change]
    with pytest.raises(InputRefused):
        Executor(embedding()).run(other)


def test_trace_of__rows_of_other_lengths__refused() -> None:
    program = embedding()
    trace = Executor(program).trace([Tensor.of("i", np.zeros(4, np.int32))])
    rows = [trace.row(r) for r in range(program.trace_rows)]
    assert Trace.of(program, rows).tree.root == trace.tree.root
    with pytest.raises(BadTrace, match="row 1 has 3 bytes"):
        Trace.of(program, [rows[0], rows[1] + b"\0", *rows[2:]])
    with pytest.raises(BadTrace, match="a trace of"):
        Trace.of(program, rows[:-1])
    with pytest.raises(BadTrace):
        trace.row(program.trace_rows)
