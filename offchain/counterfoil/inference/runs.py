"""The runs of one session: commit to the inputs, let onnxruntime run, seal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from counterfoil.errors import CounterfoilError, SealFailed
from counterfoil.formats.frozen import filled_at_once
from counterfoil.formats.model import Model
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.hashing.types import Digest

from . import active
from .capture import Inputs, Outputs, Unfit
from .runtime_record import run_record, runtime, session_record
from .sampling import Sampler
from .sealed_receipt import SealedReceipt
from .sealing import Committed, RunSealer
from .unsealed import note_unsealed
from .whose import LastReceipt, Slot

Callback = Callable[[Any, Any, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How runs are sealed.

    Attributes:
        sealer: commits and seals.
        strict: a run without a receipt is an error; else it is counted.
        request: what a run's receipt bears.
        sample: which runs get a receipt; None: all.
        quiet: a run without a receipt is told by somebody else.
    """

    sealer: RunSealer
    strict: bool
    request: Digest
    sample: Sampler | None = None
    quiet: bool = False


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One way to run.

    Attributes:
        call: onnxruntime's method, with what it is fed.
        feed: names and values, or what gives them.
        options: run options.
        read: names and values of the outputs, from what `call` returned; no names: all.
    """

    call: Callable[[Any], Any]
    feed: Any
    options: Any
    read: Callable[[Any], tuple[Any, Sequence[Any]]]


@filled_at_once
@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A run that is committed to and not yet done."""

    feed: dict[str, Any]
    inputs: Committed
    runtime: Runtime | Program
    runtime_digest: Digest
    took: int


