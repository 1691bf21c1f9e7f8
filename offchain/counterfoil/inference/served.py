"""A model as a server runs it: tensors in, tensors out, a receipt for each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from onnxruntime.capi.onnxruntime_inference_collection import (
    InferenceSession as EngineSession,
)
from onnxruntime.capi.onnxruntime_inference_collection import OrtValue
from onnxruntime.capi.onnxruntime_pybind11_state import RunOptions, SessionOptions

from counterfoil.config import Profile
from counterfoil.errors import CounterfoilError
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing.types import Digest

from .capture import Outputs, element_number
from .exact import ExactRuns
from .gathering import DYNAMIC, GatheredRuns, Gathering
from .openable import Open
from .patches import original
from .refusals import as_refusal
from .runs import Job
from .sealed_receipt import SealedReceipt
from .sealing import OnSealFailure
from .session import InferenceSession

BFLOAT16: Final = NUMBERS["bfloat16"]

FATAL: Final = 4
"""onnxruntime's level: what it would write to standard error comes as exceptions too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """How a server's runs are sealed: arguments of `counterfoil.InferenceSession`."""

    profile: Profile
    on_seal_failure: OnSealFailure = "raise"
    keep: float | None = None
    public: bool = False
    open: Open = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """Rows of a batch, at most, and seconds that the first of one waits for others."""

    rows: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """An input or output as the model declares it.

    Attributes:
        dtype: ONNX `TensorProto.DataType`; None: no dense tensor.
        kind: onnxruntime's own word for the type.
        shape: dimensions, −1 where one is open; () is also what has no declared shape.
    """

    name: str
    dtype: int | None
    kind: str
    shape: tuple[int, ...]


class Stop:
    """Ends a run that takes too long, from another thread."""

    def __init__(self) -> None:
        self.options = RunOptions()
        self.options.log_severity_level = FATAL
        self.stopped = False

    def __call__(self) -> None:
        """Have the run fail at its next node, or before it begins."""
        self.stopped = True
        self.options.terminate = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A run's outputs, in the order in which they were asked for, and its receipt.

    Attributes:
        receipt: None: receipts are off, or the run could not be sealed and that is allowed.
    """

    outputs: tuple[Tensor, ...]
    receipt: SealedReceipt | None


class Served:
    """One version of a model. Threads may share it.

    Args:
        path: the model's file.
        sealing: None: no receipts, onnxruntime's session as it is.
        threads: of one run; None: as many as onnxruntime takes.
        batching: None: every run is one of the engine's.
    Raises:
        ModelRefused: onnxruntime does not load the model.
        CounterfoilError: as `counterfoil.InferenceSession`.
    """

    def __init__(
        self,
        path: Path,
        *,
        sealing: Sealing | None,
        threads: int | None = None,
        batching: Batching | None = None,
    ) -> None:
        options = SessionOptions()
        options.log_severity_level = FATAL
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session: Any = _session(path, sealing, options)
        self._sealing = sealing
        self.inputs = _declared(self._session.get_inputs())
        self.optional = _declared(self._session.get_overridable_initializers())
        self.outputs = _declared(self._session.get_outputs())
        self._read = Outputs([(o.name, o.kind) for o in self.outputs])
        every = (*self.inputs, *self.optional, *self.outputs)
        self._values = any(d.dtype == BFLOAT16 for d in every)
        self._gathering: Gathering | None = None
        exact = isinstance(getattr(self._session, "_cf_runs", None), ExactRuns)
        if batching is not None and not exact:  # a program's shapes are fixed
            self._gathering = Gathering(self._engine, rows=batching.rows, wait=batching.wait)
            if sealing is not None:
                self._gather(options)

    def run(
        self, inputs: Sequence[Tensor], outputs: Sequence[str], request: Digest, stop: Stop
    ) -> Answer:
        """One run.

        Args:
            inputs: of the declared names and types.
            outputs: names, each once, in the order of the answer.
            request: what the receipt bears.
            stop: ends the run from outside.
        Raises:
            InputRefused: onnxruntime does not take the inputs, or `stop` ended the run.
            CounterfoilError: as `counterfoil.InferenceSession.run`.
        """
        feed = {tensor.name: self._fed(tensor) for tensor in inputs}
        try:
            tensors, receipt = self._run(feed, outputs, request, stop)
        except Exception as error:
            refusal = as_refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        by_name = {tensor.name: tensor for tensor in tensors}
        return Answer(outputs=tuple(by_name[name] for name in outputs), receipt=receipt)

    def _run(
        self, feed: dict[str, Any], outputs: Sequence[str], request: Digest, stop: Stop
    ) -> tuple[Sequence[Tensor], SealedReceipt | None]:
        names = list(outputs)

        def call(fed: Any) -> Any:
            if self._gathering is not None:
                return self._gathering.run(names, fed, stop.options)
            return self._engine(names, fed, stop.options)

        if self._sealing is None:
            return self._read.tensors(names, call(feed)), None
        job = Job(call=call, feed=feed, options=stop.options, read=lambda values: (names, values))
        runs, policy = self._session._cf_runs, self._session._cf_policy
        values, receipt = runs.run(job, replace(policy, request=request))
        runs._last.set(None, None)  # it would hold the run's tensors until the thread's next run
        if receipt is not None:
            return receipt.outputs, receipt
        return self._read.tensors(names, values), None

    def _engine(self, names: Sequence[str], feed: Mapping[str, Any], options: Any) -> list[Any]:
        method = original(EngineSession, "run_with_ort_values" if self._values else "run")
        values: list[Any] = method(self._session, list(names), feed, options)
        return values

    def _fed(self, tensor: Tensor) -> Any:
        if not self._values:
            return tensor.array()
        if tensor.dtype == BFLOAT16:  # NumPy has no such type
            raw = np.frombuffer(tensor.data, dtype=np.uint16).reshape(tensor.shape)
            return OrtValue.ortvalue_from_numpy_with_onnx_type(raw, BFLOAT16)
        return OrtValue.ortvalue_from_numpy(tensor.array())

    def _gather(self, options: Any) -> None:
        session = self._session
        made = session._cf_runs
        runs = GatheredRuns(model=made._model, model_digest=made._model_digest)
        runs.describe(session, options, frozenset(), strict=session._cf_policy.strict)
        runs.note(batching=DYNAMIC)
        session._cf_runs = runs


def _session(path: Path, sealing: Sealing | None, options: Any) -> Any:
    try:
        if sealing is None:
            return EngineSession(str(path), options)
        return InferenceSession(
            path,
            options,
            profile=sealing.profile,
            on_seal_failure=sealing.on_seal_failure,
            keep=sealing.keep,
            public=sealing.public,
            open=sealing.open,
        )
    except CounterfoilError:
        raise
    except Exception as error:
        refusal = as_refusal(error, loading=True)
        if refusal is None:
            raise
        raise refusal from error


def _declared(arguments: Sequence[Any]) -> tuple[Declared, ...]:
    return tuple(
        Declared(
            name=a.name,
            dtype=element_number(a.type),
            kind=a.type,
            shape=tuple(d if isinstance(d, int) and d >= 0 else -1 for d in a.shape or ()),
        )
        for a in arguments
    )


__all__ = ["Answer", "Batching", "Declared", "Sealing", "Served", "Stop"]
