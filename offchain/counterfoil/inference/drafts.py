"""Runs without a journal: tensors and commitments, for whoever seals them elsewhere.

A worker has neither the log's key nor its journal. It runs a model, commits to what went in and
came out, and hands that over; numbers, signatures and durability are the log owner's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from onnxruntime.capi.onnxruntime_inference_collection import InferenceSession as EngineSession
from onnxruntime.capi.onnxruntime_pybind11_state import SessionOptions

from counterfoil.errors import BadModel, InputRefused
from counterfoil.formats.model import Model
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import PUBLIC_MASTER, Tensor, commit, fresh_master
from counterfoil.hashing.types import Digest

from . import loading
from .gathering import GatheredRuns, Share
from .patches import original
from .refusals import as_refusal
from .sealing import Committed
from .served import Declared, _declared

FIXED: Final = "fixed"
"""`batching` of a session whose runs hold several rows, cut the same way each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Masters:
    """The masters of one run's sides, 32 bytes each."""

    inputs: Digest
    outputs: Digest

    @classmethod
    def fresh(cls, *, public: bool) -> Masters:
        """Random ones, or those of public data."""
        if public:
            return cls(inputs=PUBLIC_MASTER, outputs=PUBLIC_MASTER)
        return cls(inputs=fresh_master(), outputs=fresh_master())


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """One run that is done and committed to, and that nobody has sealed."""

    runtime: Runtime | Program
    runtime_digest: Digest
    inputs: Committed
    outputs: Committed


class Drafting:
    """A session whose runs are committed to and sealed elsewhere. One thread uses it.

    Args:
        path: the model's file.
        threads: of one run.
        batching: whether runs may hold several rows.
    Raises:
        BadModel: the file cannot be read as ONNX.
        ModelRefused: onnxruntime does not load the model.
        UnrecordableOptions, UnsafeModelPath: as `counterfoil.InferenceSession`.
    """

    def __init__(self, path: Path, *, threads: int = 1, batching: bool = False) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = threads
        origin = loading.origin(path, options)
        if origin is None:
            raise BadModel("a model is a path")
        loaded = origin.read()
        with loading.given_to_engine(origin, loaded) as (source, given):
            try:
                self._session: Any = EngineSession(source, given)
            except Exception as error:
                refusal = as_refusal(error, loading=True)
                if refusal is None:
                    raise
                raise refusal from error
        self.model: Model = loaded.model
        self.model_digest: Digest = loaded.digest
        self.inputs: tuple[Declared, ...] = _declared(self._session.get_inputs())
        self.outputs: tuple[Declared, ...] = _declared(self._session.get_outputs())
        self._runs = GatheredRuns(model=loaded.model, model_digest=loaded.digest)
        self._runs.describe(self._session, options, frozenset(), strict=True)
        self._batching = batching
        if batching:
            self._runs.note(batching=FIXED)

    def run(self, feed: Mapping[str, Any], masters: Masters) -> Unsealed:
        """One run of one row.

        Args:
            feed: arrays by the names of inputs.
        Raises:
            InputRefused: onnxruntime does not take the feed.
            BadTensor, Uncommitted: a value that no receipt covers.
        """
        return next(self.run_batch([feed], [masters]))

    def run_batch(
        self, feeds: Sequence[Mapping[str, Any]], masters: Sequence[Masters]
    ) -> Iterator[Unsealed]:
        """One run of several rows; what each put in and got out is committed to by itself.

        Args:
            feeds: of each row, arrays whose first dimension is 1.
            masters: of each row.
        Raises:
            InputRefused: onnxruntime does not take them, or gives no row for a row.
            BadTensor, Uncommitted: a value that no receipt covers.
        """
        captured = [self._runs._inputs.capture(feed) for feed in feeds]
        # Before the run, which may change them in place.
        sides = [
            _committed(one.tensors, m.inputs) for one, m in zip(captured, masters, strict=True)
        ]
        fed = [one.feed for one in captured]
        values = self._engine(fed[0] if len(fed) == 1 else _stacked(fed))
        names = self._runs._outputs.names
        for place, (side, m) in enumerate(zip(sides, masters, strict=True)):
            mine = values if len(fed) == 1 else self._row(values, place, len(fed))
            runtime, digest = (
                self._runs._runtime_of(Share(mine, first=place, rows=len(fed)))
                if self._batching
                else self._runs._runtime(None)
            )
            outputs = self._runs._outputs.tensors(names, mine)
            yield Unsealed(
                runtime=runtime,
                runtime_digest=digest,
                inputs=side,
                outputs=_committed(outputs, m.outputs),
            )

    def _engine(self, feed: Mapping[str, Any]) -> list[Any]:
        try:
            values: list[Any] = original(EngineSession, "run")(self._session, None, feed, None)
        except Exception as error:
            refusal = as_refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        return values

    def _row(self, values: Sequence[Any], place: int, rows: int) -> list[Any]:
        for declared, value in zip(self.outputs, values, strict=True):
            if not isinstance(value, np.ndarray) or value.ndim == 0 or len(value) != rows:
                raise InputRefused(
                    f"the output {declared.name!r} has no row for each row: run without --batch"
                )
        return [value[place : place + 1] for value in values]


def _committed(tensors: Sequence[Tensor], master: Digest) -> Committed:
    given = tuple(tensors)
    return Committed(tensors=given, master=master, digest=commit(given, master).digest)


def _stacked(feeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    try:
        return {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
    except ValueError as error:
        raise InputRefused(
            f"rows of different shapes do not go into one run ({error}): run without --batch"
        ) from error


__all__ = ["FIXED", "Drafting", "Masters", "Unsealed"]
