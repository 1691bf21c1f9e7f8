"""Gas of the fault court's whole transactions, calldata and its floor included.

Each figure is held to its ceiling and, within 2 percent, to the committed snapshot.
`make gas` writes the snapshot anew. Receipts lie in batches of 2^20, traces have 2^20 rows.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from book import Settled
from counterfoil.formats.receipt import Inclusion
from counterfoil.hashing import merkle
from counterfoil.hashing.keccak import keccak
from fault_docket import ANSWER, BURN, TRACE, Run, named, plain, tree_of
from whole_gas import Measured

SNAPSHOT = Path(__file__).with_name("fault_gas.json")
DEPTH = 20

CEILINGS = {
    "summon": 200_000,
    "assert": 200_000,
    "answer": 120_000,
    "demand of a node": 120_000,
    "demand of a row": 120_000,
    "reveal of 32 hashes": 80_000,
    "reveal of a row of 64 bytes": 80_000,
    "reveal of a row of 4,096 bytes": 80_000 + 40 * 4_096,
    "reveal of a tensor": 90_000,
    "time-out": 80_000,
    "refund": 80_000,
    "finish": 80_000,
    "conviction, without the judge's work": 80_000,
}
"""What the court's constants say of answers, and the project's limits of the others."""

PATH = tuple(keccak(b"sibling %d" % layer) for layer in range(DEPTH))
INDEX = 777_777


class TallSettled(Settled):
    """A receipt in a batch of 2^20, of which nothing else is known."""

    def inclusion(self, sequence: int) -> Inclusion:
        return Inclusion(first=self.batch.first, size=2**DEPTH, posted_at=self.posted_at, path=PATH)

    def proof(self, sequence: int):
        return self.receipts[1].abi(), self.inclusion(sequence).abi()


class TallRun(Run):
    """A run with a trace of 2^20 rows, of which one is known, or 32 neighbours."""

    @property
    def program(self):
        return replace(super().program, trace_rows=2**DEPTH)


def tall(docket, run: Run) -> TallSettled:
    book = docket.book
    receipt = replace(book.receipt(INDEX), **run.fields)
    leaf = receipt.leaf(book.chain_id, book.ledger.address)
    root = merkle.root_from_path(leaf, INDEX, 2**DEPTH, PATH)
    batch = book.batch([receipt], first=0, size=2**DEPTH, root=root)
    posted = book.ledger.post_batch(*book.signed(batch), sender=book.payer)
    return TallSettled(
        batch=batch,
        receipts=(receipt, receipt),
        tree=tree_of([leaf]),
        posted_at=posted.timestamp,
        transaction=posted,
    )


@pytest.fixture
def tall_run(run):
    return TallRun(inputs=run.inputs, outputs=run.outputs, rows=run.rows)


@pytest.fixture
def opened_over(docket, tall_run):
    """A case whose trace's root is above this node, and the node as it is shown."""

    def opened_over(layer: int, digest: bytes):
        index, path = INDEX >> layer, PATH[layer:]
        root = merkle.root_from_path(digest, index, 2 ** (DEPTH - layer), path)
        case = docket.summon(tall_run, tall(docket, tall_run))
        docket.answer(case, root)
        return case, (layer, index, digest, list(path))

    return opened_over


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


def test_gas__summon_and_answer(check, docket, tall_run):
    case = docket.summon(tall_run, tall(docket, tall_run))
    check("summon", case.transaction)
    check("answer", docket.answer(case))


def test_gas__assert_and_finish(check, docket, tall_run, at, fault_court, stranger):
    case = docket.assert_receipt(tall_run, tall(docket, tall_run))
    check("assert", case.transaction)
    at(fault_court.case_of(case.receipt).closesAt + 1)
    check("finish", fault_court.finish(*case.both, sender=stranger))


def test_gas__nodes(check, docket, opened_over, fault_court, operator):
    hashes = [keccak(b"node %d" % i) for i in range(32)]
    case, node = opened_over(5, tree_of(hashes).root)
    demand = docket.demand(case, TRACE, *node[:2], node=node)
    check("demand of a node", case.transaction)
    check(
        "reveal of 32 hashes",
        fault_court.reveal_nodes([(demand, b"".join(hashes))], sender=operator),
    )


@pytest.mark.parametrize("size", [64, 4_096])
def test_gas__row(check, docket, opened_over, fault_court, operator, size):
    row = bytes(1 + i % 255 for i in range(size))
    case, node = opened_over(0, keccak(b"\x00" + row))
    demand = docket.demand(case, TRACE, *node[:2], node=node)
    if size == 64:
        check("demand of a row", case.transaction)
    check(
        f"reveal of a row of {size:,} bytes",
        fault_court.reveal_rows([(demand, row)], sender=operator),
    )


def test_gas__tensor(check, docket, run):
    case = docket.opened(run)
    check("reveal of a tensor", docket.reveal(case, docket.demand(case, 1, 0, 2)))


def test_gas__time_out_and_refund(check, docket, opened_over, fault_court, at, stranger):
    case, node = opened_over(5, keccak(b"node"))
    demand = docket.demand(case, TRACE, *node[:2], node=node)
    top = docket.clerk.demand_rows(
        docket.court, *case.both, (DEPTH, 0, case.answer[0], []), sender=stranger, value=10**16
    )
    other = plain(named(top, "NodeDemanded")[0].demand)
    at(case.transaction.timestamp + ANSWER + 2)
    check("time-out", fault_court.time_out_demand(*case.both, demand, sender=stranger))
    check("refund", fault_court.refund(other, sender=stranger))


def test_gas__conviction(check, docket, opened_over):
    case, _ = opened_over(0, keccak(b"row"))
    check("conviction, without the judge's work", docket.convict(case))


def test_gas__snapshot__has_every_figure(measured):
    measured.require_whole()
