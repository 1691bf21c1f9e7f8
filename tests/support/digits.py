"""Two small models of scikit-learn's handwritten digits, trained here and the same every time.

`python tests/support/digits.py` prints how good they are.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

HELD_OUT = 360
"""Pictures that no model has seen."""


@functools.cache
def pictures() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All pictures, shape (1797, 1, 8, 8) from 0 to 1, shuffled once; and their digits."""
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    images = (found.images[order] / 16).astype(np.float32)[:, None]
    return images, found.target[order].astype(np.int64)


def learning() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What models learn from."""
    images, digits = pictures()
    return images[:-HELD_OUT], digits[:-HELD_OUT]


def held_out() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What they are judged by."""
    images, digits = pictures()
    return images[-HELD_OUT:], digits[-HELD_OUT:]


def _model(nodes: list[Any], constants: dict[str, NDArray[Any]], shape: list[Any]) -> bytes:
    """Scores and the digit of the largest one."""
    nodes.append(helper.make_node("ArgMax", ["scores"], ["digit"], axis=1, keepdims=0))
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10]),
            helper.make_tensor_value_info("digit", TensorProto.INT64, ["n"]),
        ],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return made.SerializeToString()


@functools.cache
def mlp() -> bytes:
    """64 → 48 → 24 → 10, learned by scikit-learn."""
    images, digits = learning()
    learned = MLPClassifier((48, 24), random_state=0, max_iter=60, tol=0)
    with np.testing.suppress_warnings() as quiet:
        quiet.filter(Warning)
        learned.fit(images.reshape(len(images), -1), digits)
    nodes, constants, name = [], {}, "image"
    last = len(learned.coefs_) - 1
    for place, (weights, bias) in enumerate(zip(learned.coefs_, learned.intercepts_, strict=True)):
        constants |= {f"w{place}": weights, f"b{place}": bias}
        out = "scores" if place == last else f"sum{place}"
        nodes.append(helper.make_node("Gemm", [name, f"w{place}", f"b{place}"], [out]))
        if place != last:
            nodes.append(helper.make_node("Relu", [out], [f"h{place}"]))
            name = f"h{place}"
    return _model(nodes, constants, ["n", 64])


# A convolutional net, learned in NumPy


