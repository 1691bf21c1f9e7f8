"""Running a program for a session: the fast path where it proved itself, else the executor."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from counterfoil.errors import InputRefused, ModelRefused, NoTwin
from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import Tensor
from counterfoil.inference.plain import Plain

from .container import program_in
from .executor import Executor, check_inputs
from .probes import probe
from .program import ExactProgram
from .twin import twin_of

_log = logging.getLogger("counterfoil")


class Engine:
    """Runs one program; threads may share it.

    Args:
        exact: the program.
        threads: of one operator of the fast path; 0: onnxruntime's choice.
        fast: try the fast path.
    Attributes:
        refused: why the fast path is not taken; None: it is.
    """

    def __init__(self, exact: ExactProgram, *, threads: int = 0, fast: bool = True) -> None:
        self.exact = exact
        self._twin: Plain | None = None
        self.refused: str | None = "it was not asked for"
        if fast:
            self._try_fast(threads)

    @cached_property
    def executor(self) -> Executor:
        """The slow path, and the one that counts."""
        return Executor(self.exact)

    @property
    def program(self) -> Program:
        """What receipts name as their runtime."""
        return self.exact.commitment

    def _try_fast(self, threads: int) -> None:
        try:
            twin = Plain(twin_of(self.exact).SerializeToString(), threads=threads)
        except (NoTwin, ModelRefused) as error:
            self.refused = str(error)
            return
        try:
            self.refused = probe(self.exact, twin, self.executor, threads=threads)
        except Exception as error:  # the executor needs none of it
            self.refused = f"onnxruntime fails on a probe: {' '.join(str(error).split())[:200]}"
        if self.refused is None:
            self._twin = twin
        else:
            _log.warning(
                "onnxruntime is not exact here, so the executor runs the program: %s", self.refused
            )

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All outputs, in the program's order.

        Raises:
            InputRefused: not the program's inputs, or an index past its table.
        """
        if self._twin is None:
            return self.executor.run(inputs)
        given = {tensor.name: tensor for tensor in inputs}
        check_inputs(self.exact, given)
        try:
            values = self._twin.run({name: tensor.array() for name, tensor in given.items()})
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
            for edge, value in zip(self.exact.outputs, values, strict=True)
        )


def open_engine(graph: bytes, threads: int) -> Engine | None:
    """The engine of the program in an ONNX file, or None.

    Raises:
        BadProgram: the file carries one that is not valid.
    """
    exact = program_in(graph)
    return None if exact is None else Engine(exact, threads=threads)
