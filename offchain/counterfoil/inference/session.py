"""`counterfoil.InferenceSession`: onnxruntime's, with a receipt for every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from onnxruntime.capi.onnxruntime_inference_collection import (
    InferenceSession as EngineSession,
)

from counterfoil import shelf
from counterfoil.config import Profile
from counterfoil.errors import BadDraft, BadModel, NotForPrograms, UnsafeModelPath
from counterfoil.formats.model import LoadedModel
from counterfoil.journal import Journal

from . import loading
from .exact import ExactRuns
from .exact_hook import engine_of
from .jobs import job_of, run_job
from .openable import Open, Openable
from .patches import original
from .runs import Policy, Runs
from .sampling import Sample, sampler
from .sealed_receipt import SealedReceipt
from .sealing import OnSealFailure, RunSealer, request_digest
from .unsealed import note_unsealed
from .whose import for_task

_engine: Any = EngineSession
"""onnxruntime's class without its partial annotations."""


class InferenceSession(EngineSession):
    """An onnxruntime session whose runs get receipts.

    Arguments, outputs and errors are onnxruntime's; the model's files are read once, and what
    was hashed is what runs. Runs may go on in several threads at once. A file that carries an
    exact program (docs/programs.md) runs as that program, and its receipts name it.

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
        open: which tensors may be opened later: `all`, `inputs`, `outputs`, names, or None.
        sample: which runs get a receipt: a share such as 0.1, an int n for every n-th, or a
            callable that is given the feed; None: all.
    Raises:
        Exception: onnxruntime's own, for what it refuses.
        UnsafeModelPath: external data outside the model's folder; nothing was loaded.
        BadModel: a model that onnxruntime would take and a receipt cannot name.
        BadProgram: the file carries an exact program that is not valid.
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
        open: Open = "all",
        sample: Sample = None,
        **kwargs: Any,
    ) -> None:
        if on_seal_failure not in ("raise", "unsealed"):
            raise ValueError("on_seal_failure is 'raise' or 'unsealed'")
        strict = on_seal_failure == "raise"
        openable = Openable.of(open)
        sealer = RunSealer(
            journal=journal, profile=profile, keep=keep, public=public, openable=openable
        )
        self._cf_policy = Policy(
            sealer=sealer, strict=strict, request=request_digest(request), sample=sampler(sample)
        )

        def start(source: Any, options: Any) -> None:
            _engine.__init__(self, source, options, providers, provider_options, **kwargs)

        origin = loading.origin(path_or_bytes, sess_options)
        if origin is None:
            start(path_or_bytes, sess_options)  # raises
            raise BadModel("a model is a path or bytes")
        self._cf_origin = origin
        loaded = self._cf_read(start)
        engine = engine_of(loaded.graph, origin.options)
        with loading.given_to_engine(origin, loaded) as (source, options):
            start(source, options)
        self._cf_digest = loaded.digest
        if isinstance(origin.source, str):
            shelf.note(loaded.digest, origin.source)
        self._cf_runs = (
            Runs(model=loaded.model, model_digest=loaded.digest)
            if engine is None
            else ExactRuns(model=loaded.model, model_digest=loaded.digest, engine=engine)
        )
        self._cf_made(loaded, frozenset(kwargs.get("disabled_optimizers") or ()))
        self._cf_check_names(openable)
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
        strict = self._cf_policy.strict
        self._cf_runs.describe(self, origin.options, disabled_optimizers, strict=strict)

    def _cf_check_names(self, openable: Openable) -> None:
        known = {
            arg.name
            for args in (self.get_inputs(), self.get_overridable_initializers(), self.get_outputs())
            for arg in args
        }
        for name in sorted(openable.names):
            if name not in known and name.partition("#")[0] not in known:
                raise BadDraft(f"`open` names {name!r}, which the model does not have")

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

        It is the last run of the calling asyncio task, else of the calling thread; in a thread
        that ran nothing yet, that of any. It holds the run's tensors until the next run.
        """
        return self._cf_runs.receipt

    def _cf_run(self, name: str, **given: Any) -> Any:
        if isinstance(self._cf_runs, ExactRuns):
            raise NotForPrograms("an exact program runs by `run` and `run_with_receipt` alone")
        job = job_of(name, original(EngineSession, name), self, given)
        return self._cf_runs.run(job, self._cf_policy)

    @for_task
    def run(self, output_names: Any, input_feed: Any, run_options: Any = None) -> Any:
        """As onnxruntime's; the receipt is `receipt`.

        Raises:
            Exception: onnxruntime's own, for what it refuses.
            BigEndianTensor, Uncommitted, UnrecordableOptions: before the run, with `raise`.
            SealFailed: after it, with `raise`; its `outputs` are the run's.
        """
        method = original(EngineSession, "run")
        job = run_job(method, self, output_names, input_feed, run_options)
        return self._cf_runs.run(job, self._cf_policy)[0]

    @for_task
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
            Outputs as `run` gives them; the receipt, None only with `unsealed` or `sample`.
        Raises:
            Exception: as `run`.
        """
        policy = self._cf_policy
        if request is not None:
            policy = replace(policy, request=request_digest(request))
        method = original(EngineSession, "run")
        job = run_job(method, self, output_names, input_feed, run_options)
        return self._cf_runs.run(job, policy)

    @for_task
    def run_with_ort_values(
        self, output_names: Any, input_dict_ort_values: Any, run_options: Any = None
    ) -> Any:
        """As onnxruntime's, with values in the processor's memory; the receipt is `receipt`.

        Raises:
            Exception: as `run`.
        """
        return self._cf_run(
            "run_with_ort_values",
            output_names=output_names,
            input_dict_ort_values=input_dict_ort_values,
            run_options=run_options,
        )[0]

    @for_task
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
        given = {
            "output_names": output_names,
            "input_feed": input_feed,
            "user_data": user_data,
            "run_options": run_options,
        }
        job = job_of("run_async", original(EngineSession, "run_async"), self, given)
        return self._cf_runs.run_async(job, self._cf_policy, callback)

    @for_task
    def run_with_iobinding(self, iobinding: Any, run_options: Any = None) -> None:
        """As onnxruntime's, with what is bound in the processor's memory.

        Raises:
            Uncommitted: something is bound in a device's memory, with `raise`.
            Exception: as `run`.
        """
        self._cf_run("run_with_iobinding", iobinding=iobinding, run_options=run_options)

    @for_task
    def run_with_ortvaluevector(  # noqa: PLR0917 (onnxruntime's)
        self,
        run_options: Any,
        feed_names: Any,
        feeds: Any,
        fetch_names: Any,
        fetches: Any,
        fetch_devices: Any,
    ) -> None:
        """As onnxruntime's, with values in the processor's memory.

        Raises:
            Exception: as `run`.
        """
        self._cf_run(
            "run_with_ortvaluevector",
            run_options=run_options,
            feed_names=feed_names,
            feeds=feeds,
            fetch_names=fetch_names,
            fetches=fetches,
            fetch_devices=fetch_devices,
        )
