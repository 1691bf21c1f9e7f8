"""What was done to onnxruntime's option objects, as far as no getter shows it.

Initialisers, operator libraries and adapters change numbers, and config keys cannot be
listed. So the binding's methods are patched in place, once, to remember what they were
called with, for as long as the object lives. An object made before is *unseen*: nobody can
tell what was added to it.

This module does not import onnxruntime: see `arming`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(slots=True, kw_only=True)
class History:
    """What was added to one option object.

    Attributes:
        config: entries by key.
        initializers: values by the initialiser's name.
        files: external data given in memory, by location: a buffer and its length.
        libraries: sha256 of custom-operator libraries, in order.
        free_dimensions: overrides by name or `denotation:` and denotation.
        unnameable: what cannot be named by content: why such a run gets no receipt.
    """

    config: dict[str, str] = field(default_factory=dict)
    initializers: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[Any, int]] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)
    free_dimensions: dict[str, int] = field(default_factory=dict)
    unnameable: list[str] = field(default_factory=list)


_histories: WeakKeyDictionary[Any, History] = WeakKeyDictionary()


def history(options: Any) -> History | None:
    """What was added to `options`; None: made before this package was imported."""
    return _histories.get(options)


def patch(binding: Any) -> None:
    """Make the option classes remember. Does nothing the second time."""
    options, run_options = binding.SessionOptions, binding.RunOptions
    if getattr(options, "_counterfoil", False):
        return
    for cls in (options, run_options):
        _remember_birth(cls)
    for name, note in _SESSION_NOTES.items():
        _remember(options, name, note)
    for name, note in _RUN_NOTES.items():
        _remember(run_options, name, note)
    options._counterfoil = True


def _remember_birth(cls: Any) -> None:
    original = cls.__init__

    @functools.wraps(original)
    def born(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        _histories[self] = History()

    cls.__init__ = born


def _remember(cls: Any, name: str, note: Callable[..., Callable[[], None]]) -> None:
    original = getattr(cls, name, None)
    if original is None:  # an onnxruntime without this method
        return

    @functools.wraps(original)
    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        known = _histories.get(self)
        try:
            keep = note(known or History(), *args, **kwargs)
        except (TypeError, ValueError):  # the method itself will refuse these
            keep = None
        result = original(self, *args, **kwargs)
        if keep is not None:
            keep()
        elif known is not None:
            known.unnameable.append(f"arguments of {name} that are not understood")
        return result

    setattr(cls, name, noted)


# A note looks at the arguments before the call and remembers them after it has succeeded.


def _config(h: History, key: str, value: str) -> Callable[[], None]:
    return lambda: h.config.update({key: value})


def _initializer(h: History, name: str, value: Any) -> Callable[[], None]:
    return lambda: h.initializers.update({name: value})


def _initializers(h: History, names: Sequence[str], values: Sequence[Any]) -> Callable[[], None]:
    return lambda: h.initializers.update(zip(names, values, strict=False))


def _files(
    h: History, names: Sequence[str], buffers: Sequence[Any], lengths: Sequence[int]
) -> Callable[[], None]:
    pairs = list(zip(buffers, lengths, strict=False))
    return lambda: h.files.update(zip(names, pairs, strict=False))


def _library(h: History, path: Any) -> Callable[[], None]:
    try:
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return lambda: h.unnameable.append("a custom-operator library that no path names")
    return lambda: h.libraries.append(digest)


def _dimension(h: History, name: str, value: int) -> Callable[[], None]:
    return lambda: h.free_dimensions.update({name: int(value)})


def _denotation(h: History, name: str, value: int) -> Callable[[], None]:
    return lambda: h.free_dimensions.update({f"denotation:{name}": int(value)})


def _unnameable(what: str) -> Callable[..., Callable[[], None]]:
    def note(h: History, *args: Any) -> Callable[[], None]:
        return lambda: h.unnameable.append(what)

    return note


_SESSION_NOTES: dict[str, Callable[..., Callable[[], None]]] = {
    "add_session_config_entry": _config,
    "add_initializer": _initializer,
    "add_external_initializers": _initializers,
    "add_external_initializers_from_files_in_memory": _files,
    "register_custom_ops_library": _library,
    "add_free_dimension_override_by_name": _dimension,
    "add_free_dimension_override_by_denotation": _denotation,
    "set_ep_context_data_read_func": _unnameable("a reader of compiled contexts"),
}
_RUN_NOTES: dict[str, Callable[..., Callable[[], None]]] = {
    "add_run_config_entry": _config,
    "add_active_adapter": _unnameable("an active adapter"),
}
