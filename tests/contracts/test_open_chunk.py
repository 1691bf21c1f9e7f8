"""`open_output` and `open_input`: one chunk of a settled receipt's tensor, or the reason."""

from dataclasses import replace

import pytest
from counterfoil.formats.tensor import Tensor, commit, open_chunk
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO

MASTER = keccak(b"master")


def tensor(name, length):
    data = bytes(i * 7 % 251 for i in range(length))
    return Tensor(name=name, dtype=2, shape=(length,), data=data)


TENSORS = [tensor("scores", 600), tensor("empty", 0), tensor("label", 256), tensor("x", 1)]
OTHERS = [tensor("image", 300)]


@pytest.fixture(params=["open_output", "open_input"])
def side(request):
    return request.param


@pytest.fixture
def settled(book, opened, side):
    sets = commit(TENSORS, MASTER).digest, commit(OTHERS, ZERO).digest
    outputs, inputs = sets if side == "open_output" else sets[::-1]
    return book.settle(
        [book.receipt(0), book.receipt(1, inputs=inputs, outputs=outputs), book.receipt(2)]
    )


@pytest.fixture
def show(ledger, settled, side):
    """Open a chunk of receipt 1."""
    return lambda opening: getattr(ledger, side)(*settled.proof(1), opening.abi())


def test_open_chunk__every_chunk_of_every_tensor__is_its_bytes(show):
    shown = 0
    for position, t in enumerate(TENSORS):
        for index in range(max(1, -(-len(t.data) // 256))):
            opening = open_chunk(TENSORS, MASTER, position, index)
            assert show(opening) == t.data[256 * index : 256 * (index + 1)]
            shown += 1
    assert shown == 6


def test_open_chunk__of_the_other_side__reverts(ledger, settled, side, refused):
    other = {"open_output": "open_input", "open_input": "open_output"}[side]
    opening = open_chunk(TENSORS, MASTER, 0, 0)
    with refused("opening: not under the digest"):
        getattr(ledger, other)(*settled.proof(1), opening.abi())


def test_open_chunk__of_another_receipt__reverts(ledger, settled, side, refused):
    opening = open_chunk(TENSORS, MASTER, 0, 0)
    with refused("opening: not under the digest"):
        getattr(ledger, side)(*settled.proof(2), opening.abi())


def test_open_chunk__of_a_receipt_never_settled__reverts(ledger, book, settled, side, refused):
    receipt = book.receipt(3, outputs=commit(TENSORS, MASTER).digest)
    inclusion = replace(settled.inclusion(2), first=3, size=1, path=())
    with refused("ledger: batch never posted"):
        getattr(ledger, side)(
            receipt.abi(), inclusion.abi(), open_chunk(TENSORS, MASTER, 0, 0).abi()
        )


def test_open_chunk__of_a_changed_receipt__reverts(ledger, settled, side, refused):
    receipt = replace(settled.receipts[1], request=keccak(b"other"))
    with refused("ledger: not in the batch"):
        getattr(ledger, side)(
            receipt.abi(),
            settled.inclusion(1).abi(),
            open_chunk(TENSORS, MASTER, 0, 0).abi(),
        )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"position": 4}, "opening: tensor outside the set"),
        ({"position": 2**32 - 1}, "opening: tensor outside the set"),
        ({"count": 0}, "opening: tensor outside the set"),
        ({"index": 3}, "opening: chunk outside the tensor"),
        ({"index": 2**64 - 1}, "opening: chunk outside the tensor"),
        ({"data": b""}, "opening: wrong chunk length"),
        ({"data": bytes(255)}, "opening: wrong chunk length"),
        ({"index": 2}, "opening: wrong chunk length"),
        ({"byte_length": 300}, "opening: wrong chunk length"),
        ({"count": 5, "position": 4}, "path: wrong length"),
        ({"count": 1, "position": 0}, "path: wrong length"),
        ({"byte_length": 512}, "path: wrong length"),
        ({"byte_length": 1025}, "path: wrong length"),
        ({"set_path": ()}, "path: wrong length"),
        ({"set_path": (ZERO, ZERO, ZERO)}, "path: wrong length"),
        ({"chunk_path": ()}, "path: wrong length"),
        ({"chunk_path": (ZERO, ZERO, ZERO)}, "path: wrong length"),
        ({"byte_length": 2**64 - 1}, "path: tree too large"),
        ({"byte_length": 2**40 + 1}, "path: tree too large"),
        ({"byte_length": 2**40}, "path: wrong length"),
        ({"count": 3}, "opening: not under the digest"),
        ({"position": 1}, "opening: not under the digest"),
        ({"index": 0}, "opening: not under the digest"),
        ({"byte_length": 601}, "opening: not under the digest"),
        ({"byte_length": 768}, "opening: not under the digest"),
        ({"name_hash": keccak(b"other")}, "opening: not under the digest"),
        ({"dtype": 3}, "opening: not under the digest"),
        ({"shape_hash": keccak(b"other")}, "opening: not under the digest"),
        ({"salt": keccak(b"other")}, "opening: not under the digest"),
        ({"data": bytes(256)}, "opening: not under the digest"),
        ({"set_path": (ZERO, ZERO)}, "opening: not under the digest"),
        ({"chunk_path": (ZERO, ZERO)}, "opening: not under the digest"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_open_chunk__anything_changed__reverts(show, refused, change, reason):
    genuine = open_chunk(TENSORS, MASTER, 0, 1)
    if "count" in change and change["count"] == 3:
        # three tensors have paths of the same length at position 0
        assert len(genuine.set_path) == 2
    with refused(reason):
        show(replace(genuine, **change))
    assert show(genuine) == TENSORS[0].data[256:512]


def test_open_chunk__the_empty_tensor_with_a_byte__reverts(show, refused):
    genuine = open_chunk(TENSORS, MASTER, 1, 0)
    with refused("opening: wrong chunk length"):
        show(replace(genuine, data=b"\0"))
    with refused("opening: not under the digest"):
        show(replace(genuine, data=b"\0", byte_length=1))
    assert show(genuine) == b""


def test_open_chunk__of_an_empty_set__reverts(ledger, book, opened, refused, side):
    nothing = commit([], MASTER).digest
    settled = book.settle([book.receipt(0, inputs=nothing, outputs=nothing)])
    opening = replace(open_chunk(TENSORS, MASTER, 3, 0), count=0, position=0)
    with refused("opening: tensor outside the set"):
        getattr(ledger, side)(*settled.proof(0), opening.abi())
