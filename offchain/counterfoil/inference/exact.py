"""Runs of exact programs: the program gives the numbers, whatever the session's graph would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from counterfoil.errors import CounterfoilError, NotForPrograms, SealFailed
from counterfoil.formats.model import Model
from counterfoil.formats.runtime import Program
from counterfoil.hashing.types import Digest

from .capture import Inputs, Outputs, Unfit
from .exact_hook import ExactEngine
from .runs import Callback, Job, Policy, Runs
from .sealed_receipt import SealedReceipt


class ExactRuns(Runs):
    """Gives the runs of a program their receipts: all its tensors, and the program as runtime.

    Args:
        model, model_digest: as `Runs`.
        engine: of the program.
    """

    def __init__(self, *, model: Model, model_digest: Digest, engine: ExactEngine) -> None:
        super().__init__(model=model, model_digest=model_digest)
        self.engine = engine
        self._program = engine.program
        self._program_digest = engine.program.digest

    def describe(
        self,
        session: Any,
        options: Any,
        disabled_optimizers: frozenset[str] | None,
        *,
        strict: bool,
    ) -> None:
        """The session's names and types. Its options decide nothing."""
        self._inputs = Inputs([(i.name, i.type) for i in session.get_inputs()])
        self._outputs = Outputs([(o.name, o.type) for o in session.get_outputs()])
        self._record = {}
        self._unrecordable: CounterfoilError | None = None

    def note(self, **options: Any) -> None:
        """Nothing: no option decides a number."""

    def _runtime(self, options: Any) -> tuple[Program, Digest]:
        return self._program, self._program_digest

    def run(self, job: Job, policy: Policy) -> tuple[Any, SealedReceipt | None]:
        """One run; of its outputs the caller gets those asked for, the receipt has all.

        Raises:
            NotForPrograms: the values are bound to memory.
            InputRefused: an input that the program does not take.
            Exception: as `Runs.run`.
        """
        if callable(job.feed):
            _only_run()
        asked = job.read(())[0] or self._outputs.names
        unknown = [name for name in asked if name not in self._outputs.names]
        if unknown:
            raise ValueError(f"Invalid output name: {unknown[0]}")
        whole = replace(
            job,
            call=lambda feed: self._exactly(job, feed),
            read=lambda values: (self._outputs.names, values),
        )
        try:
            values, receipt = super().run(whole, policy)
        except SealFailed as error:
            made: Any = error.outputs
            error.outputs = self._chosen(made, asked)
            raise
        return self._chosen(values, asked), receipt

    def run_async(self, job: Job, policy: Policy, callback: Callback) -> Any:
        """Not for programs.

        Raises:
            NotForPrograms: always.
        """
        _only_run()

    def _exactly(self, job: Job, feed: Any) -> list[Any]:
        try:
            tensors = self._inputs.capture(feed).tensors
        except Unfit:
            job.call(feed)  # onnxruntime's own error goes first
            raise
        return [np.array(tensor.array()) for tensor in self.engine.run(tensors)]

    def _chosen(self, values: Sequence[Any], asked: Sequence[str]) -> list[Any]:
        by_name = dict(zip(self._outputs.names, values, strict=True))
        return [by_name[name] for name in asked]


def _only_run() -> NoReturn:
    raise NotForPrograms("an exact program runs by `run` and `run_with_receipt` alone")
