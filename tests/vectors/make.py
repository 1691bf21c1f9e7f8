"""Write the test vectors: `python tests/vectors/make.py [FOLDER]`, by default beside this file."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import bad_files
import coincurve
import ml_dtypes
import numpy as np
import program_cases
from counterfoil.formats.batch import Batch, LogOpening, batch_tree, batch_word
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.disclosure import chunk_only
from counterfoil.formats.fields import hex_out, number_out
from counterfoil.formats.model import Model
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt import Inclusion, Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.runtime import Program, Runtime, canonical
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, chunk_count, chunk_tree, commit, commit_tensor, salt
from counterfoil.hashing.eip712 import domain_separator, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.merkle import Tree, leaf
from counterfoil.hashing.signature import ORDER, public_address, sign
from counterfoil.hashing.types import ZERO, Address

KEY = coincurve.PrivateKey(keccak(b"counterfoil test vectors: signer"))
SIGNER = public_address(KEY.public_key.format(compressed=False))
OPERATOR = public_address(
    coincurve.PrivateKey(keccak(b"counterfoil test vectors: operator")).public_key.format(
        compressed=False
    )
)
LEDGER = Address("0x5FbDB2315678afecb367f032d93F642f64180aa3")
OTHER_LEDGER = Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512")
MASTER = keccak(b"counterfoil test vectors: master")
NOW = 1_700_000_000


def rows(*digests: bytes) -> Any:
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, 32)


def trees() -> list[Any]:
    out = []
    for size in (*range(1, 18), 100, 1025):
        tree = Tree(rows(*(leaf(word(i)) for i in range(size))))
        places = range(size) if size < 18 else sorted({0, 1, size // 2, size - 2, size - 1})
        out.append(
            {
                "size": size,
                "root": hex_out(tree.root),
                "paths": [{"index": i, "path": [hex_out(n) for n in tree.path(i)]} for i in places],
            }
        )
    return out


def some_tensors() -> list[Tensor]:
    odd_floats = np.array([0x7FC00001, 0xFFC12345, 0x7F800001, 0x80000000], dtype="<u4")
    text = np.empty((2, 2), dtype=object)
    text[:] = [["", "plain"], ["naïve 漢字", "nul\0inside"]]
    raw = np.arange(256, dtype=np.uint8)
    arrays: dict[str, Any] = {
        "nothing": np.zeros((0,), dtype=np.float32),
        "nothing of strings": np.zeros((3, 0), dtype=object),
        "one": np.asarray(1.5, dtype=np.float32),
        "NaN payloads and minus zero": odd_floats.view("<f4"),
        "transposed": np.arange(6, dtype=np.int64).reshape(2, 3).T,
        "": np.asarray(True),
        "名前": text,
        "bool": np.array([True, False]),
        "float16": raw[:8].view("<f2"),
        "float64": raw[:16].view("<f8"),
        "int8": raw[:3].view(np.int8),
        "int16": raw[:4].view("<i2"),
        "int32": raw[:8].view("<i4"),
        "uint16": raw[:4].view("<u2"),
        "uint32": raw[:8].view("<u4"),
        "uint64": raw[:8].view("<u8"),
        "complex64": raw[:16].view("<c8"),
        "complex128": raw[:16].view("<c16"),
    }
    for name in ("bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2",
                 "float8_e5m2fnuz", "float8_e8m0fnu"):  # fmt: skip
        arrays[name] = raw[:12].view(getattr(ml_dtypes, name))
    for name in ("uint4", "int4", "float4_e2m1fn", "uint2", "int2"):
        kind = getattr(ml_dtypes, name)
        arrays[name] = np.array([0, 1, 0, 1, 1], dtype=np.int32).astype(kind)
    arrays["int4 all"] = np.arange(-8, 8).astype(ml_dtypes.int4)
    arrays["int2 all"] = np.arange(-2, 2).astype(ml_dtypes.int2)
    for size in (255, 256, 257, 512, 513, 1280):
        arrays[f"{size} bytes"] = np.resize(raw, size)
    return [Tensor.of(name, array) for name, array in arrays.items()]


def shown(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "data": hex_out(tensor.data),
    }


def tensors() -> list[Any]:
    out = []
    for place, tensor in enumerate(some_tensors()):
        master, position = (ZERO, 0) if place % 3 == 0 else (MASTER, place)
        commitment = commit_tensor(tensor, master, position)
        count = chunk_count(len(tensor.data))
        tree = chunk_tree(tensor.data, master, position)
        out.append(
            {
                **shown(tensor),
                "master": hex_out(master),
                "position": position,
                "byteLength": len(tensor.data),
                "salts": [hex_out(salt(master, position, i)) for i in range(min(count, 2))],
                "chunks": hex_out(commitment.chunks),
                "digest": hex_out(commitment.digest),
                "opened": [
                    {
                        "index": i,
                        "data": hex_out(tensor.data[256 * i : 256 * i + 256]),
                        "path": [hex_out(n) for n in tree.path(i)],
                    }
                    for i in sorted({0, count - 1})
                ],
            }
        )
    return out


def sets() -> list[Any]:
    every = some_tensors()
    out = []
    for chosen in ([], every[:1], every[3:8], every):
        done = commit(chosen, MASTER)
        out.append(
            {
                "master": hex_out(MASTER),
                "tensors": [shown(t) for t in chosen],
                "count": len(chosen),
                "root": hex_out(done.root),
                "digest": hex_out(done.digest),
            }
        )
    return out


MODELS: list[dict[str, bytes]] = [
    {"model.onnx": b""},
    {"model.onnx": b"graph"},
    {"model.onnx": b"graph", "weights/b.bin": b"\0" * 300, "a.bin": b"a", "é.bin": b"e", "Z": b"z"},
]


def models() -> list[Any]:
    out = []
    for contents in MODELS:
        model = Model.of(contents)
        out.append(
            {
                "contents": {path: hex_out(raw) for path, raw in contents.items()},
                "files": [
                    {"path": f.path, "size": f.size, "sha256": hex_out(f.sha256)}
                    for f in model.files
                ],
                "digest": hex_out(model.digest),
            }
        )
    return out


OPTIONS: list[dict[str, Any]] = [
    {},
    {"threads": 1, "deterministic": True, "config": {"b": None, "a": [1, 2.5, -0.0]}},
    {"€": 1, "\r": 2, "דּ": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7},
    {"numbers": [1e21, 1e-7, 4.5, 0.002, 1e30, 333333333.3333333, 9007199254740991]},
]  # fmt: skip

RUNTIME = Runtime(
    engine="onnxruntime",
    version="1.31.1",
    providers="CPUExecutionProvider",
    machine="x86-64-v4+vnni",
    options=canonical(OPTIONS[1]),
)
PROGRAM = Program(root=keccak(b"program"), rows=2**40, trace_rows=2**63, version=2**32 - 1)


def runtimes() -> dict[str, Any]:
    return {
        "runtimes": [
            {"runtime": Preimage(runtime=r).dump()["runtime"], "digest": hex_out(r.digest)}
            for r in (RUNTIME, replace(RUNTIME, machine="", providers="", options="{}"))
        ],
        "programs": [
            {"program": Preimage(runtime=p).dump()["program"], "digest": hex_out(p.digest)}
            for p in (PROGRAM, Program(root=ZERO, rows=1, trace_rows=1, version=1))
        ],
        "canonical": [{"options": o, "text": canonical(o)} for o in OPTIONS],
    }


def receipt(sequence: int, **changes: Any) -> Receipt:
    return replace(
        Receipt(
            signer=SIGNER,
            sequence=sequence,
            model=Model.of(MODELS[2]).digest,
            runtime=RUNTIME.digest,
            request=ZERO,
            inputs=commit(INPUTS, MASTER).digest,
            outputs=commit(OUTPUTS, keccak(MASTER)).digest,
            issued_at=NOW,
            settle_by=0,
        ),
        **changes,
    )


INPUTS = [
    Tensor.of("x", np.arange(6, dtype=np.float32).reshape(2, 3)),
    Tensor.of("names", np.array(["a", ""], dtype=object)),
]
OUTPUTS = [Tensor.of("y", np.arange(400, dtype=np.int32)), Tensor.of("z", np.asarray(0.5))]


def signed_parts(chain_id: int, ledger: Address, digest: bytes) -> dict[str, Any]:
    return {
        "chainId": number_out(chain_id),
        "ledger": ledger,
        "key": hex_out(KEY.secret),
        "domain": hex_out(domain_separator(chain_id, ledger)),
        "digest": hex_out(digest),
        "signature": hex_out(sign(digest, KEY)),
    }


PLACES = ((31337, LEDGER), (1, OTHER_LEDGER), (2**256 - 1, LEDGER))
RECEIPTS = (
    receipt(0),
    receipt(2**53, request=keccak(b"order"), issued_at=NOW, settle_by=NOW + 3600),
    receipt(2**64 - 2, issued_at=2**64 - 1, settle_by=2**64 - 1),
)


def file_of(
    r: Receipt, chain_id: int = 31337, ledger: Address = LEDGER, **more: Any
) -> ReceiptFile:
    signature = sign(r.digest(chain_id, ledger), KEY)
    return ReceiptFile(chain_id=chain_id, ledger=ledger, receipt=r, signature=signature, **more)


def receipts() -> list[Any]:
    return [
        {
            **signed_parts(chain_id, ledger, r.digest(chain_id, ledger)),
            "receipt": json.loads(file_of(r).dump())["receipt"],
            "structHash": hex_out(r.struct_hash),
            "leaf": hex_out(r.leaf(chain_id, ledger)),
        }
        for r, (chain_id, ledger) in zip(RECEIPTS, PLACES, strict=True)
    ]


def batch_file(size: int, first: int = 0, uri: str = "") -> BatchFile:
    digests = b"".join(receipt(first + i).digest(31337, LEDGER) for i in range(size))
    batch = Batch(signer=SIGNER, first=first, size=size, root=batch_tree(digests).root, uri=uri)
    signature = sign(batch.digest(31337, LEDGER), KEY)
    return BatchFile(
        chain_id=31337, ledger=LEDGER, batch=batch, signature=signature, digests=digests
    )


def batches() -> list[Any]:
    out = []
    for file in (batch_file(1), batch_file(3, uri="ipfs://bafy"), batch_file(7, first=2**53 + 1)):
        out.append(
            {
                **signed_parts(31337, LEDGER, file.batch.digest(31337, LEDGER)),
                "batch": json.loads(file.dump())["batch"],
                "digests": hex_out(file.digests),
                "postedAt": NOW,
                "word": hex_out(batch_word(file.batch.root, file.batch.size, NOW)),
            }
        )
    return out


def log_openings() -> list[Any]:
    opening = LogOpening(operator=OPERATOR, signer=SIGNER, closes_at=NOW + 10**7, max_delay=3600)
    return [
        {
            **signed_parts(31337, LEDGER, opening.digest(31337, LEDGER)),
            "opening": {
                "operator": OPERATOR,
                "signer": SIGNER,
                "closesAt": opening.closes_at,
                "maxDelay": opening.max_delay,
            },
        }
    ]


def signatures() -> list[Any]:
    digest = keccak(b"digest")
    good = sign(digest, KEY)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    flip = bytes([55 - v])
    cases: dict[str, tuple[bytes, str | None]] = {
        "good": (good, SIGNER),
        "upper half": (r + word(ORDER - s) + flip, None),
        "v 0": (good[:64] + bytes([v - 27]), None),
        "v 29": (good[:64] + b"\x1d", None),
        "64 bytes, EIP-2098": (r + word(s | (v - 27) << 255), None),
        "66 bytes": (good + b"\0", None),
        "empty": (b"", None),
        "r zero": (word(0) + good[32:], None),
        "s zero": (r + word(0) + bytes([v]), None),
        "r the order": (word(ORDER) + good[32:], None),
        "r no point": (word(5) + good[32:], None),
        "all zero": (bytes(64) + b"\x1b", None),
    }
    return [
        {"name": name, "digest": hex_out(digest), "signature": hex_out(raw), "address": address}
        for name, (raw, address) in cases.items()
    ]


def files() -> dict[str, bytes]:
    """Whole files, and what readers make of them in `files.json`."""
    batch = batch_file(3)
    plain = file_of(receipt(0))
    full = replace(
        plain,
        inclusion=Inclusion(
            first=0, size=3, posted_at=NOW + 60, path=tuple(batch.tree.path(0)),
            transaction=keccak(b"transaction"),
        ),
        opening=Opening(
            inputs=SetOpening(master=MASTER, tensors=tuple(INPUTS)),
            outputs=SetOpening(master=keccak(MASTER), tensors=tuple(OUTPUTS)),
        ),
        preimage=Preimage(model=Model.of(MODELS[2]), runtime=RUNTIME),
    )  # fmt: skip
    chunks = chunk_only(full, "outputs", 0, [6, 1])
    program = file_of(
        receipt(1, runtime=PROGRAM.digest), chain_id=2**256 - 1, preimage=Preimage(runtime=PROGRAM)
    )
    unknown = {"note": "kept", "number": 2**60, "inclusion2": [{"a": None}]}
    nested = {("receipt",): {"more": 1}, ("opening", "inputs", "tensors", 1): {"unit": "ms"}}
    good: dict[str, ReceiptFile | BatchFile] = {
        "plain": plain,
        "full": full,
        "chunks": chunks,
        "program": program,
        "unknown": replace(full, extra=unknown, nested=nested),
        "large-numbers": file_of(RECEIPTS[2]),
        "empty-sets": file_of(
            receipt(2, inputs=commit([], MASTER).digest),
            opening=Opening(inputs=SetOpening(master=MASTER)),
        ),
        "batch": batch,
        "batch-of-one": batch_file(1, first=2**53 + 1, uri="é" * 128),
        "batch-after-revoke": replace(batch, signature=b""),
    }
    out: dict[str, bytes] = {}
    index: list[dict[str, Any]] = []
    for name, file in good.items():
        receipt_kind = isinstance(file, ReceiptFile)
        digest = (
            file.digest
            if isinstance(file, ReceiptFile)
            else file.batch.digest(file.chain_id, file.ledger)
        )
        out[f"files/good-{name}.json"] = file.dump()
        index.append(
            {
                "file": f"good-{name}.json",
                "kind": "receipt" if receipt_kind else "batch",
                "digest": hex_out(digest),
            }
        )
    bad = [
        *(("receipt", b) for b in bad_files.unparsable(plain.dump())),
        *(("receipt", b) for b in bad_files.receipts(full.dump(), chunks.dump())),
        *(("batch", b) for b in bad_files.batches(batch.dump())),
    ]
    for kind, (name, raw, error, message) in bad:
        assert f"files/bad-{name}.json" not in out, name
        out[f"files/bad-{name}.json"] = raw
        index.append({"file": f"bad-{name}.json", "kind": kind, "error": error, "message": message})
    return {"files.json": dump(index), **out}


def dump(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def build() -> dict[str, bytes]:
    """All vectors by file name."""
    parts = (trees, tensors, sets, models, runtimes, receipts, batches, log_openings, signatures,
             program_cases.programs)  # fmt: skip
    return {**{f"{part.__name__}.json": dump(part()) for part in parts}, **files()}


def main(folder: Path) -> None:
    """Write the vectors, and remove those that are no longer made."""
    made = build()
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.json"), *folder.glob("files/*.json")]:
        if str(old.relative_to(folder)) not in made:
            old.unlink()
    for name, raw in made.items():
        (folder / name).write_bytes(raw)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
