"""`counterfoil.InferenceSession`: onnxruntime's, with a receipt for every run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from onnxruntime.capi.onnxruntime_inference_collection import (
    InferenceSession as EngineSession,
)

from counterfoil.config import Profile
from counterfoil.errors import (
    BadModel,
    CounterfoilError,
    SealFailed,
    Uncommitted,
    UnsafeModelPath,
)
from counterfoil.formats.model import LoadedModel
from counterfoil.formats.runtime import Runtime
from counterfoil.hashing.types import Digest
from counterfoil.journal import Journal

from . import loading
from .capture import Inputs, Outputs, Unfit
from .runtime_record import run_record, runtime, session_record
from .sealed_receipt import SealedReceipt
from .sealing import Committed, OnSealFailure, RunSealer, request_digest
from .unsealed import note_unsealed

_engine: Any = EngineSession
"""onnxruntime's class without its partial annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A run that is committed to and not yet done."""

    feed: dict[str, Any]
    inputs: Committed
    runtime: Runtime
    runtime_digest: Digest
    request: Digest


class InferenceSession(EngineSession):
    """An onnxruntime session whose runs get receipts.

    Arguments, outputs and errors are onnxruntime's; the model's files are read once, and what
    was hashed is what runs. Runs may go on in several threads at once.

    Args:
        path_or_bytes, sess_options, providers, provider_options, kwargs: onnxruntime's.
        journal: where to seal; None: the profile's.
        profile: a profile or its name; None: the default one.
        on_seal_failure: `raise`: a run without a receipt is an error; `unsealed`: it is
            counted (`counterfoil.inference.unsealed_count`), told once in the log, and its
            outputs are returned.
        request: 32 bytes that every run's receipt bears unless it is given its own.
        keep: seconds for which the journal keeps the runs' tensors; None: not at all.
        public: commit so that anybody who has the tensors can open a chunk of them.
    Raises:
        Exception: onnxruntime's own, for what it refuses.
        UnsafeModelPath: external data outside the model's folder; nothing was loaded.
        BadModel: a model that onnxruntime would take and a receipt cannot name.
        UnrecordableOptions: options that no receipt could name, with `raise`.
        CounterfoilError: the journal cannot be used, with `raise`.
    """

    def __init__(
        self,
        path_or_bytes: Any,
        sess_options: Any = None,
        providers: Sequence[Any] | None = None,
        provider_options: Sequence[Any] | None = None,
        *,
        journal: Journal | None = None,
        profile: str | Profile | None = None,
        on_seal_failure: OnSealFailure = "raise",
        request: bytes | str | None = None,
        keep: float | timedelta | None = None,
        public: bool = False,
        **kwargs: Any,
    ) -> None:
        if on_seal_failure not in ("raise", "unsealed"):
            raise ValueError("on_seal_failure is 'raise' or 'unsealed'")
        self._cf_raise = on_seal_failure == "raise"
        self._cf_request = request_digest(request)
        self._cf_sealer = RunSealer(journal=journal, profile=profile, keep=keep, public=public)
        self._cf_last = threading.local()
        self._cf_latest: SealedReceipt | None = None
        self._cf_disabled = frozenset(kwargs.get("disabled_optimizers") or ())

        def start(source: Any, options: Any) -> None:
            _engine.__init__(self, source, options, providers, provider_options, **kwargs)

        origin = loading.origin(path_or_bytes, sess_options)
        if origin is None:
            start(path_or_bytes, sess_options)  # raises
            raise BadModel("a model is a path or bytes")
        self._cf_origin = origin
        loaded = self._cf_read(start)
        self._cf_model, self._cf_model_digest = loaded.model, loaded.digest
        with loading.given_to_engine(origin, loaded) as (source, options):
            start(source, options)
        self._cf_settle(loaded)
        try:
            self._cf_sealer.journal().unlock()
        except Exception as error:
            if self._cf_raise:
                raise
            note_unsealed(error)

    def _cf_read(self, start: Callable[[Any, Any], None]) -> LoadedModel:
        """Read the model; where that fails onnxruntime's own error goes first."""
        origin = self._cf_origin
        try:
            return origin.read()
        except UnsafeModelPath:
            raise
        except BadModel as error:
            if isinstance(error.__cause__, OSError):  # no such file, of the model or beside it
                start(origin.source, origin.options)
            else:
                origin.probe()
            raise

    def _cf_settle(self, loaded: LoadedModel) -> None:
        """Look at the session that onnxruntime made."""
        origin = self._cf_origin
        self._sess_options_initial = origin.options
        if isinstance(origin.source, str):
            self._model_path = origin.source
            self._model_bytes = None
        self._cf_bytes = loaded if loading.keeps_bytes(origin.options) else None
        declared = [
            (i.name, i.type) for i in (*self.get_inputs(), *self.get_overridable_initializers())
        ]
        self._cf_inputs = Inputs(declared)
        self._cf_outputs = Outputs([(o.name, o.type) for o in self.get_outputs()])
        self._cf_runtimes: dict[str, tuple[Runtime, Digest]] = {}
        self._cf_record: dict[str, Any] = {}
        self._cf_unrecordable: CounterfoilError | None = None
        try:
            engine: Any = self
            self._cf_record = session_record(
                origin.options,
                engine._sess.session_options,
                engine.get_provider_options(),
                self._cf_disabled,
            )
            self._cf_runtime(None)
        except CounterfoilError as error:
            if self._cf_raise:
                raise
            self._cf_unrecordable = error

    def set_providers(
        self, providers: Sequence[Any] | None = None, provider_options: Sequence[Any] | None = None
    ) -> None:
        """As onnxruntime's: the session is made anew, from the files of before.

        Raises:
            ModelChanged: the model's files are others now.
        """
        loaded = self._cf_origin.read_again(self._cf_model_digest)
        with loading.given_to_engine(self._cf_origin, loaded) as (source, options):
            self._model_path, self._model_bytes = (
                (None, source) if isinstance(source, bytes) else (source, None)
            )
            self._sess_options_initial = options
            _engine.set_providers(self, providers, provider_options)
        self._cf_disabled = frozenset()  # as onnxruntime does
        self._cf_settle(loaded)

    def set_ep_dynamic_options(self, options: dict[str, str]) -> None:
        """As onnxruntime's; the options are part of the runtime from now on."""
        _engine.set_ep_dynamic_options(self, options)
        known = self._cf_record.get("dynamicOptions", {})
        self._cf_note(dynamicOptions={**known, **options})

    def set_tuning_results(self, results: Any, *, error_on_invalid: bool = False) -> Any:
        """As onnxruntime's; the results are part of the runtime from now on."""
        given = _engine.set_tuning_results(self, results, error_on_invalid=error_on_invalid)
        self._cf_note(tuning=results)
        return given

    def _cf_note(self, **options: Any) -> None:
        self._cf_record = {**self._cf_record, **options}
        self._cf_runtimes = {}

    def _cf_runtime(self, run_options: Any) -> tuple[Runtime, Digest]:
        if self._cf_unrecordable is not None:
            raise self._cf_unrecordable
        run = run_record(run_options)
        key = repr(run) if run else ""
        known = self._cf_runtimes.get(key)
        if known is None:
            made = runtime(self._cf_record, run, self.get_providers())
            known = self._cf_runtimes[key] = (made, made.digest)
        return known

    @property
    def receipt(self) -> SealedReceipt | None:
        """The last run's receipt, or None where that run failed or got none.

        It is the last run of the calling thread; in a thread that ran nothing yet, that of
        any. It holds the run's tensors until the next run.
        """
        try:
            last: SealedReceipt | None = self._cf_last.receipt
        except AttributeError:
            return self._cf_latest
        return last

    def _cf_keep(self, receipt: SealedReceipt | None) -> None:
        self._cf_last.receipt = self._cf_latest = receipt

    # Runs

    def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> Any:
        """As onnxruntime's; the receipt is `receipt`.

        Raises:
            Exception: onnxruntime's own, for what it refuses.
            BigEndianTensor, Uncommitted, UnrecordableOptions: before the run, with `raise`.
            SealFailed: after it, with `raise`; its `outputs` are the run's.
        """
        return self._cf_run(super().run, output_names, input_feed, run_options, self._cf_request)[0]

    def run_with_receipt(
        self,
        output_names: Any,
        input_feed: Any,
        run_options: Any = None,
        *,
        request: bytes | str | None = None,
    ) -> tuple[list[Any], SealedReceipt | None]:
        """Run, and return the outputs with their receipt.

        Args:
            output_names, input_feed, run_options: as `run`.
            request: 32 bytes that the receipt bears; None: the session's.
        Returns:
            Outputs as `run` gives them; the receipt, None only with `unsealed`.
        Raises:
            Exception: as `run`.
        """
        digest = self._cf_request if request is None else request_digest(request)
        return self._cf_run(super().run, output_names, input_feed, run_options, digest)

    def run_with_ort_values(
        self, output_names: Any, input_dict_ort_values: Any, run_options: Any = None
    ) -> Any:
        """As onnxruntime's, with values in the processor's memory; the receipt is `receipt`.

        Raises:
            Exception: as `run`.
        """
        method = super().run_with_ort_values
        return self._cf_run(
            method, output_names, input_dict_ort_values, run_options, self._cf_request
        )[0]

    def run_async(
        self,
        output_names: Any,
        input_feed: Any,
        callback: Callable[[Any, Any, str], None],
        user_data: Any,
        run_options: Any = None,
    ) -> Any:
        """As onnxruntime's. In the callback `receipt` is this run's.

        A run that could not be sealed calls back with the error and no outputs, with `raise`.
        """
        ready = self._cf_prepare(input_feed, run_options, self._cf_request)
        if isinstance(ready, Exception):
            if self._cf_raise and not isinstance(ready, Unfit):
                raise ready
            note: Exception = ready

            def plain(results: Any, data: Any, problem: str) -> None:
                self._cf_keep(None)
                if not problem and self._cf_raise:
                    callback([], data, str(note))
                    return
                if not problem:
                    note_unsealed(note)
                callback(results, data, problem)

            return _engine.run_async(self, output_names, input_feed, plain, user_data, run_options)
        run = ready

        def sealed(results: Any, data: Any, problem: str) -> None:
            self._cf_keep(None)
            if not problem:
                try:
                    self._cf_seal(run, output_names, results)
                except Exception as error:
                    if self._cf_raise:
                        results, problem = [], str(error)
                    else:
                        note_unsealed(error)
            callback(results, data, problem)

        return _engine.run_async(self, output_names, run.feed, sealed, user_data, run_options)

    def run_with_iobinding(self, iobinding: Any, run_options: Any = None) -> None:
        """Bound memory is not committed to: an error, or unsealed.

        Raises:
            Uncommitted: with `raise`.
        """
        self._cf_refuse("run_with_iobinding", "run")
        _engine.run_with_iobinding(self, iobinding, run_options)

    def run_with_ortvaluevector(self, *args: Any, **kwargs: Any) -> None:
        """Vectors of OrtValues are not committed to: an error, or unsealed.

        Raises:
            Uncommitted: with `raise`.
        """
        self._cf_refuse("run_with_ortvaluevector", "run_with_ort_values")
        _engine.run_with_ortvaluevector(self, *args, **kwargs)

    def _cf_refuse(self, method: str, instead: str) -> None:
        self._cf_keep(None)
        error = Uncommitted(f"{method} gives no receipt: use {instead}")
        if self._cf_raise:
            raise error
        note_unsealed(error)

    def _cf_prepare(self, feed: Any, run_options: Any, request: Digest) -> _Ready | Exception:
        """Commit to a run's inputs, or say why that cannot be."""
        self._cf_keep(None)
        try:
            made, digest = self._cf_runtime(run_options)
            captured = self._cf_inputs.capture(feed)
            return _Ready(
                feed=captured.feed,
                inputs=self._cf_sealer.commit(captured.tensors),
                runtime=made,
                runtime_digest=digest,
                request=request,
            )
        except Exception as error:
            return error

    def _cf_run(
        self,
        method: Callable[[Any, Any, Any], Any],
        names: Any,
        feed: Any,
        options: Any,
        request: Digest,
    ) -> tuple[Any, SealedReceipt | None]:
        ready = self._cf_prepare(feed, options, request)
        if isinstance(ready, Exception):
            if self._cf_raise and not isinstance(ready, Unfit):
                raise ready
            outputs = method(names, feed, options)  # onnxruntime judges what nobody can commit to
            return self._cf_failed(ready, outputs)
        made = self._cf_record
        outputs = method(names, ready.feed, options)
        try:
            if self._cf_record is not made:  # a provider failed and onnxruntime fell back
                found, digest = self._cf_runtime(options)
                ready = replace(ready, runtime=found, runtime_digest=digest)
            return outputs, self._cf_seal(ready, names, outputs)
        except Exception as error:
            return self._cf_failed(error, outputs)

    def _cf_seal(self, ready: _Ready, names: Any, outputs: Sequence[Any]) -> SealedReceipt:
        tensors = self._cf_outputs.tensors(names or self._cf_outputs.names, outputs)
        receipt = self._cf_sealer.seal(
            model=self._cf_model,
            model_digest=self._cf_model_digest,
            runtime=ready.runtime,
            runtime_digest=ready.runtime_digest,
            request=ready.request,
            inputs=ready.inputs,
            outputs=self._cf_sealer.commit(tensors),
        )
        self._cf_keep(receipt)
        return receipt

    def _cf_failed(self, error: Exception, outputs: Any) -> tuple[Any, None]:
        if self._cf_raise:
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
