"""A receipt's model, by digest: named places, this machine's shelf, the registry's URI."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin

from counterfoil import shelf
from counterfoil.chain.registry import RegistryClient
from counterfoil.errors import ChainError, CounterfoilError, FormatError, ModelNotFound
from counterfoil.formats.model import GRAPH, MAX_GRAPH, LoadedModel, Model, external_locations, load
from counterfoil.hashing.types import Address, Digest
from counterfoil.publish.fetch import fetch
from counterfoil.publish.hosts import Hosts

MOST_FILES = 10_000
"""ONNX files that are looked at in one folder."""

UNKNOWN_SIZE = 2**28
"""Bytes fetched of a model whose files a receipt does not list."""


class Models:
    """Where to look, in order: the places named, the shelf, the registry.

    Args:
        places: ONNX files, or folders with such.
        registry: with the publishers whose word is taken; None: not asked.
        hosts: what may be fetched from; public addresses alone where it is None.
    """

    def __init__(
        self,
        places: Sequence[Path] = (),
        *,
        registry: RegistryClient | None = None,
        publishers: Sequence[Address] = (),
        hosts: Hosts | None = None,
    ) -> None:
        self._places = places
        self._registry = registry
        self._publishers = publishers
        self._hosts = hosts
        self._found: dict[Digest, LoadedModel] = {}
        self._used: set[Path] = set()

    @property
    def unused(self) -> list[Path]:
        """Files that were named and are the model of nothing that was looked for."""
        return [place for place in self._places if place.is_file() and place not in self._used]

    def find(self, digest: Digest, files: Model | None = None) -> LoadedModel:
        """The model of a digest, read or fetched, and checked.

        Args:
            files: what the receipt says of the model's files, to look faster.
        Raises:
            ModelNotFound: nowhere; the message says where it was looked for.
        """
        if digest not in self._found:
            self._found = {digest: self._look(digest, files)}  # one at a time: they are large
        return self._found[digest]

    def _look(self, digest: Digest, files: Model | None) -> LoadedModel:
        for path in self._candidates(files):
            with suppress(FormatError, OSError):
                loaded = load(path)
                if loaded.digest == digest:
                    self._used.add(path)
                    return loaded
        on_shelf = shelf.find(digest)
        if on_shelf is not None:
            return on_shelf
        said: list[str] = []
        for uri in self._uris(digest, said):
            try:
                loaded = self._fetched(uri, files)
            except CounterfoilError as error:
                said.append(f"{uri}: {error}")
                continue
            if loaded.digest != digest:
                said.append(f"{uri} holds another model")
                continue
            with suppress(OSError):
                shelf.keep(loaded)
            return loaded
        more = f" ({'; '.join(said)})" if said else ""
        raise ModelNotFound(
            f"the model 0x{digest.hex()} is not on this machine{more}: name its file with --model"
        )

    def _candidates(self, files: Model | None) -> Iterator[Path]:
        sizes = None if files is None else {f.size for f in files.files if f.path == GRAPH}
        for place in self._places:
            if not place.is_dir():
                yield place
                continue
            for number, path in enumerate(place.rglob("*.onnx")):
                if number >= MOST_FILES:
                    break
                with suppress(OSError):
                    if sizes is None or path.stat().st_size in sizes:
                        yield path

    def _uris(self, digest: Digest, said: list[str]) -> Iterator[str]:
        if self._registry is None:
            return
        for publisher in self._publishers:
            try:
                record = self._registry.record(publisher, digest)
            except ChainError as error:
                said.append(f"the registry: {error}")
                return
            if record is None:
                continue
            if record.uri.startswith(("http://", "https://")):
                yield record.uri
            elif record.uri:
                said.append(f"its publisher says {record.uri!r}, which is not fetched")

    def _fetched(self, uri: str, files: Model | None) -> LoadedModel:
        sizes = {} if files is None else {file.path: file.size for file in files.files}

        def get(location: str) -> bytes:
            where = uri if location == GRAPH else urljoin(uri, location)
            return fetch(
                where, min(MAX_GRAPH, sizes.get(location, UNKNOWN_SIZE)), hosts=self._hosts
            )

        graph = get(GRAPH)
        external = {location: get(location) for location in sorted(external_locations(graph))}
        return load(graph, given=external)
