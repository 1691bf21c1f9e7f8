"""Runtimes, programs and the canonical JSON of options."""

import json

import pytest
from counterfoil.errors import BadOptions
from counterfoil.formats.runtime import Program, canonical
from counterfoil.hashing.types import ZERO
from hypothesis import given
from hypothesis import strategies as st

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(text, values, max_size=4))
def test_canonical__any_options__parse_back_equal(options):
    assert json.loads(canonical(options), parse_int=float) == options


@given(st.dictionaries(text, st.integers(0, 9), max_size=6), st.randoms())
def test_canonical__another_order__is_the_same_text(options, random):
    items = list(options.items())
    random.shuffle(items)
    assert canonical(dict(items)) == canonical(options)


def test_canonical__names__are_in_the_order_of_their_utf_16():
    # U+1F600 has a surrogate pair and so comes before U+FB33 (RFC 8785 §3.2.3).
    assert canonical({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, -(2**53), b"x", "\ud800", object(), {1: 2}]
)
def test_canonical__no_json__is_refused(value):
    with pytest.raises(BadOptions, match="have no RFC 8785 form") as caught:
        canonical({"x": value})
    assert "\n" not in str(caught.value)


def test_program__every_field__changes_the_digest():
    program = {"root": ZERO, "rows": 1, "trace_rows": 2, "version": 3}
    digests = {Program(**program).digest}
    for field, other in (("root", b"\1" * 32), ("rows", 2), ("trace_rows", 1), ("version", 1)):
        digests.add(Program(**{**program, field: other}).digest)
    assert len(digests) == 5
