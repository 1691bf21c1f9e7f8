"""A folder of models laid out as Triton's model repository.

MODELS/NAME/config.pbtxt         may be missing
MODELS/NAME/VERSION/model.onnx   VERSION a whole number from 1
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from counterfoil.errors import BadRepository

from . import pbtxt

CONFIG: Final = "config.pbtxt"
MODEL_FILE: Final = "model.onnx"
PLATFORMS: Final = ("onnxruntime_onnx", "onnxruntime")
MAX_VERSION: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is read of a `config.pbtxt`.

    Attributes:
        max_batch_size: rows; 0: the model has no batch dimension.
        dynamic_batching: requests may share a run.
        queue_delay: seconds; None: nothing is said.
        file: the model file's name.
        latest: so many of the highest versions; None: all.
        versions: these ones; None: all.
        unread: fields that are there and have no effect.
    """

    max_batch_size: int = 0
    dynamic_batching: bool = False
    queue_delay: float | None = None
    file: str = MODEL_FILE
    latest: int | None = None
    versions: tuple[int, ...] | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """One model: its versions' files, and its settings."""

    name: str
    files: Mapping[int, Path]
    settings: Settings


def scan(root: Path) -> list[ModelFolder]:
    """The models in a folder, by name.

    Raises:
        BadRepository: the folder or something in it is not laid out so; the message names it.
    """
    try:
        folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        raise BadRepository(f"cannot read {root}: {error.strerror}") from error
    found = [_model(folder) for folder in folders]
    if not found:
        raise BadRepository(
            f"{root} holds no models: a model is a folder with its versions, "
            f"as {root.name}/NAME/1/{MODEL_FILE}"
        )
    return found


def _model(folder: Path) -> ModelFolder:
    try:
        folder.name.encode()
    except UnicodeEncodeError:
        raise BadRepository(f"{folder!r}: a model's name is UTF-8") from None
    settings = _settings(folder)
    files = {
        int(p.name): p / settings.file
        for p in folder.iterdir()
        if re.fullmatch(r"[1-9][0-9]{0,18}", p.name)
        and int(p.name) <= MAX_VERSION
        and (p / settings.file).is_file()
    }
    if settings.versions is not None:
        missing = [v for v in settings.versions if v not in files]
        if missing:
            raise BadRepository(f"{folder} has no {missing[0]}/{settings.file}")
        files = {v: files[v] for v in settings.versions}
    if settings.latest is not None:
        files = {v: files[v] for v in sorted(files)[-settings.latest :]}
    if not files:
        raise BadRepository(f"{folder} has no version: put its model at 1/{settings.file}")
    return ModelFolder(name=folder.name, files=dict(sorted(files.items())), settings=settings)


def _settings(folder: Path) -> Settings:
    path = folder / CONFIG
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        raise BadRepository(f"cannot read {path}: {error}") from error
    try:
        return _read(pbtxt.parse(text), folder.name)
    except BadRepository as error:
        raise BadRepository(f"{path}: {error}") from error


def _read(message: pbtxt.Message, name: str) -> Settings:
    fields = _Fields(message)
    given = fields.text("name")
    if given not in (None, "", name):
        raise BadRepository(f"its name is {given!r}, its folder's {name!r}")
    for field in ("platform", "backend"):
        value = fields.text(field)
        if value not in (None, "", *PLATFORMS):
            raise BadRepository(f"{field} {value!r}: only ONNX models are served")
    batching = fields.message("dynamic_batching")
    delay = None
    if batching is not None:
        microseconds = _Fields(batching).number("max_queue_delay_microseconds")
        delay = None if microseconds is None else microseconds / 1e6
    file = fields.text("default_model_filename") or MODEL_FILE
    if "/" in file or file.startswith(".") or "\0" in file:
        raise BadRepository(f"default_model_filename {file!r} is no file's name")
    latest, versions = _policy(fields.message("version_policy"))
    return Settings(
        max_batch_size=fields.number("max_batch_size") or 0,
        dynamic_batching=batching is not None,
        queue_delay=delay,
        file=file,
        latest=latest,
        versions=versions,
        unread=tuple(sorted(set(message) - fields.read)),
    )


def _policy(message: pbtxt.Message | None) -> tuple[int | None, tuple[int, ...] | None]:
    if message is None:
        return None, None
    fields = _Fields(message)
    specific, latest = fields.message("specific"), fields.message("latest")
    if specific is not None:
        return None, tuple(sorted({_whole("versions", v) for v in specific.get("versions", [])}))
    if latest is not None:
        return _Fields(latest).number("num_versions") or 1, None
    return None, None


class _Fields:
    def __init__(self, message: pbtxt.Message) -> None:
        self._message = message
        self.read: set[str] = set()

    def _last(self, name: str) -> Any:
        self.read.add(name)
        values = self._message.get(name)
        return values[-1] if values else None

    def text(self, name: str) -> str | None:
        value = self._last(name)
        if value is not None and not isinstance(value, str):
            raise BadRepository(f"{name} is a text")
        return value

    def number(self, name: str) -> int | None:
        value = self._last(name)
        return None if value is None else _whole(name, value)

    def message(self, name: str) -> pbtxt.Message | None:
        value = self._last(name)
        if value is not None and not isinstance(value, dict):
            raise BadRepository(f"{name} is a message, in braces")
        return value


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,18}", value):
        raise BadRepository(f"{name} is a whole number")
    return int(value)
