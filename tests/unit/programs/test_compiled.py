"""The compiled executor against the plain one: the same bytes, or not used at all."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counterfoil.errors import InputRefused
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.programs import (
    Builder,
    ExactProgram,
    Executor,
    Kind,
    Weights,
    Window,
    compiled,
    limits,
)
from counterfoil.programs import engine as engine_module
from counterfoil.programs.builder import bits
from counterfoil.programs.compiled import ready
from counterfoil.programs.compiled.build import Kernels
from counterfoil.programs.compiled.fields import FIELDS
from counterfoil.programs.engine import Engine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_programs import SPECIAL, built_ties, channels, random_run

from .test_executor_memory import one_table_of_many

pytest.importorskip("llvmlite", reason="the extra `fast` is not installed")

BYTES = np.arange(256, dtype=np.uint8)


@pytest.fixture(scope="module")
def made() -> Kernels:
    found = compiled.kernels(60)
    assert found is not None
    return found


def held(program: ExactProgram, inputs: tuple[Tensor, ...], made: Kernels) -> None:
    """Every byte of the trace is the executor's."""
    wanted = Executor(program).trace(inputs)
    found = compiled.CompiledExecutor(program, made).trace(inputs)
    assert found.data.tobytes() == wanted.data.tobytes()
    assert found.outputs() == wanted.outputs()


@given(st.integers(0, 2**63))
@settings(max_examples=150, deadline=None)
def test_trace__random_program__is_the_executor_s(made: Kernels, seed: int) -> None:
    held(*random_run(seed, 6), made)


