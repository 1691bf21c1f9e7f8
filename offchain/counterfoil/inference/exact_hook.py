"""Where sessions ask for the engine of an exact program. Programs stand above sessions, so the
package's root, which stands above both, puts the way to them in here (docs/programs.md §9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import Tensor

KEY: Final = "counterfoil.program"
"""The metadata of an ONNX file that carries a program."""


class ExactEngine(Protocol):
    """Runs one program."""

    @property
    def program(self) -> Program:
        """What receipts name as their runtime."""

    def run(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """All outputs, in the program's order."""


Opener = Callable[[bytes, int], ExactEngine | None]
"""From a graph's bytes, and threads of an operator, to the engine of the program in it."""

_openers: list[Opener] = []


def provide(opener: Opener) -> None:
    """Say how programs are opened."""
    _openers[:] = [opener]


def engine_of(graph: bytes, options: Any) -> ExactEngine | None:
    """The engine of the program that a graph carries, or None.

    Args:
        options: the session's.
    Raises:
        BadProgram: it carries one that is not valid.
    """
    if KEY.encode() not in graph or not _openers:
        return None
    return _openers[0](graph, int(getattr(options, "intra_op_num_threads", 0)))
