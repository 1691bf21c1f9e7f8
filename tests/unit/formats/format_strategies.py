"""Random files, as Hypothesis makes them."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from counterfoil.formats.batch import Batch, batch_tree
from counterfoil.formats.batch_file import BatchFile
from counterfoil.formats.dtypes import PACKED, STRING, WIDTHS
from counterfoil.formats.model import Model
from counterfoil.formats.preimage import Preimage
from counterfoil.formats.receipt import Inclusion
from counterfoil.formats.receipt_file import FORMAT, Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor, chunk_count
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "hashing"))
from typed_structs import STRUCTS, addresses, bytes32, chain_ids, receipts, text, u64, unsigned

signatures = st.binary(min_size=65, max_size=65)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    dtype = draw(st.sampled_from([*WIDTHS, *PACKED, STRING]))
    shape = tuple(draw(st.lists(st.integers(0, 12), max_size=3)))
    count = math.prod(shape)
    if dtype == STRING:
        words = [w.encode() for w in draw(st.lists(text, min_size=count, max_size=count))]
        data = b"".join(len(w).to_bytes(4, "little") + w for w in words)
    else:
        bits = PACKED.get(dtype) or 8 * WIDTHS[dtype]
        data = draw(st.randoms()).randbytes(-(-count * bits // 8))
    return Tensor(name=draw(text), dtype=dtype, shape=shape, data=data)


whole_sets = st.builds(
    SetOpening, master=bytes32, tensors=st.lists(tensors(), max_size=3).map(tuple)
)


@st.composite
def partial_sets(draw: st.DrawFn) -> SetOpening:
    whole = draw(whole_sets)
    return whole.only(
        {
            position: draw(st.sets(st.integers(0, chunk_count(len(t.data)) - 1), max_size=3))
            for position, t in enumerate(whole.tensors)
        }
    )


sets = st.none() | whole_sets | partial_sets()
models = st.dictionaries(text, st.binary(max_size=9), max_size=3).map(
    lambda contents: Model.of({"model.onnx": b"", **contents})
)
preimages = st.builds(
    Preimage,
    model=st.none() | models,
    runtime=st.none() | STRUCTS["Runtime"] | STRUCTS["Program"],
)


@st.composite
def inclusions(draw: st.DrawFn) -> Inclusion:
    size = draw(st.integers(1, 2**32))
    return Inclusion(
        first=draw(st.integers(0, 2**64 - 1 - size)),
        size=size,
        posted_at=draw(u64),
        path=tuple(draw(st.lists(bytes32, max_size=32))),
        transaction=draw(st.none() | bytes32),
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=5,
)  # fmt: skip

KNOWN = {"format", "chainId", "ledger", "receipt", "signature", "inclusion", "opening",
         "preimage", "batch", "digests"}  # fmt: skip
unknown = st.dictionaries(text.filter(lambda name: name not in KNOWN), json_values, max_size=3)

receipt_files = st.builds(
    ReceiptFile,
    chain_id=chain_ids,
    ledger=addresses,
    receipt=receipts,
    signature=signatures,
    inclusion=st.none() | inclusions(),
    opening=st.none() | st.builds(Opening, inputs=sets, outputs=sets),
    preimage=st.none() | preimages,
    extra=unknown,
    nested=st.just({}),
)


@st.composite
def batch_files(draw: st.DrawFn) -> BatchFile:
    digests = b"".join(draw(st.lists(bytes32, min_size=1, max_size=9)))
    size = len(digests) // 32
    return BatchFile(
        chain_id=draw(chain_ids),
        ledger=draw(addresses),
        batch=Batch(
            signer=draw(addresses),
            first=draw(unsigned(63)),
            size=size,
            root=batch_tree(digests).root,
            uri=draw(text),
        ),
        signature=draw(signatures | st.just(b"")),
        digests=digests,
        extra=draw(unknown),
    )


def objects_of(file: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects in a receipt file whose fields the format names."""
    assert file["format"] == FORMAT
    out: list[dict[str, Any]] = [file["receipt"]]
    for name in ("inclusion", "opening", "preimage"):
        if name in file:
            out.append(file[name])
    for side in file.get("opening", {}).values():
        out.append(side)
        for tensor in side["tensors"]:
            out += [tensor, *tensor.get("opened", [])]
    for name, value in file.get("preimage", {}).items():
        out += [value, *(value["files"] if name == "model" else [])]
    return out