@given(
    seed=st.integers(0, 2**32),
    columns=st.integers(1, 70),
    width=st.integers(1, 40),
    per_group=st.integers(1, 40),
    places=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    wide=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_product__any_sizes_and_groups__is_the_executor_s(
    made: Kernels, seed: int, columns: int, width: int, per_group: int,
    places: tuple[int, int], wide: bool,
) -> None:  # fmt: skip
    """Sizes around those of the vectors, groups that leave a rest, windows beyond every rim."""
    rng = np.random.default_rng(seed)
    groups = -(-width // per_group)
    source_width = groups * columns + int(rng.integers(0, 3))
    kernel = tuple(rng.integers(1, 4, 2).tolist())
    assume(kernel[0] * kernel[1] * (source_width + columns) < limits.STEP - 400)
    window = Window(
        source=places, out=tuple(rng.integers(1, 8, 2).tolist()), kernel=kernel,
        strides=tuple(rng.integers(1, 5, 2).tolist()), pads=tuple(rng.integers(0, 9, 2).tolist()),
        dilations=tuple(rng.integers(1, 5, 2).tolist()),
    )  # fmt: skip
    b = Builder()
    given_ = b.input("x", NUMBERS["uint8"], (places[0] * places[1] * source_width,))
    rows = b.look_up(given_, BYTES, source_width)
    product = b.dot(
        rows, window, channels(rng, width, kernel[0] * kernel[1] * columns, wide),
        columns=columns, per_group=per_group, wide=wide, pad=int(rng.integers(256)),
        zero=0 if wide else int(rng.integers(256)),
    )  # fmt: skip
    at_rows, at_columns = product.addresses()
    last = b.copy(at_rows, at_columns, width=256 // product.size, size=product.size)
    b.output("y", NUMBERS["int32" if wide else "uint8"], (product.count,), last)
    data = rng.choice([0, 255, 128, 7], given_.count).astype(np.uint8)
    held(b.program(), (Tensor.of("x", data),), made)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("zero", [0, 255])
@pytest.mark.parametrize("apart", [False, True])
def test_product__longest_and_at_its_ends__does_not_saturate(
    made: Kernels, value: int, zero: int, apart: bool
) -> None:
    """4,608 products of ±65,025, or 64 of a channel for itself: sums of up to 2^28.2."""
    taps, width = (64, 17) if apart else (9, 3)
    columns = 1 if apart else 512
    depth = taps * columns
    side = (8, 8) if apart else (3, 3)
    b = Builder()
    given_ = b.input("x", NUMBERS["uint8"], (taps * (width if apart else columns),))
    rows = b.look_up(given_, BYTES, width if apart else columns)
    weights = [
        Weights(zero=zero, multiplier=0, constant=0, values=bytes([255 - zero]) * depth)
    ] * width
    window = Window(source=side, out=(1, 1), kernel=side)
    product = b.dot(
        rows, window, weights, columns=columns, per_group=1 if apart else width, wide=True
    )
    b.dot(
        rows, window, [replace(w, multiplier=bits(2.0**-21)) for w in weights],
        columns=columns, per_group=1 if apart else width, zero=100,
    )  # fmt: skip
    at_rows, at_columns = product.addresses()
    last = b.copy(at_rows, at_columns, width=64, size=4)
    b.output("y", NUMBERS["int32"], (width,), last)
    program = b.program()
    inputs = (Tensor.of("x", np.full(given_.count, value, np.uint8)),)
    held(program, inputs, made)
    (found,) = compiled.CompiledExecutor(program, made).run(inputs)
    assert set(found.array().tolist()) == {value * (255 - 2 * zero) * depth}


def test_requantise__built_ties__are_the_executor_s(made: Kernels) -> None:
    ties = built_ties()
    for columns in (1, 2):  # channels for themselves, and in one group
        b = Builder()
        given_ = b.input("x", NUMBERS["uint8"], (columns * len(ties),))
        rows = b.look_up(given_, BYTES, len(ties) if columns == 1 else 2)
        product = b.dot(
            rows, Window(source=(1, 1), out=(1, 1)),
            [Weights(zero=0, multiplier=m, constant=t, values=bytes(columns)) for t, m in ties],
            columns=columns, per_group=1 if columns == 1 else None, zero=100,
        )  # fmt: skip
        b.output("y", NUMBERS["uint8"], (len(ties),), b.look_up(product, BYTES, 256))
        held(b.program(), (Tensor.of("x", np.zeros(given_.count, np.uint8)),), made)


@pytest.mark.parametrize("scale", [27 << 23, bits(0.1), bits(1.0), (228 << 23) - 1], ids=hex)
@pytest.mark.parametrize("zero", [0, 93, 255])
def test_quantise__special_floats_and_ties__are_the_executor_s(
    made: Kernels, scale: int, zero: int
) -> None:
    one = np.uint32(scale).view(np.float32)
    with np.errstate(over="ignore"):
        halves = (np.arange(-600, 600) / 2).astype(np.float32) * one
    near = (halves.view(np.uint32)[:, None] + np.array([-1, 0, 1])).astype(np.uint32).ravel()
    values = np.concatenate([SPECIAL, near.view(np.float32)])
    b = Builder()
    made_ = b.quantise(b.input("x", NUMBERS["float32"], values.shape), one, zero, 256)
    b.output("y", NUMBERS["uint8"], values.shape, made_)
    held(b.program(), (Tensor.of("x", values),), made)


def test_sample__calls_every_kernel(made: Kernels) -> None:
    """What new kernels are held against has every one of them."""
    program = ready.sample()
    steps = compiled.CompiledExecutor(program, made)._steps
    assert set(steps[:, 0].tolist()) == set(made.address.values())
    assert len(made.address) == len(FIELDS)
    assert {o.kind for o in program.operators} == {k for k in Kind if 0x11 <= k <= 0x19}


@pytest.mark.parametrize("name", FIELDS)
def test_check__any_kernel_that_does_nothing__refused(made: Kernels, name: str) -> None:
    nothing = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)(lambda *_: None)
    address = ctypes.cast(nothing, ctypes.c_void_p).value
    assert address is not None
    ready.check(made)
    with pytest.raises(ValueError, match="compute wrongly"):
        ready.check(replace(made, address={**made.address, name: address}))


@pytest.mark.parametrize("index", [-1, 7, 2**31 - 1])
def test_run__index_past_its_table__refused_before(made: Kernels, index: int) -> None:
    program = ready.sample()
    inputs = list(ready._inputs(program, 0))
    inputs[1] = Tensor.of("i", np.array([0, 1, index, 2, 3], np.int32))
    with pytest.raises(InputRefused, match="from 0 to 6"):
        compiled.CompiledExecutor(program, made).run(inputs)


def test_executor__few_channels_in_many_groups__too_large_is_left_to_the_plain_one(
    made: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    from counterfoil.programs.compiled import executor

    monkeypatch.setattr(executor, "PACKED", 1000)
    with pytest.raises(compiled.TooLarge):
        compiled.CompiledExecutor(ready.sample(), made)
    engine = Engine(ready.sample())
    assert engine.path == "executor"
    assert "memory" in engine.refused["compiled"]


def test_tables__named_by_thousands__laid_out_once(
    made: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven tables of 6,000 operators; one byte less and they are too much."""
    program = one_table_of_many()
    monkeypatch.setattr(compiled.executor, "PACKED", 7 * 65536)
    held(program, (Tensor.of("x", np.array([3], np.uint8)),), made)
    monkeypatch.setattr(compiled.executor, "PACKED", 7 * 65536 - 1)
    with pytest.raises(compiled.TooLarge):
        compiled.CompiledExecutor(program, made)


# Which way an engine takes


def plain() -> tuple[ExactProgram, tuple[Tensor, ...]]:
    """A program that onnxruntime has too."""
    return random_run(3, 5, alike=True)


def test_engine__kernels_are_there__compiled_without_asking_onnxruntime(made: Kernels) -> None:
    program, inputs = plain()
    engine = Engine(program)
    assert engine.path == "compiled" and engine.refused == {}
    assert engine.run(inputs) == Executor(program).run(inputs)


def test_engine__compiled_takes_long__the_quicker_of_both(
    made: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "QUICK", -1.0)
    for slow, path in (
        (compiled.CompiledExecutor, "onnxruntime"),
        (engine_module.Twin, "compiled"),
    ):
        with monkeypatch.context() as patch:
            took = engine_module._least

            def least(exact, fast, slow=slow, took=took):
                return took(exact, fast) + isinstance(fast, slow)

            patch.setattr(engine_module, "_least", least)
            assert Engine(plain()[0]).path == path


def test_engine__compiled_gives_another_byte__not_taken(
    made: Kernels, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = compiled.CompiledExecutor.run

    def bent(self, inputs):
        first, *others = real(self, inputs)
        lie = bytes([first.data[0] ^ 1]) + first.data[1:]
        return (replace(first, data=lie), *others)

    monkeypatch.setattr(compiled.CompiledExecutor, "run", bent)
    engine = Engine(plain()[0])
    assert engine.path == "onnxruntime"
    assert "gives another" in engine.refused["compiled"]


def test_engine__onnxruntime_gives_another_byte__not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    real = engine_module.Twin.run

    def bent(self, inputs):
        first, *others = real(self, inputs)
        return (replace(first, data=bytes(len(first.data))), *others)

    monkeypatch.setattr(engine_module.Twin, "run", bent)
    program, inputs = plain()
    engine = Engine(program, ways=("onnxruntime",))
    assert engine.path == "executor"
    assert "gives" in engine.refused["onnxruntime"]
    assert engine.run(inputs) == Executor(program).run(inputs)


# Processes of their own


def end(code: str, cache: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=300,
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_engine__without_llvmlite__the_same_bytes(tmp_path: Path) -> None:
    code = """
        import sys
        sys.modules["llvmlite"] = None
        from counterfoil.programs.engine import Engine
        from counterfoil.programs.executor import Executor
        from random_programs import random_run
        for alike in (True, False):
            program, inputs = random_run(3, 5, alike=alike)
            engine = Engine(program)
            print(engine.path, engine.run(inputs) == Executor(program).run(inputs))
    """
    assert end(code, tmp_path).split("\n") == ["onnxruntime True", "executor True"]


def test_engine__kernels_come_later__the_executor_until_then(tmp_path: Path) -> None:
    """LLVM is held up for as long as it likes; a run does not wait for it."""
    code = """
        import threading
        from counterfoil.programs import compiled
        from counterfoil.programs.compiled import ready
        from counterfoil.programs.engine import Engine
        real, go = ready.build, threading.Event()
        def slow():
            go.wait(60)
            return real()
        ready.build = slow
        engine = Engine(ready.sample())
        inputs = ready._inputs(engine.exact, 1)
        first = engine.run(inputs)
        print(engine.path)
        go.set()
        assert compiled.kernels(60) is not None
        print(engine.run(inputs) == first, engine.path)
    """
    assert end(code, tmp_path).split("\n") == ["executor", "True compiled"]


def test_fork__while_kernels_are_made__neither_side_hangs(tmp_path: Path) -> None:
    code = """
        import os
        from counterfoil.programs import compiled
        from counterfoil.programs.compiled import ready
        from counterfoil.programs.engine import Engine
        compiled.kernels()
        child = os.fork()
        engine = Engine(ready.sample())
        found = engine.run(ready._inputs(engine.exact, 0)) == engine.executor.run(
            ready._inputs(engine.exact, 0))
        if child == 0:
            os._exit(0 if found else 1)
        print(found, os.waitpid(child, 0)[1], compiled.kernels(60) is not None)
    """
    assert end(code, tmp_path) == "True 0 True"


def test_exit__while_kernels_are_made__is_clean(tmp_path: Path) -> None:
    assert end("from counterfoil.programs import compiled; compiled.kernels()", tmp_path) == ""


def test_build__damaged_on_disk__made_anew(tmp_path: Path) -> None:
    code = """
        from counterfoil.programs import compiled
        print(compiled.kernels(60).cached)
    """
    assert end(code, tmp_path) == "False"
    assert end(code, tmp_path) == "True"
    (path,) = (tmp_path / "counterfoil" / "kernels").iterdir()
    raw = path.read_bytes()
    path.write_bytes(raw[:50] + bytes([raw[50] ^ 1]) + raw[51:])
    assert end(code, tmp_path) == "False"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is protected by Linux's mprotect")
def test_trace__memory_ends_behind_the_slack__nothing_further_is_touched(tmp_path: Path) -> None:
    code = """
        import ctypes, mmap
        import numpy as np
        from counterfoil.programs import Executor, compiled
        from counterfoil.programs.compiled import ready
        from counterfoil.programs.compiled.fields import SCRATCH, SLACK
        from random_programs import random_run
        made, page = compiled.kernels(60), mmap.PAGESIZE
        protect = ctypes.CDLL(None).mprotect
        protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        cases = [(ready.sample(), ready._inputs(ready.sample(), 0))]
        cases += [random_run(seed, 6) for seed in range(60)]
        scratch = np.empty(SCRATCH, np.uint8)
        for program, inputs in cases:
            one = compiled.CompiledExecutor(program, made)
            wanted = Executor(program).trace(inputs).data
            size = len(wanted) + SLACK
            pages = -(-size // page)
            memory = mmap.mmap(-1, (pages + 1) * page)
            all_ = np.frombuffer(memory, np.uint8)
            assert protect(all_.ctypes.data + pages * page, page, 0) == 0
            data = all_[pages * page - size : pages * page]
            first = int(program.offsets[program.operators[0].out])
            data[:first] = wanted[:first]
            made.run(data.ctypes.data, scratch.ctypes.data, one._steps.ctypes.data, len(one._steps))
            assert np.array_equal(data[:-SLACK], wanted) and not data[-SLACK:].any()
        print(len(cases))
    """
    assert end(code, tmp_path) == "61"
