"""The runtime of a session and of a run (docs/format.md §5): all that can change a number.

Left out are options that cannot: logging, profiling, memory arenas, spinning, what is saved
where. onnxruntime's global state has no getter and is not seen: a seed set by
`onnxruntime.set_seed`, thread pools shared between sessions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as binding

from counterfoil.errors import UnrecordableOptions
from counterfoil.formats.runtime import Runtime, canonical

from . import observed
from .capture import of_ortvalue
from .loading import entry
from .machine import machine

ENGINE: Final = "onnxruntime"

SESSION_KEYS: Final = (
    "ep.context_enable", "ep.context_embed_mode", "ep.enable_weightless",
    "mlas.disable_kleidiai", "mlas.enable_gemm_fastmath_arm64_bfloat16",
    "mlas.kleidiai.conv_igemm_max_work", "mlas.nchwc_depthwise_sliding",
    "mlas.nchwc_pointwise_conv_max_input_channel_batch", "mlas.qnbit.force_fp32",
    "mlas.use_lut_gemm", "optimization.constant_folding_max_output_size_in_bytes",
    "optimization.disable_specified_optimizers", "optimization.enable_cast_chain_elimination",
    "optimization.enable_gelu_approximation", "optimization.minimal_build_optimizations",
    "session.allow_released_opsets_only", "session.debug_layout_transformation",
    "session.disable_aot_function_inlining", "session.disable_cpu_ep_fallback",
    "session.disable_double_qdq_remover", "session.disable_prepacking",
    "session.disable_qdq_constant_folding", "session.disable_quant_qdq",
    "session.dynamic_block_base", "session.enable_dq_matmulnbits_fusion",
    "session.enable_quant_qdq_cleanup", "session.enable_saved_runtime_optimizations",
    "session.gqa_value_layout", "session.graph_optimizations_loop_level",
    "session.layer_assignment_settings", "session.load_model_format",
    "session.max_shape_override", "session.name_based_layer_assignment",
    "session.node_partition_config_file", "session.qdq_matmulnbits_accuracy_level",
    "session.qdq_matmulnbits_block_size", "session.qdqisint8allowed",
    "session.set_denormal_as_zero", "session.strict_shape_type_inference",
    "session.x64quantprecision",
)  # fmt: skip
"""Config entries that can change a number, in any release. Source: the keys in onnxruntime."""

SESSION_HARMLESS: Final = (
    "session.collect_node_memory_stats", "session.disable_model_compile", "session.enable_",
    "session.force_spinning_stop", "session.inter_op.", "session.intra_op", "session.log",
    "session.model_external_initializers", "session.moe_expert_counter",
    "session.optimized_model", "session.prepack.", "session.record_ep_graph",
    "session.save_", "session.use_device_allocator", "session.use_env_allocators",
    "session.use_external_initializer_file", "session.use_ort_model_bytes",
)  # fmt: skip
"""Beginnings of the entries that cannot, unless `SESSION_KEYS` has them."""

RUN_KEYS: Final = ("gpu_graph_id", "kvcache_rewind")
RUN_HARMLESS: Final = ("memory.", "disable_synchronize_execution_providers")

ENVIRONMENT: Final = (
    "ORT_BEAM_SEARCH_USE_FAST_TOPK", "ORT_DISABLE_DECODER_ATTENTION",
    "ORT_DISABLE_FLASH_ATTENTION", "ORT_GQA_DISABLE_FLASH_ATTENTION",
    "ORT_MLAS_QKGEMM_S8_APPROX_VNNI", "ORT_QMOE_CPU_QNBIT_GEMM", "ORT_USE_MLAS_Q4_GEMM_MOE",
)  # fmt: skip
"""Variables that choose kernels. Source: the names in onnxruntime's library."""


