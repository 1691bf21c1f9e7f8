"""Frozen dataclasses whose fields are set all at once.

A frozen dataclass sets its fields one after the other through `object.__setattr__`, a third of a
microsecond each; a receipt has some sixty on its way. Here a new object is of a class without
that protection while its `__init__` runs, and of its own class from then on. Nothing else of the
dataclass changes: not `replace`, not comparison, not pickling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

_T = TypeVar("_T")


def filled_at_once(cls: type[_T]) -> type[_T]:
    """Give a dataclass of `frozen=True, slots=True, kw_only=True` a quick `__init__`.

    Raises:
        TypeError: the class has bases, no slots, or a field that dataclasses makes a value for.
    """
    described, names = fields(cls), _names(cls)  # type: ignore[arg-type]
    if cls.__bases__ != (object,) or tuple(cls.__dict__.get("__slots__", ())) != tuple(names):
        raise TypeError(f"{cls.__name__} has bases, or other slots than its fields")
    if any(not f.init or not f.kw_only or f.default_factory is not MISSING for f in described):
        raise TypeError(f"{cls.__name__} has a field that is not given by name, or is made")
    defaults = {f.name: f.default for f in described if f.default is not MISSING}
    given = ", ".join(f"{name}=_" if name in defaults else name for name in names)
    lines = [
        f"def __init__(self, *, {given}):",
        "    _set(self, '__class__', _open)",
        *(f"    self.{name} = {name}" for name in names),
        "    self.__class__ = _cls",
        *(["    self.__post_init__()"] if hasattr(cls, "__post_init__") else []),
    ]
    scope: dict[str, Any] = {
        "_": None,
        "_cls": cls,
        "_open": _open(cls),
        "_set": object.__setattr__,
    }
    exec("\n".join(lines), scope)  # noqa: S102 (of the fields' names, as dataclasses does)
    made = scope["__init__"]
    made.__kwdefaults__ = defaults or None
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__module__ = cls.__module__
    made.__annotations__ = dict(cls.__init__.__annotations__)
    cls.__init__ = made  # type: ignore[method-assign]
    return cls


def unchecked(cls: type[_T]) -> Callable[..., _T]:
    """What makes an object of such a class from its fields in their order, without checks.

    Its `__post_init__` is left out, so it is for values that are right for another reason.
    """
    names = _names(cls)
    lines = [
        f"def made({', '.join(names)}):",
        "    self = _open()",
        *(f"    self.{name} = {name}" for name in names),
        "    self.__class__ = _cls",
        "    return self",
    ]
    scope: dict[str, Any] = {"_cls": cls, "_open": _open(cls)}
    exec("\n".join(lines), scope)  # noqa: S102 (as above)
    made: Callable[..., _T] = scope["made"]
    return made


def _names(cls: type[Any]) -> list[str]:
    return [field.name for field in fields(cls)]


def _open(cls: type[Any]) -> type[Any]:
    """A class with the same slots that lets its fields be set."""
    return type(cls.__name__, (), {"__slots__": tuple(_names(cls))})
