"""Every optimisation that landed: what, before, after.

Both are measured here, in one run: what was there before is kept as the specification, as the
way without llvmlite, or is another library's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import make_dataclass
from typing import Any

import coincurve
import numpy as np
from counterfoil.formats import chunks
from counterfoil.formats.tensor import Tensor, _front, commit, commitment, set_digest
from counterfoil.hashing import lanes, lanes_build, lanes_threads, merkle
from counterfoil.hashing.keccak import _plain_rows, keccak
from counterfoil.journal import Draft, Journal
from counterfoil.keys import SigningKey

from .home import drafts, home
from .rows import Row
from .timing import side_by_side

MASTER = bytes(range(32))


def rows(quick: bool) -> Iterator[Row]:
    """Hashing, then signing and sealing."""
    seconds = 0.6 if quick else 3.0
    if lanes.available():
        yield from _hashing(seconds)
    yield from _structs(seconds)
    yield from _sealing(seconds)


def _row(what: str, before: str, scale: float, unit: str, times: list[float]) -> Row:
    return Row(what=what, ours=times[0] * scale, unit=unit, peer=before, peers=times[1] * scale)


def _hashing(seconds: float) -> Iterator[Row]:
    made = lanes.kernels()
    assert made is not None
    leaves = np.random.default_rng(1).integers(0, 256, (65_536, 32), dtype=np.uint8)
    padded = np.concatenate([np.ones((65_536, 1), np.uint8), leaves, leaves], axis=1)
    out = np.empty_like(leaves)
    two = np.concatenate([leaves, leaves], axis=1)
    source, target = two.__array_interface__["data"][0], out.__array_interface__["data"][0]
    yield _row("65,536 nodes hashed", "one after the other", 1e3, "ms", side_by_side(
        lambda: made.nodes(source, target, len(two)), lambda: _plain_rows(padded),
        seconds=seconds))  # fmt: skip

    def alone(work: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            threads, lanes_threads.THREADS = lanes_threads.THREADS, 1
            try:
                work()
            finally:
                lanes_threads.THREADS = threads

        return run

    many = np.concatenate([leaves] * 4)
    yield _row("root of 262,144 leaves: parts shared between cores", "one core", 1e3, "ms",
               side_by_side(lambda: merkle.root(many), alone(lambda: merkle.root(many)),
                            seconds=seconds))  # fmt: skip
    tree = merkle.Tree(leaves)
    yield _row("path of one of 65,536: layers kept", "the tree made anew", 1e6, "µs",
               side_by_side(lambda: tree.path(77), lambda: merkle.Tree(leaves).path(77),
                            seconds=seconds))  # fmt: skip
    front, head = bytes(160 + 64), bytes(40)
    full = lanes_build.build(narrow=made.width)
    for size in (16, 5_000):
        data = bytes(size)
        assert lanes.only_set(data, head, front, made) == lanes.only_set(data, head, front, full)
        yield _row(f"a set of {size:,} bytes: half a register for what fills no more",
                   "whole registers", 1e6, "µs", side_by_side(
                       lambda data=data: lanes.only_set(data, head, front, made),
                       lambda data=data: lanes.only_set(data, head, front, full),
                       seconds=seconds))  # fmt: skip
    for size in (8_192, 1_000_000):
        data = bytes(size)
        yield _row(f"{size:,} bytes: salts, leaves and tree in registers", "hash after hash", 1e6,
                   "µs", side_by_side(lambda data=data: chunks.chunk_root(data, MASTER, 0),
                                      lambda data=data: merkle.root_of(
                                          chunks.chunk_leaves(data, MASTER, 0)),
                                      seconds=seconds))  # fmt: skip


def _structs(seconds: float) -> Iterator[Row]:
    small = [Tensor.of("x", np.zeros((1, 64), np.float32))]
    yield _row("a small tensor's set: fronts of structs remembered",
               "objects that chunks can be opened with", 1e6, "µs",
               side_by_side(lambda: commitment(small, MASTER),
                            lambda: commit(small, MASTER).digest, seconds=seconds))  # fmt: skip
    lanes_made = lanes.kernels()
    if lanes_made is not None:
        head, front = MASTER + bytes(8), _front("x", 1, (1, 64), 256)

        def apart() -> Any:
            return set_digest(1, lanes.tensor_leaf(small[0].data, head, front, lanes_made))

        assert apart() == commitment(small, MASTER)
        yield _row("a small tensor's set: one call", "its leaf in one call, then the set", 1e6,
                   "µs", side_by_side(lambda: commitment(small, MASTER), apart,
                                      seconds=seconds))  # fmt: skip
    given = {name: getattr(drafts(1)[0], name) for name in Draft.__slots__}
    twin = make_dataclass("twin", [(name, Any) for name in given], frozen=True, slots=True,
                          kw_only=True)  # fmt: skip
    yield _row("a draft's twelve fields: filled at once", "one after the other, frozen", 1e6, "µs",
               side_by_side(lambda: Draft(**given), lambda: twin(**given),
                            seconds=seconds))  # fmt: skip
    receipt, message = typed_receipt()
    yield _row("a receipt's digest by hand", "eth-account's typed-data encoder", 1e6, "µs",
               side_by_side(lambda: receipt.digest(1, receipt.signer),
                            lambda: _generic(message),
                            seconds=seconds))  # fmt: skip
    yield from _signing(seconds)


def typed_receipt() -> tuple[Any, dict[str, Any]]:
    """A receipt, and the same as typed data for a generic encoder, on chain 1."""
    from counterfoil.formats.receipt import RECEIPT_TYPE, Receipt

    draft = drafts(1)[0]
    signer = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
    receipt = Receipt(
        signer=signer, sequence=1, model=draft.model, runtime=draft.runtime,  # type: ignore[arg-type]
        request=draft.request, inputs=draft.inputs, outputs=draft.outputs,
        issued_at=1_790_000_000, settle_by=1_790_003_600,  # type: ignore[arg-type]
    )  # fmt: skip
    names = ["signer", "sequence", "model", "runtime", "request", "inputs", "outputs", "issuedAt",
             "settleBy"]  # fmt: skip
    kinds = ["address", "uint64", *["bytes32"] * 5, "uint64", "uint64"]
    told = ",".join(f"{kind} {name}" for kind, name in zip(kinds, names, strict=True))
    assert keccak(f"Receipt({told})".encode()) == RECEIPT_TYPE
    domain = [("name", "string"), ("version", "string"), ("chainId", "uint256"),
              ("verifyingContract", "address")]  # fmt: skip
    message = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in domain],
            "Receipt": [
                {"name": name, "type": kind} for name, kind in zip(names, kinds, strict=True)
            ],
        },
        "primaryType": "Receipt",
        "domain": {"name": "Counterfoil", "version": "1", "chainId": 1,
                   "verifyingContract": signer},
        "message": dict(zip(names, receipt.abi(), strict=True)),
    }  # fmt: skip
    assert _generic(message) == receipt.digest(1, receipt.signer)
    return receipt, message


def _generic(message: dict[str, Any]) -> bytes:
    from eth_account.messages import encode_typed_data

    signable = encode_typed_data(full_message=message)
    return keccak(b"\x19\x01" + bytes(signable.header) + bytes(signable.body))


def _signing(seconds: float) -> Iterator[Row]:
    from eth_keys.backends import NativeECCBackend
    from eth_keys.datatypes import PrivateKey

    secret = bytes(range(1, 33))
    ours, digest = SigningKey(coincurve.PrivateKey(secret)), keccak(b"digest")
    native = PrivateKey(secret, backend=NativeECCBackend())
    yield _row("a signature by coincurve", "eth-keys, as eth-account installs it", 1e6, "µs",
               side_by_side(lambda: ours.sign(digest), lambda: native.sign_msg_hash(digest),
                            seconds=seconds))  # fmt: skip
    digests = [keccak(bytes([i])) for i in range(256)]

    def shared() -> None:
        lanes_threads.share(
            256, lambda a, b: [ours.sign(d) for d in digests[a:b]], size=8, least=32
        )

    yield _row("256 signatures shared between cores", "one core", 1e3, "ms",
               side_by_side(shared, lambda: [ours.sign(d) for d in digests],
                            seconds=seconds))  # fmt: skip


def _sealing(seconds: float) -> Iterator[Row]:
    some = drafts(64)
    with home("full") as profile, Journal.open(profile) as journal:
        yield _row("64 receipts, full: in one transaction", "in one each", 1e3, "ms",
                   side_by_side(lambda: journal.seal_many(some),
                                lambda: [journal.seal(draft) for draft in some],
                                seconds=seconds))  # fmt: skip
    with home("normal") as profile, Journal.open(profile) as journal:
        sealer, store = journal._sealer, journal._store
        number = (journal._number,)
        journal.seal(some[0])
        cursor = store.cursor()
        last = (
            "SELECT sequence, issued_at FROM receipts WHERE journal = ? "
            "ORDER BY sequence DESC LIMIT 1"
        )

        def before() -> None:
            cursor.execute(sealer._sql.standing, number).fetchone()
            cursor.execute(last, number).fetchone()

        with store.writing():
            times = side_by_side(
                lambda: cursor.execute(sealer._sql.head, number).fetchone(), before,
                seconds=seconds,
            )  # fmt: skip
        yield _row("where a log stands, in one statement", "in two", 1e6, "µs", times)

        def looked() -> None:
            sealer._last = None
            journal.seal(some[0])

        yield _row("a receipt, normal: one statement that finds out how the log stands",
                   "begin, look, insert, commit", 1e6, "µs",
                   side_by_side(lambda: journal.seal(some[0]), looked, seconds=seconds,
                                least=200))  # fmt: skip
