"""From a row's values to what a model is fed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from counterfoil.errors import BadColumns, BadRow
from counterfoil.mapping.columns import Input, Raw, feed, resolve

FLOAT, UINT8, INT64, STRING, BOOL, BFLOAT16 = 1, 2, 7, 8, 9, 16


def declared(name="x", dtype=FLOAT, shape=(-1, 4)):
    return SimpleNamespace(name=name, dtype=dtype, kind="tensor(…)", shape=shape)


def fed(value, dtype=FLOAT, shape=()):
    return feed({"c": value}, [Input(name="x", column="c", dtype=dtype, shape=shape)])["x"]


def test_resolve__by_name_by_option_and_alone():
    two = [declared("a"), declared("b")]
    assert [i.column for i in resolve(two, ["b", "a", "z"], {})] == ["a", "b"]
    assert [i.column for i in resolve(two, ["a", "z"], {"b": "z"})] == ["a", "z"]
    assert resolve([declared()], ["whatever"], {})[0].column == "whatever"


@pytest.mark.parametrize(
    ("inputs", "columns", "given", "match"),
    [
        ([declared()], ["a", "b"], {}, "no column for the input 'x'"),
        ([declared()], ["x"], {"y": "x"}, "has no input 'y'"),
        ([declared()], ["x"], {"x": "z"}, "has no column 'z'"),
        ([declared(dtype=None)], ["x"], {}, "not fed from a data set"),
        ([declared(dtype=BFLOAT16)], ["x"], {}, "not fed from a data set"),
    ],
)
def test_resolve__does_not_go_together__said(inputs, columns, given, match):
    with pytest.raises(BadColumns, match=match):
        resolve(inputs, columns, given)


@pytest.mark.parametrize(
    ("shape", "wanted", "made"),
    [
        ((4,), (-1, 4), (1, 4)),
        ((1, 4), (-1, 4), (1, 4)),
        ((3, 4), (-1, 4), (3, 4)),
        ((), (-1,), (1,)),
        ((5,), (-1,), (5,)),
        ((12,), (1, 3, 4), (1, 3, 4)),
        ((12,), (-1, 3, 4), (1, 3, 4)),
        ((12,), (3, 4), (3, 4)),
        ((7, 9), (), (7, 9)),
        ((2, 3), (-1, -1, 3), (1, 2, 3)),
    ],
)
def test_feed__shape(shape, wanted, made):
    array = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    assert fed(array, shape=wanted).shape == made
    assert fed(array, shape=wanted).ravel().tolist() == array.ravel().tolist()


@pytest.mark.parametrize(
    ("shape", "wanted"), [((5,), (-1, 4)), ((12,), (-1, -1, 4)), ((2, 4), (4, 2)), ((3,), (2, 2))]
)
def test_feed__shape_that_does_not_fit__said(shape, wanted):
    with pytest.raises(BadRow, match="takes"):
        fed(np.zeros(shape, np.float32), shape=wanted)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([1, 2.5], FLOAT),
        ([0.1], FLOAT),
        (np.arange(3, dtype=np.int16), INT64),
        ([float("nan")], FLOAT),
        ([2**24], FLOAT),
        ([True], BOOL),
        ([], FLOAT),
    ],
)
def test_feed__numbers_that_fit(value, dtype):
    made = fed(value, dtype)
    assert np.array_equal(made, np.asarray(value, dtype=made.dtype), equal_nan=dtype == FLOAT)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        ([300], UINT8),
        ([-1], UINT8),
        ([1.5], INT64),
        ([1.0], INT64),
        ([1e40], FLOAT),
        ([2**24 + 1], FLOAT),
        ([2**70], INT64),
        (["1"], FLOAT),
        ([1], BOOL),
        ([True], FLOAT),
        ([[1], [1, 2]], FLOAT),
        ([1], STRING),
        (None, FLOAT),
        (Raw(b"abc"), FLOAT),
        (Raw(b"abc"), STRING),
    ],
)
def test_feed__values_that_do_not_fit__said(value, dtype):
    with pytest.raises(BadRow):
        fed(value, dtype)


def test_feed__strings_and_raw():
    assert fed("word", STRING, (-1,)).tolist() == ["word"]
    assert fed(["a", "b"], STRING, (-1,)).tolist() == ["a", "b"]
    assert fed(Raw(np.float32([1, 2]).tobytes()), FLOAT, (-1, 2)).tolist() == [[1, 2]]
