"""The preimages of a receipt's `model` and `runtime`, as a receipt file holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from counterfoil.errors import MalformedFile
from counterfoil.hashing.types import Digest

from .model import Model, ModelFile
from .runtime import Program, Runtime
from .strict_json import Fields, hex_out, number_out

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
    def parse(cls, value: object) -> Preimage:
        """Preimages from a receipt file.

        Raises:
            MalformedFile: the layout is broken, or a runtime and a program are both given.
        """
        f = Fields(value, "preimage")
        if f.has("runtime") and f.has("program"):
            raise MalformedFile("preimage has both a runtime and a program")
        runtime: Runtime | Program | None = None
        if f.has("runtime"):
            runtime = _runtime(Fields(f.take("runtime"), "preimage.runtime"))
        elif f.has("program"):
            runtime = _program(Fields(f.take("program"), "preimage.program"))
        model = _model(Fields(f.take("model"), "preimage.model")) if f.has("model") else None
        return cls(model=model, runtime=runtime)

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
    items = [Fields(item, "preimage.model.files") for item in f.items("files", MAX_FILES)]
    return Model(
        files=tuple(
            ModelFile(path=i.text("path"), size=i.number("size"), sha256=i.hex("sha256", 32))
            for i in items
        )
    )


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