class Runs:
    """Gives the runs of one session their receipts.

    Args:
        model: what the session was made from.
        model_digest: the model's.
    """

    def __init__(self, *, model: Model, model_digest: Digest) -> None:
        self._model = model
        self._model_digest = model_digest
        self._last = LastReceipt()
        self._making = threading.Lock()

    def describe(
        self,
        session: Any,
        options: Any,
        disabled_optimizers: frozenset[str] | None,
        *,
        strict: bool,
    ) -> None:
        """Look at the session that onnxruntime made, for what is the same in all runs.

        Args:
            session: the session.
            options: what it was made with; None: onnxruntime's own.
            disabled_optimizers: names; None: nobody saw the session being made.
        Raises:
            UnrecordableOptions: no record could name them, if strict.
        """
        self._providers = list(session.get_providers())  # not the session, which would not die
        fed = (*session.get_inputs(), *session.get_overridable_initializers())
        self._inputs = Inputs([(i.name, i.type) for i in fed])
        self._outputs = Outputs([(o.name, o.type) for o in session.get_outputs()])
        self._record: dict[str, Any] = {}
        self._runtimes: dict[str, tuple[Runtime, Digest]] = {}
        self._unrecordable: CounterfoilError | None = None
        try:
            self._record = session_record(
                options,
                session._sess.session_options,
                session.get_provider_options(),
                disabled_optimizers,
            )
            self._runtime(None)
        except CounterfoilError as error:
            if strict:
                raise
            self._unrecordable = error

    def note(self, **options: Any) -> None:
        """Options that the session was given since; what was given before stays."""
        self._record = {**self._record, **options}
        self._runtimes = {}

    def noted(self, name: str) -> Any:
        """One option of the record, or None."""
        return self._record.get(name)

    @property
    def receipt(self) -> SealedReceipt | None:
        """The last run's, of this task or thread; in a thread that ran nothing, any thread's."""
        return self._last.get()

    def run(self, job: Job, policy: Policy) -> tuple[Any, SealedReceipt | None]:
        """One run.

        Returns:
            What onnxruntime returned, and the receipt; no receipt if the run was not sampled,
            or only if not strict.
        Raises:
            Exception: onnxruntime's own, for what it refuses.
            CounterfoilError: what keeps the run from being committed to, before it; if strict.
            SealFailed: after the run, if strict.
        """
        slot = self._last.slot()
        ready = self._prepare(job, policy, slot)
        if ready is None:
            return job.call(_given(job)), None
        if isinstance(ready, Exception):
            if policy.strict and not isinstance(ready, Unfit):
                raise ready
            # onnxruntime judges first what nobody can commit to.
            return self._without(ready, job.call(_given(job)), policy)
        record = self._record
        result = job.call(ready.feed)
        began = time.perf_counter_ns()
        try:
            if self._record is not record:  # a provider failed and onnxruntime fell back
                made, digest = self._runtime(job.options)
                ready = replace(ready, runtime=made, runtime_digest=digest)
            receipt = self._seal(ready, job.read(result), policy, slot)
        except Exception as error:
            return self._without(error, result, policy)
        policy.sealer.took(ready.took + time.perf_counter_ns() - began)
        self._tell(receipt)
        return result, receipt

    def run_async(self, job: Job, policy: Policy, callback: Callback) -> Any:
        """One run that calls back.

        Args:
            job: its `call` takes a feed and a callback.
            callback: the caller's; its error says why a run got no receipt, if strict.
        Raises:
            Exception: as `run`, before the run.
        """
        slot, recorders = self._last.slot(), active.recorders()
        ready = self._prepare(job, policy, slot)
        if ready is None:
            return job.call((job.feed, callback))
        if isinstance(ready, Exception) and policy.strict and not isinstance(ready, Unfit):
            raise ready

        def done(results: Any, data: Any, problem: str) -> None:
            self._last.set(None, slot)
            if not problem:
                try:
                    if isinstance(ready, Exception):
                        raise ready
                    receipt = self._seal(ready, job.read(results), policy, slot)
                    self._tell(receipt, recorders)
                except Exception as error:
                    self._failed(error, policy, recorders)
                    if policy.strict:
                        results, problem = [], _line(error)
            callback(results, data, problem)

        return job.call((job.feed if isinstance(ready, Exception) else ready.feed, done))

    def _prepare(self, job: Job, policy: Policy, slot: Slot | None) -> Ready | Exception | None:
        """Commit to a run's inputs, or say why that cannot be; None: the run is not sampled."""
        began = time.perf_counter_ns()
        self._last.set(None, slot)
        try:
            feed = _fed(job)
            if policy.sample is not None and not policy.sample(feed):
                return None
            made, digest = self._runtime(job.options)
            captured = self._inputs.capture(feed)
            return Ready(
                feed=captured.feed,
                inputs=policy.sealer.commit(captured.tensors),
                runtime=made,
                runtime_digest=digest,
                took=time.perf_counter_ns() - began,
            )
        except Exception as error:
            return error

    def _runtime(self, options: Any) -> tuple[Runtime | Program, Digest]:
        if self._unrecordable is not None:
            raise self._unrecordable
        run = run_record(options)
        key = repr(run) if run else ""
        known = self._runtimes.get(key)
        if known is None:
            made = runtime(self._record, run, self._providers)
            known = self._runtimes[key] = (made, made.digest)
        return known

    def _seal(
        self, ready: Ready, outputs: tuple[Any, Sequence[Any]], policy: Policy, slot: Slot | None
    ) -> SealedReceipt:
        names, values = outputs
        tensors = self._outputs.tensors(names or self._outputs.names, values)
        receipt = policy.sealer.seal(
            model=self._model,
            model_digest=self._model_digest,
            runtime=ready.runtime,
            runtime_digest=ready.runtime_digest,
            request=policy.request,
            inputs=ready.inputs,
            outputs=policy.sealer.commit(tensors),
        )
        self._last.set(receipt, slot)
        return receipt

    def _tell(
        self, receipt: SealedReceipt, recorders: Sequence[active.Recorder] | None = None
    ) -> None:
        for recorder in active.recorders() if recorders is None else recorders:
            recorder.add(receipt)

    def _failed(
        self, error: Exception, policy: Policy, recorders: Sequence[active.Recorder]
    ) -> None:
        for recorder in recorders:
            recorder.failed(error)
        if not policy.strict:
            note_unsealed(error, quiet=policy.quiet)

    def _without(self, error: Exception, result: Any, policy: Policy) -> tuple[Any, None]:
        self._failed(error, policy, active.recorders())
        if policy.strict:
            _no_receipt(error, result)
        return result, None


def _fed(job: Job) -> Any:
    """A feed as it stands; a bound one is read when it is needed."""
    return job.feed() if callable(job.feed) else job.feed


def _given(job: Job) -> Any:
    """What the caller gave, for a run that is not committed to; bound values need no feed."""
    return None if callable(job.feed) else job.feed


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _no_receipt(error: Exception, outputs: Any) -> NoReturn:
    code = error.exit_code if isinstance(error, CounterfoilError) else 1
    raise SealFailed(
        f"the run has no receipt ({_line(error)}); its outputs are in `.outputs`",
        outputs=outputs,
        exit_code=code,
    ) from error
