"""`verify_several`: one proof for several receipts of one batch."""

import random
from dataclasses import replace

import pytest
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO


@pytest.fixture
def settled(book, opened):
    book.settle(2)
    return book.settle(11)


def changed(proof, **changes):
    receipts, inclusion = proof
    fields = dict(zip(("first", "size", "posted_at", "siblings"), inclusion, strict=True))
    return receipts, tuple((fields | changes).values())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 13])
def test_verify_several__any_choice_of_a_batch__is_true(ledger, book, opened, several_proof, size):
    settled = book.settle(size)
    choice = random.Random(size)
    choices = {tuple(range(size)), (0,), (size - 1,)}
    choices |= {
        tuple(sorted(choice.sample(range(size), choice.randint(1, size)))) for _ in range(6)
    }
    for sequences in choices:
        assert ledger.verify_several(*several_proof(settled, sequences)) is True


def test_verify_several__of_16__is_true(ledger, book, opened, several_proof):
    settled = book.settle(40)
    proof = several_proof(settled, range(3, 35, 2))
    assert len(proof[0]) == 16
    assert ledger.verify_several(*proof) is True


def test_verify_several__none__is_false(ledger, settled, several_proof):
    receipts, inclusion = several_proof(settled, [3])
    assert ledger.verify_several([], inclusion) is False
    assert ledger.verify_several(receipts, inclusion) is True


@pytest.mark.parametrize("order", [(5, 3), (3, 3), (3, 5, 4)], ids=["descending", "twice", "mixed"])
def test_verify_several__not_strictly_ascending__is_false(ledger, settled, several_proof, order):
    _, inclusion = several_proof(settled, sorted(set(order)))
    receipts = [settled.receipts[n - 2].abi() for n in order]
    assert ledger.verify_several(receipts, inclusion) is False


@pytest.mark.parametrize("field", ["model", "runtime", "request", "inputs", "outputs", "settle_by"])
@pytest.mark.parametrize("which", [0, 2])
def test_verify_several__one_changed_field_in_one_receipt__is_false(
    ledger, settled, several_proof, field, which
):
    receipts, inclusion = several_proof(settled, [3, 4, 9])
    value = 7 if field == "settle_by" else keccak(b"other")
    receipts[which] = replace(settled.receipts[(3, 4, 9)[which] - 2], **{field: value}).abi()
    assert ledger.verify_several(receipts, inclusion) is False


def test_verify_several__receipts_of_two_logs__is_false(
    ledger, settled, several_proof, other_signer
):
    receipts, inclusion = several_proof(settled, [3, 4])
    receipts[1] = (other_signer.address, *receipts[1][1:])
    assert ledger.verify_several(receipts, inclusion) is False


@pytest.mark.parametrize("sequence", [0, 1, 13, 2**64 - 1])
def test_verify_several__a_number_outside_the_batch__is_false(
    ledger, settled, several_proof, sequence
):
    receipts, inclusion = several_proof(settled, [2])
    receipts = [replace(settled.receipts[0], sequence=sequence).abi()]
    assert ledger.verify_several(receipts, inclusion) is False


@pytest.mark.parametrize(
    "change",
    [
        {"first": 0},
        {"first": 1},
        {"size": 0},
        {"size": 10},
        {"size": 12},
        {"size": 2**32},
        {"size": 2**32 + 1},
        {"size": 2**64 - 1},
        {"posted_at": 1_000},
        {"posted_at": 2**64 - 1},
        {"siblings": []},
    ],
    ids=str,
)
def test_verify_several__another_batch__is_false(ledger, settled, several_proof, change):
    proof = several_proof(settled, [3, 4, 9])
    assert ledger.verify_several(*changed(proof, **change)) is False


def test_verify_several__siblings_too_many_too_few_or_changed__is_false(
    ledger, settled, several_proof
):
    proof = several_proof(settled, [3, 4, 9])
    siblings = proof[1][3]
    others = [[*siblings, ZERO], siblings[:-1], siblings[1:], siblings[::-1]]
    others += [[*siblings[:i], keccak(b"other"), *siblings[i + 1 :]] for i in range(len(siblings))]
    for other in others:
        assert ledger.verify_several(*changed(proof, siblings=other)) is False
    assert ledger.verify_several(*proof) is True


def test_verify_several__one_issued_after_posting__is_false(
    ledger, book, opened, at, now, several_proof
):
    moment = now() + 100
    at(moment)
    receipts = [book.receipt(n, issued_at=moment + 60 + n) for n in range(3)]
    settled = book.settle(receipts)
    assert settled.posted_at == moment
    assert ledger.verify_several(*several_proof(settled, [0])) is True
    assert ledger.verify_several(*several_proof(settled, [0, 1])) is False


def test_verify_several__a_root_of_zero__holds_nothing(ledger, book, opened, several_proof):
    settled = book.settle(book.receipts(3), root=ZERO)
    proof = several_proof(settled, [0, 1])
    assert ledger.verify_several(*proof) is False
    assert ledger.verify_several(*changed(proof, siblings=[])) is False
