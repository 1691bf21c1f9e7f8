"""A run done again: onnxruntime as a receipt's runtime record has it, as far as that can be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as binding
from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession as EngineSession
from onnxruntime.capi.onnxruntime_inference_collection import OrtValue

from counterfoil.errors import MalformedFile, NotReplayable
from counterfoil.formats import strict_json
from counterfoil.formats.dtypes import PACKED, STRING
from counterfoil.formats.model import LoadedModel
from counterfoil.formats.runtime import Runtime
from counterfoil.formats.tensor import Tensor

from .capture import Outputs, element_number
from .loading import Origin, given_to_engine
from .patches import original
from .runtime_record import RUN_KEYS, SESSION_KEYS, run_record, runtime, session_record

_engine: Any = EngineSession

TOUCHING_FILES: Final = ("ep.context_enable", "session.node_partition_config_file")
"""Entries that have onnxruntime read or write a file: a receipt comes from a stranger."""

MOST_THREADS: Final = 1024


class Again:
    """A session made as a runtime record says.

    Args:
        loaded: the model.
        recorded: the receipt's runtime; None: not known, so onnxruntime's own options are used.
    Attributes:
        runtime: the runtime here, to hold against the recorded one.
    Raises:
        NotReplayable: the model is refused, or the record names what only the operator has.
    """

    def __init__(self, loaded: LoadedModel, recorded: Runtime | None) -> None:
        record = _record(recorded)
        options = _session_options(record)
        disabled = record.get("disabledOptimizers", [])
        try:
            with given_to_engine(Origin(source=loaded.graph, options=options), loaded) as (
                source,
                given,
            ):
                self._session = _engine(
                    source,
                    given,
                    providers=_providers(recorded),
                    disabled_optimizers=disabled or None,
                )
        except NotReplayable:
            raise
        except Exception as error:
            raise NotReplayable(
                f"onnxruntime {onnxruntime.__version__} does not load the model: {_line(error)}"
            ) from error
        self._run_options = _run_options(record.get("run", {}))
        self._outputs = Outputs([(o.name, o.type) for o in self._session.get_outputs()])
        fed = (*self._session.get_inputs(), *self._session.get_overridable_initializers())
        self._declared = {i.name: i.type for i in fed}
        self.runtime = runtime(
            session_record(
                options,
                self._session._sess.session_options,
                self._session.get_provider_options(),
                frozenset(disabled),
            ),
            run_record(self._run_options),
            self._session.get_providers(),
        )

    def run(self, inputs: Sequence[Tensor], wanted: Sequence[str]) -> tuple[Tensor, ...]:
        """Run the model.

        Args:
            inputs: as a receipt opens them.
            wanted: names of outputs; those of sequences and maps may have a part after `#`.
        Returns:
            The outputs, in the model's order.
        Raises:
            NotReplayable: an input that cannot be fed again, or onnxruntime refuses it.
        """
        feed = {tensor.name: self._fed(tensor) for tensor in inputs}
        known = {name.partition("#")[0] for name in wanted}
        asked = [name for name in self._outputs.names if name in known]
        if not asked:
            raise NotReplayable("the model has none of the outputs that the receipt opens")
        try:
            run = original(EngineSession, "run")  # no receipt, whatever is being recorded
            values = run(self._session, asked, feed, self._run_options)
        except Exception as error:
            raise NotReplayable(f"onnxruntime refuses the run: {_line(error)}") from error
        return self._outputs.tensors(asked, values)

    def _fed(self, tensor: Tensor) -> Any:
        kind = self._declared.get(tensor.name)
        number = None if kind is None else element_number(kind)
        if number is None:
            raise NotReplayable(
                f"the input {tensor.name!r} is part of a sequence, a map or an optional value: "
                "only plain tensors are fed again"
            )
        if number != tensor.dtype:
            raise NotReplayable(
                f"the input {tensor.name!r} is not of the type that the model takes"
            )
        array = tensor.array()
        if tensor.dtype == STRING:
            return array
        if tensor.dtype in PACKED:
            raise NotReplayable(
                f"the input {tensor.name!r} has packed elements, which cannot be fed"
            )
        if array.dtype.isbuiltin == 1:
            return array
        return OrtValue.ortvalue_from_numpy_with_onnx_type(array, tensor.dtype)


def _record(recorded: Runtime | None) -> Mapping[str, Any]:
    if recorded is None:
        return {}
    if recorded.engine != "onnxruntime":
        raise NotReplayable(f"the receipt's engine is {recorded.engine!r}, not onnxruntime")
    try:
        record = strict_json.loads(recorded.options)
    except MalformedFile as error:
        raise NotReplayable(f"of the receipt's runtime options: {error}") from error
    if not isinstance(record, dict):
        raise NotReplayable("the receipt's runtime options are no JSON object")
    disabled = record.get("disabledOptimizers", [])
    if not isinstance(disabled, list) or not all(isinstance(name, str) for name in disabled):
        raise NotReplayable("the receipt's disabled optimisers are no list of names")
    for key, what in (
        ("customOperators", "a library of custom operators"),
        ("initializers", "initialisers from outside the model"),
        ("tuning", "tuning results"),
        ("dynamicOptions", "options that were set while it ran"),
    ):
        if record.get(key):
            raise NotReplayable(f"the run used {what}, named by digest alone")
    return record


def _session_options(record: Mapping[str, Any]) -> Any:
    options = binding.SessionOptions()
    try:
        for key, value in record.get("config", {}).items():
            if key not in SESSION_KEYS or key in TOUCHING_FILES:
                raise NotReplayable(f"the run had the option {key!r}, which a receipt may not set")
            options.add_session_config_entry(key, str(value))
        for name, size in record.get("freeDimensions", {}).items():
            denotation = name.removeprefix("denotation:")
            if denotation != name:
                options.add_free_dimension_override_by_denotation(denotation, int(size))
            else:
                options.add_free_dimension_override_by_name(name, int(size))
        options.use_deterministic_compute = bool(record.get("deterministic", False))
        options.inter_op_num_threads = _threads(record, "interOpThreads")
        options.intra_op_num_threads = _threads(record, "intraOpThreads")
        mode = str(record.get("executionMode", "sequential")).upper()
        options.execution_mode = getattr(binding.ExecutionMode, f"ORT_{mode}")
        level = str(record.get("graphOptimization", "enable_all")).upper()
        options.graph_optimization_level = getattr(binding.GraphOptimizationLevel, f"ORT_{level}")
        if (order := record.get("executionOrder")) is not None:
            options.execution_order = getattr(binding.ExecutionOrder, str(order).upper())
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise NotReplayable(
            f"onnxruntime {onnxruntime.__version__} lacks an option of the run: {_line(error)}"
        ) from error
    return options


def _run_options(record: Mapping[str, Any]) -> Any:
    if record == {}:
        return None
    options = binding.RunOptions()
    try:
        for key, value in record.get("config", {}).items():
            if key not in RUN_KEYS:
                raise NotReplayable(f"the run had the option {key!r}, which a receipt may not set")
            options.add_run_config_entry(key, str(value))
        options.only_execute_path_to_fetches = bool(record.get("onlyFetched", False))
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise NotReplayable(
            f"the run had an option that is not known here: {_line(error)}"
        ) from error
    return options


def _threads(record: Mapping[str, Any], name: str) -> int:
    asked = int(record.get(name, 0))
    if not 0 <= asked <= MOST_THREADS:
        raise NotReplayable(f"the run had {asked} threads: no more than {MOST_THREADS} are made")
    return asked


def _providers(recorded: Runtime | None) -> list[str]:
    here = set(binding.get_available_providers())
    asked = [] if recorded is None else recorded.providers.split(",")
    return [name for name in asked if name in here] or ["CPUExecutionProvider"]


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
