"""Where this machine has models: by digest, so that a run can be done again.

Sessions leave a note of the path that they loaded; models that were fetched are kept whole. A
note is a hint: whoever uses it reads the files anew and compares the digest.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from counterfoil import config
from counterfoil.errors import FormatError
from counterfoil.formats.model import GRAPH, LoadedModel, load
from counterfoil.hashing.types import Digest

_noted: set[tuple[Digest, str]] = set()


def folder() -> Path:
    """The shelf's folder, beside the journals."""
    return config.data_folder() / "models"


def note(model: Digest, path: str) -> None:
    """Leave a note of where a model was loaded from. Never fails: it is a convenience."""
    absolute = str(Path(path).absolute())
    if (model, absolute) in _noted:
        return
    _noted.add((model, absolute))
    with suppress(OSError, UnicodeError):
        target = folder() / f"{model.hex()}.path"
        if target.exists() and target.read_text(encoding="utf-8") == absolute:
            return
        _write(target, absolute.encode())


def keep(loaded: LoadedModel) -> Path:
    """Put a model on the shelf, whole.

    Returns:
        Its graph's file.
    Raises:
        OSError: it cannot be written.
    """
    place = folder() / loaded.digest.hex()
    for location, data in {**loaded.external, GRAPH: loaded.graph}.items():
        _write(place / location, data)  # the graph last: without it the place is empty
    return place / GRAPH


def find(model: Digest) -> LoadedModel | None:
    """A model that is on the shelf or where a note says, read now; None: neither."""
    for path in _places(model):
        with suppress(FormatError, OSError):
            loaded = load(path)
            if loaded.digest == model:
                return loaded
    return None


def _places(model: Digest) -> Iterator[Path]:
    yield folder() / model.hex() / GRAPH
    with suppress(OSError, UnicodeError):
        yield Path((folder() / f"{model.hex()}.path").read_text(encoding="utf-8"))


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(data)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
