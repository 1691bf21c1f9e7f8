"""Frozen dataclasses that are filled at once: still dataclasses, and still frozen."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest
from counterfoil.formats.frozen import filled_at_once, unchecked


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    name: str
    size: int = 7
    data: bytes

    def __post_init__(self):
        if self.size < 0:
            raise ValueError("negative")


Filled = filled_at_once(
    dataclass(frozen=True, slots=True, kw_only=True)(
        type("Filled", (), {
            "__module__": __name__,
            "__annotations__": {"name": "str", "size": "int", "data": "bytes"},
            "size": 7,
            "__post_init__": Plain.__post_init__,
        })
    )
)  # fmt: skip


def test_filled__fields_and_defaults__as_a_dataclass_sets_them():
    for given in ({"name": "a", "data": b"x"}, {"name": "b", "size": 3, "data": b""}):
        plain, filled = Plain(**given), Filled(**given)
        assert type(filled) is Filled
        assert [getattr(filled, n) for n in ("name", "size", "data")] == [
            getattr(plain, n) for n in ("name", "size", "data")
        ]
        assert repr(filled) == repr(plain).replace("Plain", "Filled")
    assert inspect.signature(Filled) == inspect.signature(Plain)


def test_filled__afterwards__frozen():
    made = Filled(name="a", data=b"x")
    with pytest.raises(FrozenInstanceError):
        made.name = "b"
    with pytest.raises(FrozenInstanceError):
        del made.size
    with pytest.raises((FrozenInstanceError, TypeError)):  # 3.11's dataclasses say the other
        made.__class__ = Plain
    assert made.name == "a"
    assert made.size == 7


def test_filled__equal_hashed_copied_pickled__as_before():
    made = Filled(name="a", data=b"x")
    assert made == Filled(name="a", size=7, data=b"x")
    assert made != Filled(name="a", size=8, data=b"x")
    assert hash(made) == hash(copy.deepcopy(made))
    assert pickle.loads(pickle.dumps(made)) == made
    assert replace(made, size=9) == Filled(name="a", size=9, data=b"x")


@pytest.mark.parametrize("given", [{"name": "a"}, {"name": "a", "data": b"", "more": 1}])
def test_filled__missing_or_unknown_field__refused(given):
    with pytest.raises(TypeError):
        Plain(**given)
    with pytest.raises(TypeError):
        Filled(**given)


def test_filled__post_init__runs_on_the_frozen_object():
    with pytest.raises(ValueError, match="negative"):
        Filled(name="a", size=-1, data=b"")
    with pytest.raises(ValueError, match="negative"):
        replace(Filled(name="a", data=b""), size=-1)


def test_unchecked__in_their_order__the_same_object_without_checks():
    make = unchecked(Filled)
    assert make("a", 3, b"x") == Filled(name="a", size=3, data=b"x")
    assert make("a", -3, b"x").size == -3
    with pytest.raises(FrozenInstanceError):
        make("a", 3, b"x").name = "b"


def test_filled_at_once__what_it_cannot_fill__refused():
    class Based(Plain):
        pass

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Made:
        items: list = field(default_factory=list)

    @dataclass(frozen=True, kw_only=True)
    class Loose:
        name: str

    @dataclass(frozen=True, slots=True)
    class Positional:
        name: str

    for other in (Based, Made, Loose, Positional):
        with pytest.raises(TypeError):
            filled_at_once(other)
