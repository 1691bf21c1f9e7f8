"""Functions of single elements: they become tables, and a chain of them one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .lowering import Handler, Lowering, Unfit, as_bytes, scale_of
from .values import Lazy, Quantised

Reals = NDArray[np.float64]
Attributes = Mapping[str, Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Reals) -> Reals:
    return 1 / (1 + np.exp(-x))


def _elu(x: Reals, a: Attributes) -> Reals:
    return np.where(x > 0, x, a.get("alpha", 1.0) * np.expm1(np.minimum(x, 0)))


def _selu(x: Reals, a: Attributes) -> Reals:
    alpha, gamma = a.get("alpha", 1.6732632423543772), a.get("gamma", 1.0507009873554805)
    value: Reals = gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
    return value


def _gelu(x: Reals, a: Attributes) -> Reals:
    if a.get("approximate", b"none") == b"tanh":
        bent = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
    else:
        bent = _erf(x / math.sqrt(2))
    value: Reals = x / 2 * (1 + bent)
    return value


def _hard_sigmoid(x: Reals, a: Attributes) -> Reals:
    value: Reals = np.clip(a.get("alpha", 0.2) * x + a.get("beta", 0.5), 0, 1)
    return value


ONE: dict[str, Callable[[Reals, Attributes], Reals]] = {
    "Relu": lambda x, a: np.maximum(x, 0),
    "LeakyRelu": lambda x, a: np.where(x < 0, a.get("alpha", 0.01) * x, x),
    "ThresholdedRelu": lambda x, a: np.where(x > a.get("alpha", 1.0), x, 0),
    "Sigmoid": lambda x, a: _sigmoid(x),
    "Tanh": lambda x, a: np.tanh(x),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda x, a: x * np.clip(x / 6 + 0.5, 0, 1),
    "Mish": lambda x, a: x * np.tanh(np.logaddexp(x, 0)),
    "Elu": _elu,
    "Selu": _selu,
    "Gelu": _gelu,
    "Softplus": lambda x, a: np.logaddexp(x, 0),
    "Softsign": lambda x, a: x / (1 + np.abs(x)),
    "Exp": lambda x, a: np.exp(x),
    "Log": lambda x, a: np.log(x),
    "Sqrt": lambda x, a: np.sqrt(x),
    "Reciprocal": lambda x, a: 1 / x,
    "Abs": lambda x, a: np.abs(x),
    "Neg": lambda x, a: -x,
    "Sign": lambda x, a: np.sign(x),
    "Floor": lambda x, a: np.floor(x),
    "Ceil": lambda x, a: np.ceil(x),
    "Round": lambda x, a: np.rint(x),
    "Erf": lambda x, a: _erf(x),
    "Sin": lambda x, a: np.sin(x),
    "Cos": lambda x, a: np.cos(x),
}
"""Operators of one tensor. Source: ONNX's operator list, domain ai.onnx."""

TWO: dict[str, Callable[[Reals, Reals], Reals]] = {
    "Add": lambda x, y: x + y,
    "Sub": lambda x, y: x - y,
    "Mul": lambda x, y: x * y,
    "Div": lambda x, y: x / y,
    "Min": np.minimum,
    "Max": np.maximum,
    "Pow": np.power,
    "PRelu": lambda x, y: np.where(x < 0, x * y, x),
}
"""Operators of two tensors that broadcast."""


def one(low: Lowering, node: Any, attributes: Attributes) -> str:
    """An operator of one tensor."""
    lazy = low.lazy(node.input[0])
    with np.errstate(all="ignore"):
        values = ONE[node.op_type](lazy.values, attributes)
    low.values[node.output[0]] = Lazy(sources=lazy.sources, values=values, shape=lazy.shape)
    return _name(lazy)


