"""Gas of the court's whole transactions, calldata and its floor included.

Each figure is held to its ceiling and, within 2 percent, to the committed snapshot.
`make gas` writes the snapshot anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from counterfoil.formats.receipt import Inclusion
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from docket import BURN
from whole_gas import Measured

SNAPSHOT = Path(__file__).with_name("gas.json")

CEILINGS = {
    "commit": 50_000,
    "late unsettled": 110_000,
    "late settled": 110_000,
    "double-sign": 110_000,
    "conflict, depth 20": 135_000,
    "demand": 120_000,
    "answer, depth 20": 110_000,
    "answer, depth 32": 110_000,
}


class TallBatch:
    """A batch of 2^depth receipts, of which one is known: the path is made up."""

    def __init__(self, book, receipt, depth: int):
        self.receipt = receipt
        self.path = tuple(keccak(b"sibling %d" % level) for level in range(depth))
        leaf = receipt.leaf(book.chain_id, book.ledger.address)
        root = merkle.root_from_path(leaf, receipt.sequence, 2**depth, self.path)
        batch = book.batch([receipt], first=0, size=2**depth, root=root)
        transaction = book.ledger.post_batch(*book.signed(batch), sender=book.payer)
        self.leaf, self.batch, self.posted_at = leaf, batch, transaction.timestamp

    def inclusion(self) -> tuple:
        return Inclusion(
            first=0, size=self.batch.size, posted_at=self.posted_at, path=self.path
        ).abi()

    def posted(self) -> tuple:
        return (0, self.batch.size, self.batch.root, self.posted_at)


@pytest.fixture(scope="module")
def measured():
    yield from Measured.kept(SNAPSHOT, CEILINGS)


@pytest.fixture
def check(measured, capsys):
    return lambda name, transaction: measured.check(name, transaction, capsys)


@pytest.fixture(autouse=True)
def burn_address_exists(stranger):
    """As on every public chain; the first wei ever burnt would cost 25,000 more."""
    stranger.transfer(BURN, 1)


def test_gas__commit(check, docket):
    check("commit", docket.commit(keccak(b"evidence")))


def test_gas__late_unsettled(check, docket, bonded, due, at, book):
    book.settle(3)
    receipt = docket.promised(5)
    at(due(receipt) + 1)
    check("late unsettled", docket.late_unsettled(receipt))


def test_gas__late_settled(check, docket, bonded, due, at, book):
    receipt = docket.promised(1)
    at(due(receipt) + 1)
    check("late settled", docket.late_settled(receipt, book.settle(3)))


def test_gas__double_sign(check, docket, bonded):
    one, other = docket.promised(5), docket.promised(5, outputs=keccak(b"else"))
    check("double-sign", docket.double_sign(one, other))


def test_gas__conflict(check, court, docket, bonded, book):
    tall = TallBatch(book, docket.promised(777_777), 20)
    other = docket.promised(777_777, outputs=keccak(b"else"))
    docket.commit_to(other)
    transaction = court.prove_conflict(
        *docket.shown(other), keccak(b"salt"), tall.leaf, tall.inclusion(), sender=docket.challenger
    )
    check("conflict, depth 20", transaction)


def test_gas__demand(check, docket, bonded, book):
    check("demand", docket.demand(book.settle(3), 1))


@pytest.mark.parametrize("depth", [20, 32])
def test_gas__answer(check, court, docket, bonded, book, depth):
    tall = TallBatch(book, docket.promised(777_777), depth)
    court.demand(bonded, 777_777, tall.posted(), sender=docket.challenger, value=10**17)
    transaction = court.answer(
        bonded, 777_777, tall.leaf, tall.inclusion(), sender=docket.book.operator
    )
    check(f"answer, depth {depth}", transaction)


def test_gas__snapshot__has_every_figure(measured):
    measured.require_whole()
