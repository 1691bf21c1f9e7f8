"""Running a program for a session: the quickest way that proved itself, else the executor."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Final, Literal

import numpy as np

from counterfoil.errors import InputRefused, ModelRefused, NoTwin
from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import Tensor
from counterfoil.inference.plain import Plain

from . import compiled
from .container import program_in
from .executor import Executor
from .given import check_inputs
from .probes import Fast, probe, probe_inputs
from .program import ExactProgram
from .twin import twin_of

_log = logging.getLogger("counterfoil")

Way = Literal["compiled", "onnxruntime"]

WAYS: Final[tuple[Way, ...]] = ("compiled", "onnxruntime")
"""The compiled executor first: it proves itself in milliseconds, onnxruntime in seconds."""

QUICK: Final = 0.02
"""Seconds of a run from which another way is worth proving: onnxruntime uses many cores."""

PATIENCE: Final = 0.5
"""Seconds that kernels are waited for: longer than they take from disk."""

TRIES: Final = 3
"""Runs of a way whose quickest counts."""


class Twin:
    """The program's twin in onnxruntime.

    Args:
        threads: of one operator; 0: onnxruntime's choice.
    Raises:
        NoTwin: it has operators that onnxruntime lacks.
        ModelRefused: onnxruntime does not load it.
    """

    def __init__(self, exact: ExactProgram, *, threads: int) -> None:
        self._exact = exact
        self._session = Plain(twin_of(exact).SerializeToString(), threads=threads)

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """As `Executor.run`."""
        given = {tensor.name: tensor for tensor in inputs}
        check_inputs(self._exact, given)
        try:
            values = self._session.run({name: tensor.array() for name, tensor in given.items()})
        except Exception as error:
            line = " ".join(str(error).split())
            raise InputRefused(f"onnxruntime does not take the inputs: {line}") from error
        return tuple(
            Tensor(
                name=edge.name,
                dtype=edge.dtype,
                shape=edge.shape,
                data=np.ascontiguousarray(value).tobytes(),
            )
            for edge, value in zip(self._exact.outputs, values, strict=True)
        )


class Engine:
    """Runs one program; threads may share it.

    A way is taken only where it gave the executor's bytes on every probe; of several, the
    quickest, and no other is tried where one is quick. Without any, the executor runs the program,
    until the compiled one's kernels are made.

    Args:
        exact: the program.
        threads: of one operator in onnxruntime; 0: its own choice.
        ways: what to try, in this order.
    Attributes:
        path: what runs the program.
        refused: why a way that was tried is not taken.
    """

    def __init__(
        self, exact: ExactProgram, *, threads: int = 0, ways: Sequence[Way] = WAYS
    ) -> None:
        self.exact = exact
        self.path: Way | Literal["executor"] = "executor"
        self.refused: dict[Way, str] = {}
        self._threads = threads
        self._fast: Fast | None = None
        self._unmade = False
        self._look(ways)
        if self._fast is None and ways:
            said = "; ".join(f"{way}: {reason}" for way, reason in self.refused.items())
            _log.warning("the plain executor runs the program here: %s", said)

    @cached_property
    def executor(self) -> Executor:
        """The slow path, and the one that counts."""
        return Executor(self.exact)

    @property
    def program(self) -> Program:
        """What receipts name as their runtime."""
        return self.exact.commitment

    def _look(self, ways: Sequence[Way]) -> None:
        least = float("inf")
        for way in ways:
            try:
                fast = self._onnxruntime() if way == "onnxruntime" else self._compiled()
            except _NotTaken as error:
                self.refused[way] = str(error)
                continue
            took = _least(self.exact, fast)
            if took < least:
                self._fast, self.path, least = fast, way, took
            if took <= QUICK:
                break

    def _onnxruntime(self) -> Twin:
        def make(exact: ExactProgram) -> Twin:
            return Twin(exact, threads=self._threads)

        try:
            twin = make(self.exact)
            wrong = probe(self.exact, twin, self.executor, make)
        except (NoTwin, ModelRefused) as error:
            raise _NotTaken(str(error)) from error
        except Exception as error:  # the executor needs none of it
            line = " ".join(str(error).split())[:200]
            raise _NotTaken(f"onnxruntime fails on a probe: {line}") from error
        if wrong is not None:
            raise _NotTaken(wrong)
        return twin

    def _compiled(self) -> compiled.CompiledExecutor:
        """Its kernels were held against the executor one by one when they were made."""
        kernels = compiled.kernels(PATIENCE)
        self._unmade = kernels is None
        if kernels is None:
            raise _NotTaken("its kernels are not made, or llvmlite is not installed")
        try:
            made = compiled.CompiledExecutor(self.exact, kernels)
        except compiled.TooLarge as error:
            raise _NotTaken(str(error)) from error
        wrong = probe(self.exact, made, self.executor)
        if wrong is not None:
            raise _NotTaken(wrong)
        return made

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All outputs, in the program's order.

        Raises:
            InputRefused: not the program's inputs, or an index past its table.
        """
        if self._fast is None and self._unmade and compiled.kernels() is not None:
            self._look(("compiled",))
        return (self._fast or self.executor).run(inputs)


class _NotTaken(Exception):
    """A way is not exact here, or cannot be taken."""


def _least(exact: ExactProgram, fast: Fast) -> float:
    """Seconds of the quickest of some runs."""
    inputs, least = next(probe_inputs(exact)), float("inf")
    for _ in range(TRIES):
        began = time.perf_counter()
        fast.run(inputs)
        least = min(least, time.perf_counter() - began)
    return least


def open_engine(graph: bytes, threads: int) -> Engine | None:
    """The engine of the program in an ONNX file, or None.

    Raises:
        BadProgram: the file carries one that is not valid.
    """
    exact = program_in(graph)
    return None if exact is None else Engine(exact, threads=threads)
