"""`verify` and `require_settled`: one condition each, the same answer from both."""

from dataclasses import replace

import pytest
from counterfoil.formats.batch import batch_tree
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO

FIELDS = {
    "sequence": 2,
    "model": keccak(b"other"),
    "runtime": keccak(b"other"),
    "request": keccak(b"other"),
    "inputs": keccak(b"other"),
    "outputs": keccak(b"other"),
    "issued_at": 1,
    "settle_by": 1,
}


@pytest.fixture
def settled(book, opened):
    book.settle(3)
    return book.settle(5)


@pytest.fixture
def denied(ledger, refused):
    """`verify` is false, and `require_settled` reverts with this reason."""

    def check(receipt, inclusion, reason):
        assert ledger.verify(receipt.abi(), inclusion.abi()) is False
        with refused(reason):
            ledger.require_settled(receipt.abi(), inclusion.abi())

    return check


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 11])
def test_verify__every_receipt_of_a_batch__is_true(ledger, book, opened, chain_id, count):
    book.settle(2)
    settled = book.settle(count)
    for receipt in settled.receipts:
        assert ledger.verify(*settled.proof(receipt.sequence)) is True
        assert ledger.require_settled(*settled.proof(receipt.sequence)) == receipt.digest(
            chain_id, ledger.address
        )


@pytest.mark.parametrize("field", FIELDS)
def test_verify__a_changed_field__is_false(settled, denied, field):
    receipt = settled.receipts[0]
    changed = replace(receipt, **{field: FIELDS[field]})
    reason = {"sequence": "ledger: sequence outside the batch"}
    denied(
        changed,
        settled.inclusion(receipt.sequence),
        reason.get(field, "ledger: not in the batch"),
    )


def test_verify__another_signer__is_false(settled, denied, other_signer):
    receipt = replace(settled.receipts[0], signer=other_signer.address)
    denied(receipt, settled.inclusion(3), "ledger: batch never posted")


def test_verify__another_number_of_the_batch__is_false(settled, denied):
    receipt = replace(settled.receipts[0], sequence=4)
    denied(receipt, settled.inclusion(3), "ledger: not in the batch")
    denied(receipt, settled.inclusion(4), "ledger: not in the batch")


@pytest.mark.parametrize("sequence", [2, 8, 0, 2**64 - 1])
def test_verify__a_number_outside_the_batch__is_false(settled, denied, sequence):
    receipt = replace(settled.receipts[0], sequence=sequence)
    denied(receipt, settled.inclusion(3), "ledger: sequence outside the batch")


def test_verify__a_batch_that_starts_elsewhere__is_false(settled, denied):
    receipt = settled.receipts[0]
    denied(
        receipt,
        replace(settled.inclusion(3), first=2),
        "ledger: batch never posted",
    )


def test_verify__another_batch_of_the_log__is_false(settled, denied):
    inclusion = replace(settled.inclusion(3), first=0, size=4, path=(ZERO, ZERO))
    denied(settled.receipts[0], inclusion, "ledger: not in the batch")


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (0, "ledger: sequence outside the batch"),
        (4, "path: wrong length"),
        (6, "ledger: not in the batch"),
        (8, "ledger: not in the batch"),
        (9, "path: wrong length"),
        (2**32, "path: wrong length"),
        (2**32 + 1, "path: tree too large"),
        (2**64 - 1, "path: tree too large"),
    ],
)
def test_verify__another_size__is_false(settled, denied, size, reason):
    denied(settled.receipts[0], replace(settled.inclusion(3), size=size), reason)


@pytest.mark.parametrize("shift", [-1, 1])
def test_verify__another_posting_time__is_false(settled, denied, shift):
    inclusion = settled.inclusion(3)
    changed = replace(inclusion, posted_at=inclusion.posted_at + shift)
    denied(settled.receipts[0], changed, "ledger: not in the batch")


def test_verify__the_greatest_posting_time__is_false(settled, denied):
    changed = replace(settled.inclusion(3), posted_at=2**64 - 1)
    denied(settled.receipts[0], changed, "ledger: not in the batch")


@pytest.mark.parametrize("index", [0, 3, 4])
def test_verify__a_path_too_long_or_too_short__is_false(settled, denied, index):
    receipt = settled.receipts[index]
    inclusion = settled.inclusion(receipt.sequence)
    longer = replace(inclusion, path=(*inclusion.path, ZERO))
    shorter = replace(inclusion, path=inclusion.path[:-1])
    for changed in (longer, shorter, replace(inclusion, path=())):
        denied(receipt, changed, "path: wrong length")


@pytest.mark.parametrize("level", [0, 1, 2])
def test_verify__a_changed_sibling__is_false(settled, denied, level):
    inclusion = settled.inclusion(3)
    path = list(inclusion.path)
    path[level] = keccak(b"other")
    changed = replace(inclusion, path=tuple(path))
    denied(settled.receipts[0], changed, "ledger: not in the batch")


