"""Ape's compile of the contracts, made once for the same sources and compiler.

Ape's own cache compares a contract's own source only, so an edited module or interface leaves old
bytecode. Its cache is used here where all of `contracts/` is as it was when everything was last
compiled, and the cache is what that compile left.
"""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".build" / "__local__.json"
STAMP = ROOT / ".build" / "compiled.json"
MADE_BY = ("vyper", "eth-ape", "ape-vyper")


def load_contracts(project: Any) -> None:
    """Have Ape's project hold what a compile of everything gives."""
    if is_fresh():
        project.load_contracts()
        return
    project.load_contracts(use_cache=False)
    STAMP.write_text(json.dumps(stamp()), encoding="utf-8")


def is_fresh() -> bool:
    """Whether the cache is of these sources."""
    try:
        return bool(json.loads(STAMP.read_text(encoding="utf-8")) == stamp())
    except (OSError, ValueError, LookupError, TypeError):
        return False


def stamp() -> dict[str, str]:
    """Digests of sources with their configuration and of cached bytecode; who compiled."""
    sources = hashlib.sha256()
    for path in sorted([ROOT / "ape-config.yaml", *(ROOT / "contracts").rglob("*.vy*")]):
        content = path.read_bytes()
        sources.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    types = json.loads(CACHE.read_text(encoding="utf-8"))["contractTypes"]
    # Ape writes the rest of a type in one form when it is compiled, in another when it is read.
    outputs = {
        name: [each[code]["bytecode"] for code in ("deploymentBytecode", "runtimeBytecode")]
        for name, each in types.items()
    }
    return {
        "sources": sources.hexdigest(),
        "outputs": hashlib.sha256(json.dumps(outputs, sort_keys=True).encode()).hexdigest(),
        **{name: version(name) for name in MADE_BY},
    }
