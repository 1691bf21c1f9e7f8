"""`counterfoil.InferenceSession`: onnxruntime's, with a receipt for every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from onnxruntime.capi.onnxruntime_inference_collection import (
    InferenceSession as EngineSession,
)

from counterfoil.config import Profile
from counterfoil.errors import BadModel, UnsafeModelPath
from counterfoil.formats.model import LoadedModel
from counterfoil.journal import Journal

from . import loading
from .runs import Runs
from .sealed_receipt import SealedReceipt
from .sealing import OnSealFailure, RunSealer, request_digest
from .unsealed import note_unsealed

_engine: Any = EngineSession
"""onnxruntime's class without its partial annotations."""


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
        strict = on_seal_failure == "raise"
        sealer = RunSealer(journal=journal, profile=profile, keep=keep, public=public)
        self._cf_request = request_digest(request)

        def start(source: Any, options: Any) -> None:
            _engine.__init__(self, source, options, providers, provider_options, **kwargs)

        origin = loading.origin(path_or_bytes, sess_options)
        if origin is None:
            start(path_or_bytes, sess_options)  # raises
            raise BadModel("a model is a path or bytes")
        self._cf_origin = origin
        loaded = self._cf_read(start)
        with loading.given_to_engine(origin, loaded) as (source, options):
            start(source, options)
        self._cf_digest = loaded.digest
        self._cf_runs = Runs(sealer, strict=strict, model=loaded.model, model_digest=loaded.digest)
        self._cf_made(loaded, frozenset(kwargs.get("disabled_optimizers") or ()))
        try:
            sealer.journal().unlock()
        except Exception as error:
            if strict:
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

    def _cf_made(self, loaded: LoadedModel, disabled_optimizers: frozenset[str]) -> None:
        """After onnxruntime has made its session: what it has kept becomes the caller's again."""
        origin = self._cf_origin
        self._sess_options_initial = origin.options
        if isinstance(origin.source, str):
            self._model_path = origin.source
            self._model_bytes = None
        self._cf_bytes = loaded if loading.keeps_bytes(origin.options) else None
        self._cf_runs.describe(self, origin.options, disabled_optimizers)

    def set_providers(
        self, providers: Sequence[Any] | None = None, provider_options: Sequence[Any] | None = None
    ) -> None:
        """As onnxruntime's: the session is made anew, from the files of before.

        Raises:
            ModelChanged: the model's files are others now.
        """
        loaded = self._cf_origin.read_again(self._cf_digest)
        with loading.given_to_engine(self._cf_origin, loaded) as (source, options):
            self._model_path, self._model_bytes = (
                (None, source) if isinstance(source, bytes) else (source, None)
            )
            self._sess_options_initial = options
            _engine.set_providers(self, providers, provider_options)
        self._cf_made(loaded, frozenset())  # onnxruntime, too, forgets what was disabled

    def set_ep_dynamic_options(self, options: dict[str, str]) -> None:
        """As onnxruntime's; the options are part of the runtime from now on."""
        _engine.set_ep_dynamic_options(self, options)
        known = self._cf_runs.noted("dynamicOptions") or {}
        self._cf_runs.note(dynamicOptions={**known, **options})

    def set_tuning_results(self, results: Any, *, error_on_invalid: bool = False) -> Any:
        """As onnxruntime's; the results are part of the runtime from now on."""
        given = _engine.set_tuning_results(self, results, error_on_invalid=error_on_invalid)
        self._cf_runs.note(tuning=results)
        return given

    @property
    def receipt(self) -> SealedReceipt | None:
        """The last run's receipt, or None where that run failed or got none.

        It is the last run of the calling thread; in a thread that ran nothing yet, that of
        any. It holds the run's tensors until the next run.
        """
        return self._cf_runs.receipt

    def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> Any:
        """As onnxruntime's; the receipt is `receipt`.

        Raises:
            Exception: onnxruntime's own, for what it refuses.
            BigEndianTensor, Uncommitted, UnrecordableOptions: before the run, with `raise`.
            SealFailed: after it, with `raise`; its `outputs` are the run's.
        """
        return self._cf_runs.run(
            super().run, output_names, input_feed, run_options, self._cf_request
        )[0]

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
        return self._cf_runs.run(super().run, output_names, input_feed, run_options, digest)

    def run_with_ort_values(
        self, output_names: Any, input_dict_ort_values: Any, run_options: Any = None
    ) -> Any:
        """As onnxruntime's, with values in the processor's memory; the receipt is `receipt`.

        Raises:
            Exception: as `run`.
        """
        method = super().run_with_ort_values
        return self._cf_runs.run(
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

        def method(names: Any, feed: Any, done: Any) -> Any:
            return _engine.run_async(self, names, feed, done, user_data, run_options)

        return self._cf_runs.run_async(
            method, output_names, input_feed, run_options, self._cf_request, callback=callback
        )

    def run_with_iobinding(self, iobinding: Any, run_options: Any = None) -> None:
        """Bound memory is not committed to: an error, or unsealed.

        Raises:
            Uncommitted: with `raise`.
        """
        self._cf_runs.refuse("run_with_iobinding", "run")
        _engine.run_with_iobinding(self, iobinding, run_options)

    def run_with_ortvaluevector(self, *args: Any, **kwargs: Any) -> None:
        """Vectors of OrtValues are not committed to: an error, or unsealed.

        Raises:
            Uncommitted: with `raise`.
        """
        self._cf_runs.refuse("run_with_ortvaluevector", "run_with_ort_values")
        _engine.run_with_ortvaluevector(self, *args, **kwargs)
