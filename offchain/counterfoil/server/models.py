"""The loaded models of a server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterfoil.errors import BadRepository, CounterfoilError, RequestRefused
from counterfoil.formats.quoting import quoted
from counterfoil.inference.served import Batching, Declared, Sealing, Served

from .datatypes import DATATYPES, NAMES
from .repository import ModelFolder, scan

PLATFORM = "onnxruntime_onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, loaded.

    Attributes:
        versions: by number, ascending; the highest is the default.
        batching: how its requests are put together; None: not at all.
        unread: fields of its `config.pbtxt` without effect.
    """

    name: str
    versions: Mapping[int, Served]
    batching: Batching | None
    unread: tuple[str, ...]

    def version(self, number: str | None) -> tuple[int, Served]:
        """A version, the default one for None.

        Raises:
            RequestRefused: 404.
        """
        if number is None:
            newest = max(self.versions)
            return newest, self.versions[newest]
        known = re.fullmatch(r"[1-9][0-9]{0,18}", number, re.ASCII)
        if known is None or int(number) not in self.versions:
            raise RequestRefused(
                404, f"the model {quoted(self.name)} has no version {quoted(number)}"
            )
        return int(number), self.versions[int(number)]

    def metadata(self, number: str | None) -> dict[str, Any]:
        """The protocol's description."""
        _, served = self.version(number)
        return {
            "name": self.name,
            "versions": [str(v) for v in self.versions],
            "platform": PLATFORM,
            "inputs": [_tensor(d) for d in served.inputs],
            "outputs": [_tensor(d) for d in served.outputs],
        }


class Models:
    """Every model of a repository.

    Args:
        root: the folder.
        sealing: None: no receipts.
        threads: of one run; None: as many as onnxruntime takes.
        batching: rows of a batch at most, for models whose `config.pbtxt` allows it; None: off.
    Raises:
        BadRepository, ModelRefused: as they say, with the model's name.
    """

    def __init__(
        self,
        root: Path,
        *,
        sealing: Sealing | None,
        threads: int | None = None,
        batching: Batching | None = None,
    ) -> None:
        self._models: dict[str, Model] = {}
        for folder in scan(root):
            together = _batching(folder, batching)
            versions = {
                number: _load(folder.name, path, sealing, threads, together)
                for number, path in folder.files.items()
            }
            self._models[folder.name] = Model(
                name=folder.name,
                versions=versions,
                batching=together,
                unread=folder.settings.unread,
            )

    def __iter__(self) -> Any:
        """The models, by name."""
        return iter(self._models.values())

    def get(self, name: str) -> Model:
        """A model.

        Raises:
            RequestRefused: 404.
        """
        found = self._models.get(name)
        if found is None:
            raise RequestRefused(404, f"there is no model {quoted(name)}")
        return found


def _load(
    name: str, path: Path, sealing: Sealing | None, threads: int | None, batching: Batching | None
) -> Served:
    try:
        served = Served(path, sealing=sealing, threads=threads, batching=batching)
    except CounterfoilError as error:
        raise type(error)(f"model {name}, {path.parent.name}/{path.name}: {error}") from error
    for declared in (*served.inputs, *served.optional, *served.outputs):
        if declared.dtype not in DATATYPES.values():
            raise BadRepository(
                f"model {name}: {declared.name!r} is {declared.kind}, "
                "for which the protocol has no type"
            )
    if batching is not None:
        _check_batching(name, served)
    return served


def _batching(folder: ModelFolder, wanted: Batching | None) -> Batching | None:
    """What a model gets: only what its owner has said may be done with it."""
    settings = folder.settings
    if wanted is None or not settings.dynamic_batching or settings.max_batch_size < 2:
        return None
    wait = wanted.wait if settings.queue_delay is None else min(settings.queue_delay, wanted.wait)
    return Batching(rows=min(wanted.rows, settings.max_batch_size), wait=wait)


def _check_batching(name: str, served: Served) -> None:
    for declared in (*served.inputs, *served.outputs):
        if not declared.shape or declared.shape[0] != -1:
            raise BadRepository(
                f"model {name}: its config.pbtxt asks for batching, and the first dimension of "
                f"{declared.name!r} is not open"
            )
        if declared.dtype == DATATYPES["BF16"]:
            raise BadRepository(f"model {name}: {declared.name!r} is BF16, which is not batched")


def _tensor(declared: Declared) -> dict[str, Any]:
    return {
        "name": declared.name,
        "datatype": NAMES[declared.dtype or 0],
        "shape": list(declared.shape),
    }
