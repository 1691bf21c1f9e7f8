"""Every struct of docs/format.md as EIP-712's generic encoders take it, with random values."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from counterfoil.formats.batch import Batch, LogOpening
from counterfoil.formats.model import Model, ModelFile
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.runtime import Program, Runtime
from counterfoil.formats.tensor import TensorCommitment, TensorSet
from counterfoil.hashing.signature import checksummed
from hypothesis import strategies as st

DOMAIN = [
    ("name", "string"), ("version", "string"), ("chainId", "uint256"),
    ("verifyingContract", "address"),
]  # fmt: skip

# Typed out from docs/format.md: the code's own type strings are what is under test.
TYPES: dict[str, list[tuple[str, str]]] = {
    "Tensor": [
        ("name", "string"), ("dtype", "uint8"), ("shape", "uint64[]"), ("byteLength", "uint64"),
        ("chunks", "bytes32"),
    ],
    "TensorSet": [("count", "uint32"), ("root", "bytes32")],
    "Model": [("files", "ModelFile[]")],
    "ModelFile": [("path", "string"), ("size", "uint64"), ("sha256", "bytes32")],
    "Runtime": [
        ("engine", "string"), ("version", "string"), ("providers", "string"),
        ("machine", "string"), ("options", "string"),
    ],
    "Program": [
        ("root", "bytes32"), ("rows", "uint64"), ("traceRows", "uint64"), ("version", "uint32"),
    ],
    "Receipt": [
        ("signer", "address"), ("sequence", "uint64"), ("model", "bytes32"),
        ("runtime", "bytes32"), ("request", "bytes32"), ("inputs", "bytes32"),
        ("outputs", "bytes32"), ("issuedAt", "uint64"), ("settleBy", "uint64"),
    ],
    "Batch": [
        ("signer", "address"), ("first", "uint64"), ("size", "uint64"), ("root", "bytes32"),
        ("uri", "string"),
    ],
    "LogOpening": [
        ("operator", "address"), ("signer", "address"), ("closesAt", "uint64"),
        ("maxDelay", "uint32"),
    ],
}  # fmt: skip

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
bytes32 = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20).map(checksummed)
chain_ids = st.integers(0, 2**256 - 1)


def unsigned(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**bits - 1) | st.sampled_from([0, 1, 2**bits - 1])


def all_fields(cls: type, **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    assert {f.name for f in fields(cls)} == set(drawn)
    return st.builds(cls, **drawn)


u64 = unsigned(64)
model_files = all_fields(ModelFile, path=text, size=u64, sha256=bytes32)
receipts = all_fields(
    Receipt, signer=addresses, sequence=u64, model=bytes32, runtime=bytes32, request=bytes32,
    inputs=bytes32, outputs=bytes32, issued_at=u64, settle_by=u64,
)  # fmt: skip
commitments = all_fields(
    TensorCommitment, name=text, dtype=unsigned(8), byte_length=u64, chunks=bytes32,
    shape=st.lists(u64, max_size=6).map(tuple),
)  # fmt: skip

STRUCTS: dict[str, st.SearchStrategy[Any]] = {
    "Tensor": commitments,
    "TensorSet": all_fields(TensorSet, tensors=st.lists(commitments, max_size=4).map(tuple)),
    "Model": all_fields(Model, files=st.lists(model_files, max_size=4).map(tuple)),
    "ModelFile": model_files,
    "Runtime": all_fields(
        Runtime, engine=text, version=text, providers=text, machine=text, options=text
    ),
    "Program": all_fields(Program, root=bytes32, rows=u64, trace_rows=u64, version=unsigned(32)),
    "Receipt": receipts,
    "Batch": all_fields(Batch, signer=addresses, first=u64, size=u64, root=bytes32, uri=text),
    "LogOpening": all_fields(
        LogOpening, operator=addresses, signer=addresses, closes_at=u64, max_delay=unsigned(32)
    ),
}

_SNAKE = {
    "byteLength": "byte_length", "traceRows": "trace_rows", "issuedAt": "issued_at",
    "settleBy": "settle_by", "closesAt": "closes_at", "maxDelay": "max_delay",
}  # fmt: skip


def message(kind: str, value: Any) -> dict[str, Any]:
    """A struct's fields by their EIP-712 names."""
    if kind == "TensorSet":
        return {"count": len(value.tensors), "root": value.root}
    if kind == "Model":
        return {"files": [message("ModelFile", file) for file in value.files]}
    out = {name: getattr(value, _SNAKE.get(name, name)) for name, _ in TYPES[kind]}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in out.items()}


def types_of(kind: str) -> dict[str, list[dict[str, str]]]:
    names = ["Model", "ModelFile"] if kind == "Model" else [kind]
    return {name: [{"name": n, "type": t} for n, t in TYPES[name]] for name in names}


SIGNED = ("Receipt", "Batch", "LogOpening")
"""What has a digest under the domain; the others are hashed alone."""