def session_record(
    given: Any,
    effective: Any,
    provider_options: Mapping[str, Mapping[str, str]],
    disabled_optimizers: Iterable[str] | None,
) -> dict[str, Any]:
    """The options of a session that can change a number.

    Args:
        given: the options that the session was made with; None: onnxruntime's own.
        effective: the session's own copy of them, where a model's own settings show too.
        provider_options: as the session has them.
        disabled_optimizers: names, as the session was given them; None: nobody saw it, which
            the record says.
    Raises:
        UnrecordableOptions: something was added that no record can name.
    """  # fmt: skip
    known = observed.History() if given is None else _seen(given, "session options")
    config = {key: entry(effective, key) for key in SESSION_KEYS}
    for key, value in known.config.items():
        if key not in config and not key.startswith(SESSION_HARMLESS):
            config[key] = value
    record: dict[str, Any] = {
        "batching": "none",
        "config": {key: value for key, value in config.items() if value is not None},
        "deterministic": bool(effective.use_deterministic_compute),
        "executionMode": effective.execution_mode.name.removeprefix("ORT_").lower(),
        "graphOptimization": effective.graph_optimization_level.name.lower().removeprefix("ort_"),
        "interOpThreads": int(effective.inter_op_num_threads),
        "intraOpThreads": int(effective.intra_op_num_threads),
    }
    order = getattr(effective, "execution_order", None)
    extras: dict[str, Any] = {
        "customOperators": known.libraries,
        "disabledOptimizers": sorted(disabled_optimizers or ()),
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "executionOrder": order.name.lower() if order is not None and order.value else None,
        "freeDimensions": known.free_dimensions,
        "initializers": {name: _named(name, v) for name, v in known.initializers.items()},
        "providers": {name: dict(o) for name, o in provider_options.items() if o},
        "madeUnseen": disabled_optimizers is None,
        "sharedThreads": not getattr(effective, "use_per_session_threads", True),
    }
    return {**record, **{name: value for name, value in extras.items() if value}}


def run_record(options: Any) -> dict[str, Any]:
    """The options of a run that can change a number.

    Raises:
        UnrecordableOptions: an adapter is active, or the options' history was not seen.
    """
    if options is None:
        return {}
    known = _seen(options, "run options")
    config = {key: value for key in RUN_KEYS if (value := _run_entry(options, key)) is not None}
    config |= {k: v for k, v in known.config.items() if not k.startswith(RUN_HARMLESS)}
    record: dict[str, Any] = {"config": config} if config else {}
    if options.only_execute_path_to_fetches:
        record["onlyFetched"] = True
    return record


def runtime(
    session: Mapping[str, Any], run: Mapping[str, Any], providers: Sequence[str]
) -> Runtime:
    """The runtime of one run.

    Args:
        session: of `session_record`.
        run: of `run_record`.
        providers: execution providers, in order.
    Raises:
        UnrecordableOptions: a provider comes from a plugin, whose kernels nothing names.
    """
    built_in = set(binding.get_all_providers())
    plugins = [name for name in providers if name not in built_in]
    if plugins:
        raise UnrecordableOptions(
            f"the provider {plugins[0]} is a plugin, whose kernels no receipt names: "
            "run on a provider that onnxruntime brings"
        )
    return Runtime(
        engine=ENGINE,
        version=onnxruntime.__version__,
        providers=",".join(providers),
        machine=machine(),
        options=canonical({**session, "run": run} if run else session),
    )


def _seen(options: Any, what: str) -> observed.History:
    known = observed.history(options)
    if known is None:
        raise UnrecordableOptions(
            f"these {what} were not made by this program after `import counterfoil`, "
            "so nobody saw what was added to them: make them after it"
        )
    if known.unnameable:
        raise UnrecordableOptions(
            f"the {what} have {known.unnameable[0]}, which no receipt can name: leave it out"
        )
    return known


def _named(name: str, value: Any) -> dict[str, Any]:
    tensor = of_ortvalue(name, value)
    return {
        "dtype": tensor.dtype,
        "shape": [str(dimension) for dimension in tensor.shape],
        "sha256": hashlib.sha256(tensor.data).hexdigest(),
    }


def _run_entry(options: Any, key: str) -> str | None:
    try:
        value: str = options.get_run_config_entry(key)
    except RuntimeError:
        return None
    return value
