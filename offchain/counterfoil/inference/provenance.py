"""Which bytes a session that is not ours was made from, or that nobody can tell.

onnxruntime keeps the bytes that it was given, but of a path only the path. So:

- made while a recording is open: the files are read before onnxruntime reads them, and must be
  the same files, unchanged, after;
- made after `import counterfoil`: the file is looked at before onnxruntime reads it. At the first
  recorded run it must be the same file, last changed before it was loaded. A file that changed
  within a second before is hashed at once, on both sides of loading;
- made before `import counterfoil`: the path must be absolute, and file, links and folder last
  changed before the process began.

Everything else is `ModelUnknown`. The time of a file's last change (ctime) is the kernel's word
and no program can set it back. onnxruntime is not imported here.
"""

from __future__ import annotations

import hashlib
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterfoil.errors import ModelUnknown

from . import process_start

SLACK = 1_000_000_000
"""Nanoseconds within which a change of a file may go unseen: clocks of file systems are coarse."""

Signature = tuple[int, int, int, int, int]


@dataclass(slots=True, kw_only=True)
class Seen:
    """What was seen when onnxruntime loaded a model.

    Attributes:
        engine: a weak reference to the session's engine that was loaded then.
        path: absolute; None: from bytes.
        data: the bytes; None: from a path.
        signature: of the graph file, before and after.
        sha256: of a graph file that had just been changed.
        began: Unix nanoseconds before onnxruntime began to read.
        disabled: optimisers that were switched off.
        changes: options given since: what, arguments.
        model: what was read at once, while a recording was open.
        problem: why the bytes are not known.
    """

    engine: Callable[[], Any] = lambda: None
    path: str | None = None
    data: bytes | None = None
    signature: Signature | None = None
    sha256: bytes | None = None
    began: int
    disabled: frozenset[str] = frozenset()
    changes: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)
    model: Any = None
    problem: str | None = None


def before(
    session: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, now: bool
) -> Seen | None:
    """Look at a model before onnxruntime reads it. Never raises.

    Args:
        args, kwargs: of `_create_inference_session`.
        now: a recording is open, so the model will be wanted.
    """
    try:
        disabled = args[2] if len(args) > 2 else kwargs.get("disabled_optimizers")
        seen = Seen(began=time.time_ns(), disabled=frozenset(disabled or ()))
        if session._model_path:
            seen.path = str(Path(session._model_path).absolute())
            _look(session, seen, now)
        else:
            seen.data = session._model_bytes
        return seen
    except Exception:  # onnxruntime will say what is wrong
        return None


def _look(session: Any, seen: Seen, now: bool) -> None:
    seen.signature = signature(seen.path or "")
    if seen.signature is None:
        return
    if now:
        from . import bystanders

        try:
            seen.model = bystanders.read(session, seen)
        except Exception as error:
            seen.problem = " ".join(str(error).split())
    elif recent(seen.signature, seen.began):
        seen.sha256 = _sha256(seen.path or "")


def after(session: Any, seen: Seen | None) -> None:
    """Look again once onnxruntime has loaded it. Never raises."""
    try:
        if seen is None:
            session.__dict__.pop("_cf_seen", None)
            return
        seen.engine = weakref.ref(session._sess)
        path = seen.path or ""
        if seen.model is not None:
            from . import bystanders

            same = bystanders.unchanged(session, seen)
        elif seen.sha256 is not None:
            same = _sha256(path) == seen.sha256
        else:
            same = seen.path is None or signature(path) == seen.signature
        if not same:
            seen.problem = "its files were changed while it was loaded"
        session._cf_seen = seen
    except Exception:
        session.__dict__.pop("_cf_seen", None)


def changed(session: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Remember options that a session was given later."""
    seen = getattr(session, "_cf_seen", None)
    if seen is not None and seen.engine() is session._sess:
        seen.changes.append((name, args, kwargs))
    session.__dict__.pop("_cf_watched", None)


def of(session: Any) -> Seen:
    """What is known of a session's model.

    Raises:
        ModelUnknown: nothing that would hold.
    """
    seen: Seen | None = getattr(session, "_cf_seen", None)
    if seen is not None and seen.engine() is session._sess:
        if seen.problem is not None:
            raise ModelUnknown(f"nobody can tell which model the session has: {seen.problem}")
        return seen
    if session._model_bytes is not None:
        return Seen(data=session._model_bytes, began=_start())
    path = session._model_path
    if not path or not Path(path).is_absolute():
        raise ModelUnknown(
            "nobody can tell which model the session has: it was made from a relative path before "
            "`import counterfoil`; import it first"
        )
    began = _start()
    _check_way(Path(path), began)
    return Seen(path=path, began=began)


def check(seen: Seen, sha256: bytes, external: list[str]) -> None:
    """Hold files that were read now against what was seen at loading.

    Args:
        sha256: of the graph file that was read.
        external: paths of external data that were read.
    Raises:
        ModelUnknown: they may be others.
    """
    if seen.path is None:
        paths = external
    elif seen.sha256 is not None:
        if seen.sha256 != sha256:
            raise _changed(seen.path)
        paths = external
    else:
        if seen.signature is not None and signature(seen.path) != seen.signature:
            raise _changed(seen.path)
        paths = [seen.path, *external]
    for path in paths:
        found = signature(path)
        if found is None or recent(found, seen.began):
            raise _changed(path)


def signature(path: str) -> Signature | None:
    """What changes when a file changes; None: there is none."""
    try:
        s = Path(path).stat()
    except OSError:
        return None
    return s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns


def recent(found: Signature, since: int) -> bool:
    """Whether a file may have been changed since a time."""
    return found[4] >= since - SLACK


def _check_way(path: Path, since: int) -> None:
    """Links and the folder, too, lead where they led before."""
    for step in (path, path.parent, *(p for p in path.parents if p.is_symlink())):
        try:
            late = step.lstat().st_ctime_ns >= since - SLACK
        except OSError:
            late = True
        if late:
            raise _changed(str(step))


def _start() -> int:
    began = process_start.began()
    if began is None:
        raise ModelUnknown(
            "nobody can tell which model the session has: it was made before "
            "`import counterfoil`, perhaps in another process; import it first"
        )
    return began


def _sha256(path: str) -> bytes:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _changed(path: str) -> ModelUnknown:
    return ModelUnknown(
        f"nobody can tell which model the session has: {path} may have changed since it was "
        "loaded; make the session inside the recording"
    )
