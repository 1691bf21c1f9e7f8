"""Maps, sequences, optionals and what is none of these."""

import numpy as np
import pytest
from counterfoil.errors import BadTensor
from counterfoil.formats.tensor import Tensor
from counterfoil.formats.values import flatten


def flat(value, kind, name="v"):
    return [(t.name, t.array().tolist(), t.dtype) for t in flatten([name], [value], [kind])]


ONE = np.array([1.5], dtype=np.float32)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("tensor(float)", ONE, [("v", [1.5], 1)]),
        (
            "seq(tensor(float))",
            [ONE, ONE],
            [("v#length", 2, 7), ("v#0", [1.5], 1), ("v#1", [1.5], 1)],
        ),
        ("seq(tensor(float))", [], [("v#length", 0, 7)]),
        (
            "map(int64,tensor(float))",
            {3: 0.5, 1: 2.0},
            [("v#keys", [3, 1], 7), ("v#values", [0.5, 2.0], 1)],
        ),
        ("map(string,tensor(int64))", {"b": 1}, [("v#keys", ["b"], 8), ("v#values", [1], 7)]),
        ("map(int64,tensor(string))", {1: "é"}, [("v#keys", [1], 7), ("v#values", ["é"], 8)]),
        ("map(int64,tensor(float))", {}, [("v#keys", [], 7), ("v#values", [], 1)]),
        ("map(string,tensor(double))", {}, [("v#keys", [], 8), ("v#values", [], 11)]),
        ("optional(tensor(float))", ONE, [("v", [1.5], 1)]),
        ("optional(tensor(float))", None, [("v#absent", True, 9)]),
        ("optional(seq(tensor(float)))", None, [("v#absent", True, 9)]),
        ("optional(seq(tensor(float)))", [ONE], [("v#length", 1, 7), ("v#0", [1.5], 1)]),
        (
            "seq(map(int64,tensor(float)))",
            [{1: 0.25}, {}],
            [("v#length", 2, 7), ("v#0#keys", [1], 7), ("v#0#values", [0.25], 1),
             ("v#1#keys", [], 7), ("v#1#values", [], 1)],
        ),
        (
            "seq(optional(tensor(float)))",
            [None, ONE],
            [("v#length", 2, 7), ("v#0#absent", True, 9), ("v#1", [1.5], 1)],
        ),
    ],
)  # fmt: skip
def test_flatten__a_value__becomes_tensors_in_order(kind, value, expected):
    assert flat(value, kind) == expected


def test_flatten__a_sequence_s_length__is_an_int64_scalar():
    length = flatten(["v"], [[ONE]], ["seq(tensor(float))"])[0]
    assert length == Tensor(name="v#length", dtype=7, shape=(), data=(1).to_bytes(8, "little"))


def test_flatten__several_values__keep_their_order():
    names = ["b", "a"]
    tensors = flatten(names, [ONE, [ONE]], ["tensor(float)", "seq(tensor(float))"])
    assert [t.name for t in tensors] == ["b", "a#length", "a#0"]


@pytest.mark.parametrize(
    ("names", "values", "kinds"),
    [
        (["v", "v#0"], [[ONE], ONE], ["seq(tensor(float))", "tensor(float)"]),
        (["v#length", "v"], [ONE, []], ["tensor(float)", "seq(tensor(float))"]),
        (["v#keys", "v"], [ONE, {}], ["tensor(float)", "map(int64,tensor(float))"]),
        (["v#absent", "v"], [ONE, None], ["tensor(float)", "optional(tensor(float))"]),
        (["v", "v"], [ONE, ONE], ["tensor(float)"] * 2),
    ],
)
def test_flatten__names_that_collide__are_refused(names, values, kinds):
    with pytest.raises(BadTensor, match="two values would both be called 'v"):
        flatten(names, values, kinds)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("sparse_tensor(float)", ONE, "is a sparse tensor"),
        ("optional(sparse_tensor(float))", ONE, "is a sparse tensor"),
        ("seq(sparse_tensor(float))", [ONE], "'v#0' is a sparse tensor"),
        ("tensor(float)", None, "is no tensor"),
        ("tensor(float)", {}, "is no tensor"),
        ("tensor(float)", object(), "may hold str only, found object"),
        ("map(int64,tensor(float))", [1], "is no map"),
        ("map(int64,tensor(float))", None, "is no map"),
        ("seq(tensor(float))", 3, "is no sequence"),
        ("seq(tensor(float))", "abc", "is no sequence"),
        ("seq(tensor(float))", {0: ONE}, "is no sequence"),
        ("seq(tensor(float))", None, "is no sequence"),
        ("map(int64,tensor(float))", {1.5: 1.0}, "holds what is no int64"),
        ("map(int64,tensor(int64))", {1: 0.5}, "holds what is no int64"),
        ("map(int64,tensor(int64))", {2**63: 1}, "holds what is no int64"),
        ("map(int64,tensor(float))", {1: "x"}, "holds what is no float32"),
        ("map(int64,tensor(float))", {1: [1.0, 2.0]}, "holds what is no float32"),
        ("map(string,tensor(float))", {1: 1.0}, "may hold str only, found int"),
        ("map(int64,opaque(x))", {1: 1.0}, "no element type is known for 'opaque"),
        ("seq(map(int64,seq(tensor(float))))", [{1: [ONE]}], "no element type is known"),
    ],
)
def test_flatten__a_value_that_is_not_of_its_type__is_refused(kind, value, message):
    with pytest.raises(BadTensor, match=message) as caught:
        flatten(["v"], [value], [kind])
    assert "\n" not in str(caught.value)
