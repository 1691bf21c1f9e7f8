"""The preimages of a receipt's `model` and `runtime`, as a receipt file holds them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from counterfoil.errors import MalformedFile
from counterfoil.hashing.types import Digest

from .fields import Fields, hex_out, number_out
from .model import GRAPH, Model, ModelFile
from .runtime import Program, Runtime

MAX_FILES = 2**14
"""Files of one model in a receipt file, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preimage:
    """What hashes to a receipt's `model` and `runtime`.

    Attributes:
        runtime: a `Runtime`, or the `Program` of an exact program.
    """

    model: Model | None = None
    runtime: Runtime | Program | None = None

    @classmethod
    def parse(cls, f: Fields) -> Preimage:
        """Preimages from a receipt file.

        Raises:
            MalformedFile: the layout is broken, or a runtime and a program are both given.
        """
        model, runtime, program = f.maybe("model"), f.maybe("runtime"), f.maybe("program")
        if runtime is not None and program is not None:
            raise MalformedFile("preimage has both a runtime and a program")
        what: Runtime | Program | None = None
        if runtime is not None:
            what = _runtime(runtime)
        elif program is not None:
            what = _program(program)
        return cls(model=None if model is None else _model(model), runtime=what)

    def dump(self) -> dict[str, Any]:
        """The preimages as a receipt file holds them."""
        out: dict[str, Any] = {}
        if self.model is not None:
            out["model"] = {
                "files": [
                    {"path": f.path, "size": number_out(f.size), "sha256": hex_out(f.sha256)}
                    for f in self.model.files
                ]
            }
        r = self.runtime
        if isinstance(r, Runtime):
            out["runtime"] = {
                "engine": r.engine,
                "version": r.version,
                "providers": r.providers,
                "machine": r.machine,
                "options": r.options,
            }
        elif r is not None:
            out["program"] = {
                "root": hex_out(r.root),
                "rows": number_out(r.rows),
                "traceRows": number_out(r.trace_rows),
                "version": r.version,
            }
        return out


def _model(f: Fields) -> Model:
    files = tuple(
        ModelFile(path=i.text("path"), size=i.number("size"), sha256=i.hex("sha256", 32))
        for i in f.children("files", MAX_FILES)
    )
    paths = [file.path.encode() for file in files]
    if any(one >= other for one, other in pairwise(paths)):
        raise f.bad("files", "are not in byte order of their paths, each once")
    if GRAPH.encode() not in paths:
        raise f.bad("files", f"lack {GRAPH}")
    return Model(files=files)


def _runtime(f: Fields) -> Runtime:
    return Runtime(
        engine=f.text("engine"),
        version=f.text("version"),
        providers=f.text("providers"),
        machine=f.text("machine"),
        options=f.text("options"),
    )


def _program(f: Fields) -> Program:
    return Program(
        root=Digest(f.hex("root", 32)),
        rows=f.number("rows"),
        trace_rows=f.number("traceRows"),
        version=f.number("version", 32),
    )