def clip(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Clip, its bounds constants."""
    lazy = low.lazy(node.input[0])
    bounds = [-np.inf, np.inf]
    for place, kind in enumerate(("min", "max")):
        if kind in attributes:
            bounds[place] = float(attributes[kind])
        elif len(node.input) > place + 1 and node.input[place + 1]:
            bound = low.constant(node.input[place + 1])
            if bound is None:
                raise Unfit("its bounds are no constants")
            bounds[place] = float(bound)
    values = np.clip(lazy.values, bounds[0], bounds[1])
    low.values[node.output[0]] = Lazy(sources=lazy.sources, values=values, shape=lazy.shape)
    return _name(lazy)


def two(low: Lowering, node: Any, attributes: Attributes) -> str:
    """An operator of two tensors, or of one and a number."""
    if len(node.input) != 2:
        raise Unfit(f"it has {len(node.input)} inputs, two are taken")
    function, shape = TWO[node.op_type], low.shapes[node.output[0]]
    constants = [low.constant(name) for name in node.input]
    with np.errstate(all="ignore"):
        if constants[0] is not None or constants[1] is not None:
            place = 0 if constants[0] is not None else 1
            number = _number(constants[place])
            lazy = low.lazy(node.input[1 - place])
            if shape != lazy.shape:
                raise Unfit("its constant changes the shape")
            values = function(number, lazy.values) if place == 0 else function(lazy.values, number)
            low.values[node.output[0]] = Lazy(sources=lazy.sources, values=values, shape=shape)
            return _name(lazy)
        lazies = [low.lazy(name) for name in node.input]
        made = _joined(function, lazies[0], lazies[1], shape)
        if made is None:  # of more than two: each is written down first
            for name, lazy in zip(node.input, lazies, strict=True):
                if len(lazy.sources) > 1 or len(lazies[0].sources) == len(lazies[1].sources):
                    low.quantised(name)
            lazies = [low.lazy(name) for name in node.input]
            made = _joined(function, lazies[0], lazies[1], shape)
    if made is None:
        for name in node.input:
            low.quantised(name)
        made = _joined(function, low.lazy(node.input[0]), low.lazy(node.input[1]), shape)
        assert made is not None
    low.values[node.output[0]] = made
    return _name(made)


def _joined(
    function: Callable[[Reals, Reals], Reals], a: Lazy, b: Lazy, shape: tuple[int, ...]
) -> Lazy | None:
    """One function of the sources of both; None: they are more than two."""
    sources = list(a.sources)
    sources += [s for s in b.sources if not any(s is known for known in sources)]
    if len(sources) > 2:
        return None
    if len(sources) == 1 and (a.shape != shape or b.shape != shape):
        return None  # one source, broadcast against itself
    left, right = (_over(lazy, sources) for lazy in (a, b))
    return Lazy(sources=tuple(sources), values=function(left, right), shape=shape)


def _over(lazy: Lazy, sources: list[Quantised]) -> Reals:
    """A function's values over all of `sources`."""
    if len(sources) == len(lazy.sources):
        swapped = len(sources) == 2 and lazy.sources[0] is not sources[0]
        return lazy.values.T if swapped else lazy.values
    place = next(p for p, s in enumerate(sources) if s is lazy.sources[0])
    return lazy.values[:, None] if place == 0 else lazy.values[None, :]


def _number(value: Any) -> Any:
    if value.size != 1:
        raise Unfit("its constant is more than one number")
    return np.float64(value.reshape(-1)[0])


def _name(lazy: Lazy) -> str:
    return "part of a LUT1" if len(lazy.sources) == 1 else "part of a LUT2"


def softmax(low: Lowering, node: Any, attributes: Attributes) -> str:
    """Softmax of two: each is the sigmoid of its distance to the other."""
    shape = low.shapes[node.input[0]]
    axis = int(attributes.get("axis", -1)) % len(shape)
    if shape[axis] != 2:
        raise Unfit("no program of this version has it, but for two classes")
    source = low.quantised(node.input[0])
    other = source.moved(np.flip(source.rows, axis), np.flip(source.columns, axis))
    x = source.values()
    with np.errstate(over="ignore"):
        values = _sigmoid(x[:, None] - x[None, :])
    scale, zero = scale_of(0.0, 1.0)
    low.values[node.output[0]] = low.materialised(
        Lazy(sources=(source, other), values=values, shape=shape), scale, zero
    )
    return "COPY, LUT2"


def requantised(low: Lowering, source: Quantised, scale: np.float32, zero: int) -> Quantised:
    """The same numbers at another scale."""
    if source.scale == scale and source.zero == zero:
        return source
    return low.looked_up(source, as_bytes(source.values(), scale, zero), scale, zero)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(ONE, one),
    **dict.fromkeys(TWO, two),
    "Clip": clip,
    "Softmax": softmax,
}
