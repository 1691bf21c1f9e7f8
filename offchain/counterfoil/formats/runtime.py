"""Runtimes and exact programs (docs/format.md §5): what decides a run's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from counterfoil.errors import BadOptions
from counterfoil.hashing.eip712 import text, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import Digest

RUNTIME_TYPE = keccak(
    b"Runtime(string engine,string version,string providers,string machine,string options)"
)
PROGRAM_TYPE = keccak(b"Program(bytes32 root,uint64 rows,uint64 traceRows,uint32 version)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """An engine with all that can change a number.

    Attributes:
        engine: such as `onnxruntime`.
        version: the engine's.
        providers: execution providers, comma-separated, in order.
        machine: the ISA level that decides which kernels run, such as `x86-64-v4+vnni`.
        options: RFC 8785 JSON of every session and run option that can change a number.
    """

    engine: str
    version: str
    providers: str
    machine: str
    options: str

    @property
    def digest(self) -> Digest:
        """hashStruct(Runtime)."""
        return keccak(
            RUNTIME_TYPE
            + b"".join(
                map(text, (self.engine, self.version, self.providers, self.machine, self.options))
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An exact integer program: its rows' root and counts.

    Attributes:
        root: tree root over the program's rows, 32 bytes.
        rows: rows of the program.
        trace_rows: rows of a run's trace.
        version: of the program's rules.
    """

    root: Digest
    rows: int
    trace_rows: int
    version: int

    @property
    def digest(self) -> Digest:
        """hashStruct(Program)."""
        return keccak(
            PROGRAM_TYPE + self.root + word(self.rows) + word(self.trace_rows) + word(self.version)
        )


def canonical(options: Mapping[str, Any]) -> str:
    """RFC 8785 JSON of `options`.

    Raises:
        BadOptions: NaN, an infinity, an integer past 2^53−1, or what JSON has no form for.
    """
    try:
        return rfc8785.dumps(dict(options)).decode()
    except (ValueError, TypeError, RecursionError) as error:
        raise BadOptions(f"a runtime's options have no RFC 8785 form: {error}") from error
