"""What quantising cost: the program beside the float model, on data that neither has seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import BadCalibration
from counterfoil.formats.dtypes import NAMES
from counterfoil.formats.tensor import Tensor
from counterfoil.inference.plain import Plain
from counterfoil.programs.engine import Engine
from counterfoil.programs.program import ExactProgram

from .calibrating import Arrays, samples

MOST = 10_000
"""Samples that are judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputJudged:
    """One output over all samples.

    Attributes:
        samples: how many.
        equal: in how many every element is the same, for whole numbers.
        same_choice: in how many the largest element along the last axis is at the same place,
            for floats; None: there is nothing to choose.
        largest, mean: distances to the float model's.
        least_float, largest_float: ends of the float model's values.
        right, right_float: share of labels met by the program and by the float model; None: no
            labels.
    """

    name: str
    samples: int
    equal: int
    same_choice: int | None
    largest: float
    mean: float
    least_float: float
    largest_float: float
    right: float | None
    right_float: float | None


def judged(
    graph: bytes, program: ExactProgram, data: Arrays, labels: NDArray[Any] | None = None
) -> tuple[OutputJudged, ...]:
    """Run both on the data and compare what comes out.

    Args:
        graph: the float model.
        data: arrays of shape (samples, …).
        labels: the right answer of each sample.
    Raises:
        BadCalibration: the data do not fit the model, or the labels are none.
    """
    _check(program, data, labels)
    engine = Engine(program)
    names = [e.name for e in program.outputs]
    floats = Plain(_watched(graph, names))
    shapes = {e.name: e.shape for e in program.inputs}
    pairs: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = {name: [] for name in names}
    for feed in _some(data, shapes):
        wanted = floats.run(feed, names)
        found = engine.run([Tensor.of(name, value) for name, value in feed.items()])
        for name, value, tensor in zip(names, wanted, found, strict=True):
            pairs[name].append((np.asarray(value), tensor.array()))
    if labels is not None and len(labels) != len(pairs[names[0]]):
        raise BadCalibration(
            f"{len(labels)} labels for {len(pairs[names[0]])} samples that are held out"
        )
    return tuple(_output(name, pairs[name], labels) for name in names)


def _check(program: ExactProgram, data: Arrays, labels: NDArray[Any] | None) -> None:
    for edge in program.inputs:
        given = np.asarray(data.get(edge.name, ())).dtype.name
        if edge.name in data and given != NAMES[edge.dtype]:
            raise BadCalibration(
                f"the data of {edge.name!r} are {given}, the model takes {NAMES[edge.dtype]}"
            )
    if labels is not None and (
        labels.dtype.kind not in "iubf" or labels.ndim == 0 or labels.size != len(labels)
    ):
        raise BadCalibration(
            f"labels are a number for each sample, not {labels.dtype.name} of the shape "
            f"{list(labels.shape)}"
        )


def _some(data: Arrays, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, Any]]:
    for number, feed in enumerate(samples(data, shapes)):
        if number == MOST:
            return
        yield feed


def _watched(graph: bytes, names: Sequence[str]) -> bytes:
    """The model with the program's outputs as its own: others where it was cut."""
    import onnx

    model = onnx.ModelProto()
    model.ParseFromString(graph)
    have = {o.name for o in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in have)
    serialised: bytes = model.SerializeToString()
    return serialised


def _output(
    name: str,
    pairs: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    labels: NDArray[Any] | None,
) -> OutputJudged:
    wanted = np.stack([p[0].reshape(p[1].shape) for p in pairs])
    found = np.stack([p[1] for p in pairs])
    gap = np.abs(wanted.astype(np.float64) - found.astype(np.float64))
    chosen: tuple[Any, Any] | None = None
    if found.dtype.kind == "f":
        if found.ndim > 1 and found.shape[-1] > 1:
            chosen = wanted.argmax(axis=-1), found.argmax(axis=-1)
    else:
        chosen = wanted, found
    same = None
    rights: list[float | None] = [None, None]
    if chosen is not None:
        flat = [c.reshape(len(pairs), -1) for c in chosen]
        if found.dtype.kind == "f":
            same = int((flat[0] == flat[1]).all(axis=1).sum())
        if labels is not None and flat[0].shape[1] == 1:
            rights = [float((f[:, 0] == labels.reshape(len(pairs))).mean()) for f in flat]
    return OutputJudged(
        name=name,
        samples=len(pairs),
        equal=int((gap.reshape(len(pairs), -1) == 0).all(axis=1).sum()),
        same_choice=same,
        largest=float(gap.max()),
        mean=float(gap.mean()),
        least_float=float(wanted.min()),
        largest_float=float(wanted.max()),
        right=rights[1],
        right_float=rights[0],
    )
