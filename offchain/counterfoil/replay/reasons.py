"""Why a run done again may differ: what the runtimes do not share, and chance in the graph."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import onnx

from counterfoil.formats import strict_json
from counterfoil.formats.runtime import Runtime

RANDOM: Final = frozenset(
    {
        "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
        "RandomUniformLike",
    }
)  # fmt: skip
"""Operators whose results are chance. Source: ONNX's operator list, domain ai.onnx."""


def differences(claimed: Runtime | None, here: Runtime) -> list[str]:
    """What the receipt's runtime and the one here do not share, a line each."""
    if claimed is None:
        return ["the file does not say with what the receipt's run was made"]
    found = []
    for name, what in (
        ("engine", "engine"),
        ("version", f"version of {claimed.engine}"),
        ("machine", "instruction set"),
        ("providers", "execution provider"),
    ):
        one, other = getattr(claimed, name), getattr(here, name)
        if one != other:
            found.append(f"another {what}: {one} there, {other} here")
    found += _options(claimed.options, here.options)
    return found


def _options(claimed: str, here: str) -> list[str]:
    if claimed == here:
        return []
    one, other = strict_json.loads(claimed), strict_json.loads(here)  # the session was made by it
    keys = sorted(set(one) | set(other))
    found = []
    for key in keys:
        if one.get(key) == other.get(key):
            continue
        if key == "batching":
            found.append(f"another batch: {_short(one.get(key))} there, alone here")
        elif key == "madeUnseen":
            found.append("the session there was made before anybody saw its options")
        else:
            found.append(
                f"another option {key}: {_short(one.get(key))} there, {_short(other.get(key))} here"
            )
    return found


def _short(value: Any) -> str:
    text = "none" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def random_operators(graph: bytes) -> list[str]:
    """Operators of a model that are chance, each once, subgraphs and functions included.

    Dropout counts where it is told to train.
    """
    model = onnx.ModelProto()
    model.ParseFromString(graph)
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    names = {
        node.op_type
        for body in bodies
        for node in _nodes(body)
        if node.domain in ("", "ai.onnx") and (node.op_type in RANDOM or _trains(node))
    }
    return sorted(names)


def _trains(node: onnx.NodeProto) -> bool:
    return node.op_type == "Dropout" and len(node.input) > 2 and bool(node.input[2])


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _nodes(attribute.g.node)
            for graph in attribute.graphs:
                yield from _nodes(graph.node)