def _patches(x: NDArray[Any]) -> NDArray[Any]:
    """Windows of 3 × 3 with a rim of zeros, shape (n, h, w, 9 · c), from (n, h, w, c)."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, w = x.shape[1:3]
    return np.concatenate(
        [padded[:, i : i + h, j : j + w] for i in range(3) for j in range(3)], axis=-1
    )


def _unpatched(grad: NDArray[Any], channels: int) -> NDArray[Any]:
    n, h, w, _ = grad.shape
    out = np.zeros((n, h + 2, w + 2, channels), dtype=grad.dtype)
    for place in range(9):
        i, j = divmod(place, 3)
        part = grad[..., place * channels : (place + 1) * channels]
        out[:, i : i + h, j : j + w] += part
    return out[:, 1:-1, 1:-1]


def _pooled(x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    n, h, w, c = x.shape
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
    flat = blocks.reshape(n, h // 2, w // 2, c, 4)
    return flat.max(axis=-1), flat.argmax(axis=-1)


def _unpooled(grad: NDArray[Any], which: NDArray[Any]) -> NDArray[Any]:
    n, h, w, c = grad.shape
    flat = np.zeros((n, h, w, c, 4), dtype=grad.dtype)
    np.put_along_axis(flat, which[..., None], grad[..., None], axis=-1)
    blocks = flat.reshape(n, h, w, c, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(n, 2 * h, 2 * w, c)


@functools.cache
def _learned() -> dict[str, NDArray[np.float64]]:
    rng = np.random.default_rng(3)
    images, digits = learning()
    x = images.transpose(0, 2, 3, 1).astype(np.float64)
    sizes = {"w0": (9, 8), "w1": (72, 16), "w2": (64, 10)}
    p = {name: rng.standard_normal(s) * np.sqrt(2 / s[0]) for name, s in sizes.items()}
    p |= {f"b{i}": np.zeros(n) for i, n in enumerate((8, 16, 10))}
    speed = {name: np.zeros_like(a) for name, a in p.items()}
    for epoch in range(14):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 48):
            chosen = order[start : start + 48]
            grads = _gradients(p, x[chosen], digits[chosen])
            for name, grad in grads.items():
                speed[name] = 0.9 * speed[name] - 0.05 * 0.85**epoch * grad
                p[name] = p[name] + speed[name]
    return p


def _gradients(
    p: dict[str, NDArray[Any]], x: NDArray[Any], digits: NDArray[Any]
) -> dict[str, NDArray[Any]]:
    a0 = _patches(x)
    s0 = a0 @ p["w0"] + p["b0"]
    m0, k0 = _pooled(np.maximum(s0, 0))
    a1 = _patches(m0)
    s1 = a1 @ p["w1"] + p["b1"]
    m1, k1 = _pooled(np.maximum(s1, 0))
    a2 = m1.reshape(len(x), -1)
    scores = a2 @ p["w2"] + p["b2"]
    soft = np.exp(scores - scores.max(axis=1, keepdims=True))
    soft /= soft.sum(axis=1, keepdims=True)
    soft[np.arange(len(x)), digits] -= 1
    g2 = soft / len(x)
    g1 = _unpooled((g2 @ p["w2"].T).reshape(m1.shape), k1) * (s1 > 0)
    g0 = _unpooled(_unpatched(g1 @ p["w1"].T, 8), k0) * (s0 > 0)
    return {
        "w2": a2.T @ g2, "b2": g2.sum(axis=0),
        "w1": a1.reshape(-1, 72).T @ g1.reshape(-1, 16), "b1": g1.sum(axis=(0, 1, 2)),
        "w0": a0.reshape(-1, 9).T @ g0.reshape(-1, 8), "b0": g0.sum(axis=(0, 1, 2)),
    }  # fmt: skip


@functools.cache
def cnn() -> bytes:
    """Two convolutions of 3 × 3 with 8 and 16 channels, each with ReLU and pooling; then a sum."""
    p = _learned()
    last = p["w2"].reshape(2, 2, 16, 10).transpose(2, 0, 1, 3).reshape(64, 10)
    constants = {
        "w0": p["w0"].reshape(3, 3, 1, 8).transpose(3, 2, 0, 1),
        "w1": p["w1"].reshape(3, 3, 8, 16).transpose(3, 2, 0, 1),
        "w2": last,
        "b0": p["b0"],
        "b1": p["b1"],
        "b2": p["b2"],
    }
    nodes, name = [], "image"
    for place in range(2):
        nodes += [
            helper.make_node(
                "Conv", [name, f"w{place}", f"b{place}"], [f"sum{place}"], pads=[1, 1, 1, 1]
            ),
            helper.make_node("Relu", [f"sum{place}"], [f"relu{place}"]),
            helper.make_node(
                "MaxPool", [f"relu{place}"], [f"pool{place}"], kernel_shape=[2, 2], strides=[2, 2]
            ),
        ]
        name = f"pool{place}"
    nodes += [
        helper.make_node("Flatten", [name], ["flat"]),
        helper.make_node("Gemm", ["flat", "w2", "b2"], ["scores"]),
    ]
    return _model(nodes, constants, ["n", 1, 8, 8])


def right(graph: bytes) -> float:
    """Share of the held-out pictures that a float model knows."""
    import onnxruntime

    images, digits = held_out()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    flat = len(session.get_inputs()[0].shape) == 2
    feed = images.reshape(len(images), 64) if flat else images
    return float((session.run(["digit"], {"image": feed})[0] == digits).mean())


if __name__ == "__main__":
    import time

    for make in (mlp, cnn):
        began = time.perf_counter()
        made = make()
        took = time.perf_counter() - began
        print(f"{make.__name__}: {right(made):.1%} of {HELD_OUT}, learned in {took:.1f} s")