def test_verify__siblings_in_another_order__is_false(settled, denied):
    inclusion = settled.inclusion(3)
    changed = replace(inclusion, path=inclusion.path[::-1])
    denied(settled.receipts[0], changed, "ledger: not in the batch")


def test_verify__never_posted__is_false(book, settled, denied):
    receipts = book.receipts(2)
    tree = batch_tree(b"".join(r.digest(book.chain_id, book.ledger.address) for r in receipts))
    inclusion = replace(settled.inclusion(3), first=8, size=2, path=tuple(tree.path(0)))
    denied(receipts[0], inclusion, "ledger: batch never posted")


def test_verify__an_inner_node_as_a_leaf__is_false(ledger, book, signer, settled):
    # the node above leaves 0 and 1 stands nowhere in the tree as a leaf
    node = settled.tree.layers[1][0].tobytes()
    inclusion = settled.inclusion(3)
    for size, path in ((5, inclusion.path), (3, inclusion.path[1:])):
        changed = replace(inclusion, size=size, path=path)
        assert ledger.verify_leaf(signer.address, 3, node, changed.abi()) is False


@pytest.mark.parametrize("skew", [-1000, 0, 60])
def test_verify__issued_up_to_a_minute_after_posting__is_true(ledger, book, opened, at, now, skew):
    moment = now() + 2000
    receipt = book.receipt(0, issued_at=moment + skew)
    at(moment)
    settled = book.settle([receipt])
    assert settled.posted_at == moment
    assert ledger.verify(*settled.proof(0)) is True


@pytest.mark.parametrize("skew", [61, 10_000])
def test_verify__issued_later_than_that__is_false(book, opened, at, now, denied, skew):
    moment = now() + 2000
    receipt = book.receipt(0, issued_at=moment + skew)
    at(moment)
    settled = book.settle([receipt])
    assert settled.posted_at == moment
    denied(receipt, settled.inclusion(0), "ledger: issued after posting")


def test_verify__the_greatest_issuing_time__is_false(book, opened, denied):
    receipt = book.receipt(0, issued_at=2**64 - 1)
    settled = book.settle([receipt])
    denied(receipt, settled.inclusion(0), "ledger: issued after posting")


def test_verify__a_root_of_zero__holds_nothing(ledger, book, opened, denied):
    # a path that does not fit must not pass for one that leads to zero
    receipts = book.receipts(3)
    settled = book.settle(receipts, root=ZERO)
    inclusion = settled.inclusion(0)
    denied(receipts[0], inclusion, "ledger: not in the batch")
    denied(receipts[0], replace(inclusion, path=()), "path: wrong length")


def test_verify__for_ever__whatever_becomes_of_the_log(ledger, book, signer, operator, settled, at):
    ledger.revoke_log(signer.address, sender=operator)
    at(2**40)
    assert ledger.verify(*settled.proof(7)) is True


# Membership of any leaf


def test_verify_leaf__every_leaf__is_true(ledger, signer, settled):
    for index in range(5):
        leaf = settled.tree.layers[0][index].tobytes()
        inclusion = settled.inclusion(3 + index).abi()
        assert ledger.verify_leaf(signer.address, 3 + index, leaf, inclusion) is True


def test_verify_leaf__a_leaf_that_is_no_receipt__is_true(ledger, book, payer, opened):
    leaf = keccak(b"anything")
    batch = replace(book.batch(book.receipts(1)), root=leaf)
    posted = ledger.post_batch(*book.signed(batch), sender=payer)
    inclusion = (0, 1, posted.timestamp, [])
    assert ledger.verify_leaf(batch.signer, 0, leaf, inclusion) is True


def test_verify_leaf__ignores_the_issuing_time(ledger, book, opened):
    settled = book.settle([book.receipt(0, issued_at=2**64 - 1)])
    leaf = settled.tree.root
    inclusion = settled.inclusion(0).abi()
    assert ledger.verify_leaf(book.signer.address, 0, leaf, inclusion) is True


@pytest.mark.parametrize("change", ["signer", "sequence", "leaf", "size", "path", "first"])
def test_verify_leaf__anything_changed__is_false(ledger, signer, other_signer, settled, change):
    inclusion = settled.inclusion(3)
    leaf = settled.tree.layers[0][0].tobytes()
    arguments = {
        "signer": (other_signer.address, 3, leaf, inclusion),
        "sequence": (signer.address, 4, leaf, inclusion),
        "leaf": (signer.address, 3, keccak(b"other"), inclusion),
        "size": (signer.address, 3, leaf, replace(inclusion, size=6)),
        "path": (signer.address, 3, leaf, replace(inclusion, path=inclusion.path[1:])),
        "first": (signer.address, 3, leaf, replace(inclusion, first=0)),
    }[change]
    assert ledger.verify_leaf(*arguments[:3], arguments[3].abi()) is False
    assert ledger.verify_leaf(signer.address, 3, leaf, inclusion.abi()) is True
