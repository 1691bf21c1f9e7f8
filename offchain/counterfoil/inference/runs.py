"""The runs of one session: commit to the inputs, let onnxruntime run, seal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from counterfoil.errors import CounterfoilError, SealFailed, Uncommitted
from counterfoil.formats.model import Model
from counterfoil.formats.runtime import Runtime
from counterfoil.hashing.types import Digest

from .capture import Inputs, Outputs, Unfit
from .runtime_record import run_record, runtime, session_record
from .sealed_receipt import SealedReceipt
from .sealing import Committed, RunSealer
from .unsealed import note_unsealed

Callback = Callable[[Any, Any, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A run that is committed to and not yet done."""

    feed: dict[str, Any]
    inputs: Committed
    runtime: Runtime
    runtime_digest: Digest
    request: Digest


class Runs:
    """Gives the runs of one session their receipts.

    Args:
        sealer: commits and seals.
        strict: a run without a receipt is an error; else it is counted.
        model: what the session was made from.
        model_digest: the model's.
    """

    def __init__(
        self, sealer: RunSealer, *, strict: bool, model: Model, model_digest: Digest
    ) -> None:
        self._sealer = sealer
        self._strict = strict
        self._model = model
        self._model_digest = model_digest
        self._mine = threading.local()
        self._latest: SealedReceipt | None = None

    def describe(self, session: Any, options: Any, disabled_optimizers: frozenset[str]) -> None:
        """Look at the session that onnxruntime made, for what is the same in all runs.

        Args:
            session: the session.
            options: what it was made with.
            disabled_optimizers: names.
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
            if self._strict:
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
        """The calling thread's last run's; in a thread that ran nothing, any thread's."""
        last: SealedReceipt | None = getattr(self._mine, "receipt", self._latest)
        return last

    def _keep(self, receipt: SealedReceipt | None) -> None:
        self._mine.receipt = self._latest = receipt

    def run(
        self,
        method: Callable[[Any, Any, Any], Any],
        names: Any,
        feed: Any,
        options: Any,
        request: Digest,
    ) -> tuple[Any, SealedReceipt | None]:
        """One run.

        Args:
            method: onnxruntime's, taking output names, a feed and run options.
        Returns:
            The outputs and the receipt; no receipt only if not strict.
        Raises:
            Exception: onnxruntime's own, for what it refuses.
            CounterfoilError: what keeps the run from being committed to, before it; if strict.
            SealFailed: after the run, if strict.
        """  # fmt: skip
        ready = self._prepare(feed, options, request)
        if isinstance(ready, Exception):
            if self._strict and not isinstance(ready, Unfit):
                raise ready
            # onnxruntime judges first what nobody can commit to.
            return self._without(ready, method(names, feed, options))
        record = self._record
        outputs = method(names, ready.feed, options)
        try:
            if self._record is not record:  # a provider failed and onnxruntime fell back
                made, digest = self._runtime(options)
                ready = replace(ready, runtime=made, runtime_digest=digest)
            return outputs, self._seal(ready, names, outputs)
        except Exception as error:
            return self._without(error, outputs)

    def run_async(
        self,
        method: Callable[[Any, Any, Callback], Any],
        names: Any,
        feed: Any,
        options: Any,
        request: Digest,
        *,
        callback: Callback,
    ) -> Any:
        """One run that calls back.

        Args:
            method: onnxruntime's, taking output names, a feed and a callback.
            callback: the caller's; its error says why a run got no receipt, if strict.
        Raises:
            Exception: as `run`, before the run.
        """  # fmt: skip
        ready = self._prepare(feed, options, request)
        if isinstance(ready, Exception) and self._strict and not isinstance(ready, Unfit):
            raise ready

        def done(results: Any, data: Any, problem: str) -> None:
            self._keep(None)
            if not problem:
                try:
                    if isinstance(ready, Exception):
                        raise ready
                    self._seal(ready, names, results)
                except Exception as error:
                    if self._strict:
                        results, problem = [], " ".join(str(error).split())
                    else:
                        note_unsealed(error)
            callback(results, data, problem)

        return method(names, feed if isinstance(ready, Exception) else ready.feed, done)

    def refuse(self, method: str, instead: str) -> None:
        """A way to run that gives no receipt.

        Raises:
            Uncommitted: if strict.
        """
        self._keep(None)
        error = Uncommitted(f"{method} gives no receipt: use {instead}")
        if self._strict:
            raise error
        note_unsealed(error)

    def _prepare(self, feed: Any, options: Any, request: Digest) -> Ready | Exception:
        """Commit to a run's inputs, or say why that cannot be."""
        self._keep(None)
        try:
            made, digest = self._runtime(options)
            captured = self._inputs.capture(feed)
            return Ready(
                feed=captured.feed,
                inputs=self._sealer.commit(captured.tensors),
                runtime=made,
                runtime_digest=digest,
                request=request,
            )
        except Exception as error:
            return error

    def _runtime(self, options: Any) -> tuple[Runtime, Digest]:
        if self._unrecordable is not None:
            raise self._unrecordable
        run = run_record(options)
        key = repr(run) if run else ""
        known = self._runtimes.get(key)
        if known is None:
            made = runtime(self._record, run, self._providers)
            known = self._runtimes[key] = (made, made.digest)
        return known

    def _seal(self, ready: Ready, names: Any, outputs: Sequence[Any]) -> SealedReceipt:
        tensors = self._outputs.tensors(names or self._outputs.names, outputs)
        receipt = self._sealer.seal(
            model=self._model,
            model_digest=self._model_digest,
            runtime=ready.runtime,
            runtime_digest=ready.runtime_digest,
            request=ready.request,
            inputs=ready.inputs,
            outputs=self._sealer.commit(tensors),
        )
        self._keep(receipt)
        return receipt

    def _without(self, error: Exception, outputs: Any) -> tuple[Any, None]:
        if self._strict:
            _no_receipt(error, outputs)
        note_unsealed(error)
        return outputs, None


def _no_receipt(error: Exception, outputs: Any) -> NoReturn:
    code = error.exit_code if isinstance(error, CounterfoilError) else 1
    raise SealFailed(
        f"the run has no receipt ({' '.join(str(error).split())}); its outputs are in `.outputs`",
        outputs=outputs,
        exit_code=code,
    ) from error
