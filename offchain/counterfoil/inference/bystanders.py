"""Runs of sessions that are onnxruntime's own, while a recording is open.

The program is left alone: whatever goes wrong here, onnxruntime runs as it would have, and the
recording is told.
"""

from __future__ import annotations

import functools
import inspect
import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterfoil import shelf
from counterfoil.errors import ModelUnknown
from counterfoil.formats.model import GRAPH, LoadedModel, Model
from counterfoil.hashing.types import Digest

from . import active, loading, observed, provenance
from .active import Recorder
from .jobs import job_of
from .runs import Runs
from .unsealed import note_unsealed

_making = threading.Lock()
_signature = functools.cache(inspect.signature)


def _renew() -> None:
    global _making  # noqa: PLW0603 (a fork's lock may be held by a thread that it has not)
    _making = threading.Lock()


os.register_at_fork(after_in_child=_renew)


class Watched:
    """One engine's runs, or why they get no receipts."""

    def __init__(self, session: Any) -> None:
        self.engine = weakref.ref(session._sess)
        self.problem: Exception | None = None
        try:
            self.runs = _describe(session)
        except Exception as error:
            self.problem = error


@dataclass(frozen=True, slots=True)
class Named:
    """A model without its bytes."""

    model: Model
    digest: Digest


def run(
    name: str,
    method: Callable[..., Any],
    session: Any,
    recorder: Recorder,
    *,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """One run.

    Args:
        name: which of the ways to run.
        method: onnxruntime's own.
        recorder: the innermost recording.
        args, kwargs: the caller's.
    Returns:
        What onnxruntime returns.
    Raises:
        Exception: onnxruntime's own, and nothing else.
    """
    try:
        bound = _signature(method).bind(session, *args, **kwargs)
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        watched = _watched(session)
        policy = recorder.policy()
        job = job_of(name, method, session, given)
        problem = watched.problem
    except Exception as error:
        problem = error
    if problem is not None:
        result = method(session, *args, **kwargs)
        for each in active.recorders():
            each.failed(problem)
        note_unsealed(problem, quiet=recorder.quiet)
        return result
    if name == "run_async":
        return watched.runs.run_async(job, policy, given["callback"])
    return watched.runs.run(job, policy)[0]


def read(session: Any, seen: provenance.Seen) -> LoadedModel:
    """Read a session's model now.

    Raises:
        BadModel, UnsafeModelPath: as `formats.model.load`.
    """
    source = seen.path if seen.path is not None else seen.data
    origin = loading.origin(source, session._sess_options_initial)
    assert origin is not None
    return origin.read()


def unchanged(session: Any, seen: provenance.Seen) -> bool:
    """Whether a model that was read before onnxruntime read it is the same after; lets go of it."""
    loaded: LoadedModel = seen.model
    seen.model = Named(loaded.model, loaded.digest)
    try:
        _check(session, seen, loaded)
    except ModelUnknown:  # changed a moment ago: then only the bytes tell
        return read(session, seen).digest == loaded.digest
    return True


def warm() -> None:
    """Open journal and key now, so that the first run need not wait for them."""
    for recorder in active.recorders()[:1]:
        with suppress(Exception):  # the first run will say it
            recorder.policy().sealer.journal().unlock()


def _watched(session: Any) -> Watched:
    found: Watched | None = session.__dict__.get("_cf_watched")
    if found is None or found.engine() is not session._sess:
        with _making:
            found = session.__dict__.get("_cf_watched")
            if found is None or found.engine() is not session._sess:
                found = session.__dict__["_cf_watched"] = Watched(session)
    return found


def _describe(session: Any) -> Runs:
    seen = provenance.of(session)
    named = seen.model
    if named is None:
        loaded = read(session, seen)
        _check(session, seen, loaded)
        named = seen.model = Named(loaded.model, loaded.digest)
    if seen.path is not None:
        shelf.note(named.digest, seen.path)
    runs = Runs(model=named.model, model_digest=named.digest)
    made_unseen = seen.engine() is None
    disabled = None if made_unseen else seen.disabled
    runs.describe(session, session._sess_options_initial, disabled, strict=True)
    for name, args, kwargs in seen.changes:
        if name == "set_tuning_results":
            runs.note(tuning=args[0] if args else kwargs["results"])
        else:
            given = args[0] if args else kwargs["options"]
            runs.note(dynamicOptions={**(runs.noted("dynamicOptions") or {}), **given})
    return runs


def _check(session: Any, seen: provenance.Seen, loaded: LoadedModel) -> None:
    graph = next(file for file in loaded.model.files if file.path == GRAPH)
    provenance.check(seen, graph.sha256, _external(session, seen, loaded))


def _external(session: Any, seen: provenance.Seen, loaded: LoadedModel) -> list[str]:
    """Paths of the external data that were read."""
    options = session._sess_options_initial
    known = observed.history(options) if options is not None else None
    in_memory = known.files if known is not None else {}
    own = loading.entry(options, loading.EXTERNAL_FOLDER) if options is not None else None
    if own and not Path(own).is_absolute():
        raise ModelUnknown("nobody can tell where external data in a relative folder were")
    folder = Path(own) if own else Path(seen.path or ".").parent
    return [str(folder / location) for location in loaded.external if location not in in_memory]
