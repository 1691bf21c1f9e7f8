"""Files that readers refuse: each with its error and its message."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

Change = Callable[[dict[str, Any]], object]
Bad = tuple[str, bytes, str, str]
"""Name, bytes, error class, message."""


def changed(good: bytes, change: Change) -> bytes:
    file = json.loads(good)
    change(file)
    return json.dumps(file, indent=1).encode()


def put(path: str, value: Any) -> Change:
    """Set the field at a dotted path; numbers are places in lists."""

    def change(file: dict[str, Any]) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        target: Any = file
        for step in way:
            target = target[step]
        target[last] = value

    return change


def drop(path: str) -> Change:
    def change(file: dict[str, Any]) -> None:
        *way, last = (int(step) if step.isdigit() else step for step in path.split("."))
        target: Any = file
        for step in way:
            target = target[step]
        del target[last]

    return change


def unparsable(good: bytes) -> Iterator[Bad]:
    """Bytes that are no JSON object, or no JSON that all readers read alike."""
    text = good.decode()
    yield "empty", b"", "MalformedFile", "the file is empty"
    yield "blank", b" \n\t\n", "MalformedFile", "the file is empty"
    yield (
        "bom",
        b"\xef\xbb\xbf" + good,
        "MalformedFile",
        ("the file begins with a byte order mark: write it as plain UTF-8"),
    )
    yield "utf16", text.encode("utf-16"), "MalformedFile", "the file is no UTF-8"
    yield "truncated", good[:-40], "MalformedFile", "the file is no JSON: "
    yield "two-objects", good + good, "MalformedFile", "the file is no JSON: Extra data"
    yield "list", b"[]", "MalformedFile", "the file holds no JSON object"
    yield "string", b'"counterfoil/receipt@1"', "MalformedFile", "the file holds no JSON object"
    yield (
        "unterminated",
        b'{"format": "' + b'\\"' * 1000,
        "MalformedFile",
        ("the file is no JSON: Unterminated string"),
    )
    yield (
        "deep",
        b'{"a":' * 33 + b"1" + b"}" * 33,
        "MalformedFile",
        ("the file nests deeper than 32"),
    )
    yield (
        "nan",
        text.replace('"chainId": 31337', '"x": NaN, "chainId": 31337').encode(),
        ("MalformedFile"),
        "NaN is no JSON number",
    )
    yield (
        "infinity",
        text.replace('"chainId": 31337', '"chainId": -Infinity').encode(),
        ("MalformedFile"),
        "-Infinity is no JSON number",
    )
    yield (
        "overflow",
        text.replace('"chainId": 31337', '"x": 1e999, "chainId": 1').encode(),
        ("MalformedFile"),
        "the number '1e999' is past what JSON readers hold",
    )
    yield "digits", b'{"x": ' + b"9" * 101 + b"}", "MalformedFile", ("a number has over 100 digits")
    yield (
        "duplicate-key",
        text.replace('"chainId": 31337', '"chainId": 1, "chainId": 31337').encode(),
        ("MalformedFile"),
        "the key 'chainId' stands twice in one object",
    )
    yield (
        "duplicate-key-inside",
        text.replace('"issuedAt"', '"sequence": 0, "issuedAt"').encode(),
        "MalformedFile",
        "the key 'sequence' stands twice in one object",
    )
    yield (
        "duplicate-key-escaped",
        text.replace('"chainId": 31337', '"chain\\u0049d": 1, "chainId": 31337').encode(),
        "MalformedFile",
        "the key 'chainId' stands twice in one object",
    )
    yield (
        "surrogate",
        text.replace('"chainId"', '"x": "\\ud800", "chainId"').encode(),
        ("MalformedFile"),
        "the file holds half of a surrogate pair",
    )


def receipts(full: bytes, chunks: bytes) -> Iterator[Bad]:
    """Receipt files that break one rule of docs/format.md §9."""

    def of(name: str, change: Change, message: str, base: bytes = full) -> Bad:
        return name, changed(base, change), "MalformedFile", message

    def raw(name: str, old: str, new: str, message: str) -> Bad:
        assert full.decode().count(old) == 1, old
        return name, full.decode().replace(old, new).encode(), "MalformedFile", message

    yield of("format-other", put("format", "counterfoil/receipt@2"), "the file's format is")
    yield of("format-missing", drop("format"), "file.format is missing")
    yield of("format-long", put("format", "x" * 1000), "the file's format is")
    yield of("signature-missing", drop("signature"), "file.signature is missing")
    yield of("signature-null", put("signature", None), "file.signature is no 0x-hex")
    yield of(
        "signature-64", put("signature", "0x" + "11" * 64), "file.signature has 64 bytes, not 65"
    )
    yield of("receipt-list", put("receipt", []), "receipt is no object")
    for field in (
        "signer",
        "sequence",
        "model",
        "runtime",
        "request",
        "inputs",
        "outputs",
        "issuedAt",
        "settleBy",
    ):
        yield of(
            f"receipt-without-{field}", drop(f"receipt.{field}"), f"receipt.{field} is missing"
        )
    yield of(
        "number-past-2-53",
        put("receipt.sequence", 2**53),
        "receipt.sequence is past 2^53−1: write it as a decimal string",
    )
    yield of(
        "number-past-64-bits",
        put("receipt.sequence", str(2**64)),
        "receipt.sequence is outside 0 … 2^64−1",
    )
    yield of(
        "number-negative", put("receipt.sequence", -1), "receipt.sequence is outside 0 … 2^64−1"
    )
    yield raw(
        "number-negative-zero",
        '"sequence": 0',
        '"sequence": -0',
        "receipt.sequence is no whole number",
    )
    yield raw(
        "number-fraction", '"sequence": 0', '"sequence": 0.0', "receipt.sequence is no whole number"
    )
    yield raw(
        "number-exponent", '"sequence": 0', '"sequence": 1e3', "receipt.sequence is no whole number"
    )
    yield raw("number-leading-zero", '"sequence": 0', '"sequence": 00', "the file is no JSON")
    yield raw("number-plus", '"sequence": 0', '"sequence": +0', "the file is no JSON")
    for name, value in {
        "bool": True,
        "null": None,
        "list": [0],
        "decimal-leading-zero": "01",
        "decimal-sign": "-1",
        "decimal-plus": "+1",
        "decimal-space": " 1",
        "decimal-newline": "1\n",
        "decimal-empty": "",
        "decimal-fraction": "1.0",
        "decimal-hex": "0x1",
        "decimal-underscore": "1_0",
        "decimal-arabic": "\u0661",
    }.items():
        yield of(
            f"number-{name}", put("receipt.sequence", value), "receipt.sequence is no whole number"
        )
    yield of("number-79-digits", put("chainId", "1" + "0" * 78), "file.chainId is no whole number")
    yield of(
        "chain-id-past-256-bits", put("chainId", str(2**256)), "file.chainId is outside 0 … 2^256−1"
    )
    for name, value in {
        "odd": "0x" + "1" * 63,
        "upper-x": "0X" + "11" * 32,
        "no-prefix": "11" * 32,
        "space": "0x 1" + "11" * 31,
        "space-outside": "0x" + "11" * 32 + " ",
        "letter": "0x" + "gg" * 32,
        "number": 17,
        "wide-digits": "0x" + "\uff11" * 64,
    }.items():
        yield of(
            f"hex-{name}", put("receipt.model", value), "receipt.model is no 0x-hex of whole bytes"
        )
    yield of(
        "hex-short", put("receipt.model", "0x" + "11" * 31), "receipt.model has 31 bytes, not 32"
    )
    yield of("hex-empty", put("receipt.model", "0x"), "receipt.model has 0 bytes, not 32")
    yield of(
        "address-checksum",
        lambda f: put("ledger", f["ledger"][:2] + f["ledger"][2:].swapcase())(f),
        "file.ledger has a wrong EIP-55 checksum",
    )
    yield of("address-short", put("ledger", "0x" + "11" * 19), "file.ledger has 19 bytes, not 20")
    yield of(
        "path-33",
        put("inclusion.path", ["0x" + "11" * 32] * 33),
        "inclusion.path has over 32 items",
    )
    yield of(
        "path-node-31",
        put("inclusion.path", ["0x" + "11" * 31]),
        "inclusion.path has 31 bytes, not 32",
    )
    yield of("path-object", put("inclusion.path", {}), "inclusion.path is no list")
    yield of("inclusion-size-0", put("inclusion.size", 0), "inclusion.size is outside 1 … 2^32")
    yield of(
        "inclusion-size-large",
        put("inclusion.size", 2**32 + 1),
        "inclusion.size is outside 1 … 2^32",
    )
    yield of(
        "inclusion-overflow",
        put("inclusion.first", str(2**64 - 1)),
        "inclusion.first and size reach past 2^64−1",
    )
    yield of("inclusion-string", put("inclusion", "yes"), "inclusion is no object")
    tensor = "opening.inputs.tensors"
    yield of("master-without-tensors", drop(tensor), "opening.inputs.tensors is missing")
    yield of(
        "tensors-without-master",
        drop("opening.inputs.master"),
        "opening.inputs.tensors[0].data shows a whole tensor, but the set's master is missing",
    )
    yield of("tensor-string", put(tensor, ["x"]), "opening.inputs.tensors[0] is no object")
    yield of("tensor-dtype-0", put(f"{tensor}.0.dtype", 0), "no element type has the number 0")
    yield of(
        "tensor-dtype-256",
        put(f"{tensor}.0.dtype", 256),
        "opening.inputs.tensors[0].dtype is outside 0 … 2^8−1",
    )
    yield of(
        "tensor-shape",
        put(f"{tensor}.0.shape", [3, 3]),
        "float32 of its shape has 36 bytes, not 24",
    )
    yield of(
        "tensor-shape-large", put(f"{tensor}.0.shape", [str(2**63), 4]), "its shape is too large"
    )
    yield of(
        "tensor-rank-65",
        put(f"{tensor}.0.shape", [1] * 65),
        "opening.inputs.tensors[0].shape has over 64 items",
    )
    yield of(
        "tensor-both-forms",
        put(f"{tensor}.0.opened", []),
        "opening.inputs.tensors[0].opened goes with single chunks, without the set's master",
    )
    yield of(
        "base64-url", put(f"{tensor}.0.data", "__-_"), "opening.inputs.tensors[0].data is no base64"
    )
    yield of(
        "base64-space",
        put(f"{tensor}.0.data", "AAAA AAAA"),
        "opening.inputs.tensors[0].data is no base64",
    )
    yield of(
        "base64-unpadded",
        put(f"{tensor}.0.data", "AAA"),
        "opening.inputs.tensors[0].data is no base64",
    )
    yield of(
        "base64-bits-past-end",
        put(f"{tensor}.0.data", "AAB="),
        "opening.inputs.tensors[0].data is no base64: bits are set past its end",
    )
    yield of(
        "base64-number", put(f"{tensor}.0.data", 1), "opening.inputs.tensors[0].data is no string"
    )
    cut = base64.b64encode(b"\x05\0\0\0abc").decode()
    yield of("strings-cut", put(f"{tensor}.1.data", cut), "its last string is cut off")
    few = base64.b64encode(b"\x01\0\0\0a").decode()
    yield of(
        "strings-few",
        put(f"{tensor}.1.data", few),
        "its bytes hold 1 strings, its shape another number",
    )
    other = base64.b64encode(b"\x01\0\0\0\xff\0\0\0\0").decode()
    yield of("strings-no-utf8", put(f"{tensor}.1.data", other), "a string is no UTF-8")
    both = {"root": "0x" + "11" * 32, "rows": 1, "traceRows": 1, "version": 1}
    yield of(
        "runtime-and-program",
        put("preimage.program", both),
        "preimage has both a runtime and a program",
    )
    yield of(
        "program-version",
        lambda f: (
            drop("preimage.runtime")(f),
            put("preimage.program", both | {"version": 2**32})(f),
        ),
        "preimage.program.version is outside 0 … 2^32−1",
    )
    yield of(
        "model-files-order",
        lambda f: f["preimage"]["model"]["files"].reverse(),
        "preimage.model.files are not in byte order of their paths, each once",
    )
    yield of(
        "model-files-twice",
        lambda f: f["preimage"]["model"]["files"].append(f["preimage"]["model"]["files"][-1]),
        "preimage.model.files are not in byte order of their paths, each once",
    )
    yield of(
        "model-files-none", put("preimage.model.files", []), "preimage.model.files lack model.onnx"
    )
    part = "opening.outputs.tensors.0"
    yield of(
        "chunk-byte-length",
        put(f"{part}.byteLength", 1),
        "opening.outputs.tensors[0].byteLength is no such tensor's",
        chunks,
    )
    yield of(
        "chunk-byte-length-large",
        put(f"{part}.byteLength", str(2**64)),
        "opening.outputs.tensors[0].byteLength is outside 0 … 2^64−1",
        chunks,
    )
    yield of(
        "chunk-path-33",
        put(f"{part}.opened.0.path", ["0x" + "11" * 32] * 33),
        "opening.outputs.tensors[0].opened[0].path has over 32 items",
        chunks,
    )
    yield of(
        "chunk-without-salt",
        drop(f"{part}.opened.0.salt"),
        "opening.outputs.tensors[0].opened[0].salt is missing",
        chunks,
    )
    yield of(
        "chunk-with-master",
        put("opening.outputs.master", "0x" + "00" * 32),
        "opening.outputs.tensors[0].byteLength goes with single chunks",
        chunks,
    )


def batches(good: bytes) -> Iterator[Bad]:
    """Batch files that break one rule of docs/format.md §10."""

    def of(name: str, change: Change, message: str) -> Bad:
        return name, changed(good, change), "MalformedFile", message

    yield of("batch-format", put("format", "counterfoil/receipt@1"), "the file's format is")
    yield of("batch-size-0", put("batch.size", 0), "batch.size is outside 1 … 2^32")
    yield of(
        "batch-size-other",
        lambda f: put("batch.size", f["batch"]["size"] + 1)(f),
        "file.digests has 96 bytes, not 128",
    )
    yield of(
        "batch-overflow",
        put("batch.first", str(2**64 - 3)),
        "batch.first and size reach past 2^64−1",
    )
    yield of("batch-uri-257", put("batch.uri", "x" * 257), "batch.uri is over 256 bytes")
    yield of("batch-uri-129-wide", put("batch.uri", "é" * 129), "batch.uri is over 256 bytes")
    yield of(
        "batch-signature-64",
        put("signature", "0x" + "11" * 64),
        "file.signature has 64 bytes, not 65",
    )
    yield of(
        "batch-root", put("batch.root", "0x" + "11" * 32), "file.digests do not give batch.root"
    )
    yield of(
        "batch-digests-odd",
        lambda f: put("digests", f["digests"][:-1])(f),
        "file.digests is no 0x-hex of whole bytes",
    )
    yield of("batch-list", put("batch", []), "batch is no object")
