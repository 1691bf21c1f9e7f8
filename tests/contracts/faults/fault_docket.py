"""Runs of a program that is not there: tensors, a trace, and what a fault court is sent of them.

The court looks at no row's meaning, so its tests need no program: rows are any bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from book import Book, Settled, sign
from counterfoil.chain import place_of
from counterfoil.formats.chunks import chunk_tree
from counterfoil.formats.runtime import Program
from counterfoil.formats.tensor import Tensor, TensorSet, commit, open_chunk, shape_hash
from counterfoil.hashing import merkle
from counterfoil.hashing.eip712 import address_word, digest, domain_separator, text, word
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.types import ZERO, Address
from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

SUMMON, ANSWER, CASE = 5_000, 1_000, 9_000
"""Seconds of the tests' floors."""

FLOORS = (SUMMON, ANSWER, CASE)

UNIT = 10**18
"""Wei that an offence takes."""

CAP = UNIT // 20
"""Wei that a proof earns at most of one bond: less than half a unit."""

LEAST_FEE = 10**6
"""Wei, far below four times an answer's gas at the tests' base fee."""

BURN = "0x000000000000000000000000000000000000dEaD"

SALT = keccak(b"salt")

SUMMONED, OPEN, FINAL, FAULTY = 1, 2, 4, 8
"""IFaultCourt.State, as the compiler numbers it."""

FAULT, WITHHELD = 16, 8
"""IBonds.Offence, as numbered by the compiler."""

TRACE, INPUTS, OUTPUTS, INPUT_CHUNKS, OUTPUT_CHUNKS = range(5)
"""Trees that are demanded."""

TRACE_TYPE = keccak(b"Trace(bytes32 receipt,bytes32 root)")

NO_OPENING = (0, 0, ZERO, 0, ZERO, 0, [], 0, ZERO, b"", [])


def tree_of(leaves: list[bytes]) -> merkle.Tree:
    return merkle.Tree(np.frombuffer(b"".join(leaves), dtype=np.uint8).reshape(-1, 32))


@dataclass(frozen=True)
class Run:
    """One run: the tensors of both sides, their masters, and the trace's rows."""

    inputs: list[Tensor]
    outputs: list[Tensor]
    rows: list[bytes]
    masters: tuple[bytes, bytes] = (keccak(b"inputs' master"), keccak(b"outputs' master"))
    program_root: bytes = keccak(b"program")
    program_rows: int = 12

    @classmethod
    def of(cls, *, rows: int = 70, tensors: int = 3, chunks: int = 40) -> Run:
        """A run whose first input has this many chunks; the other tensors are small."""

        def side(name: str) -> list[Tensor]:
            sizes = [chunks * 256 - 7] + [5 + i for i in range(tensors - 1)]
            return [
                Tensor.of(f"{name} {i}", np.arange(size).astype(np.uint8))
                for i, size in enumerate(sizes)
            ]

        return cls(
            inputs=side("input"),
            outputs=side("output"),
            rows=[b"row %d of the trace" % i for i in range(rows)],
        )

    def side(self, side: int) -> list[Tensor]:
        return (self.inputs, self.outputs)[side]

    def set(self, side: int) -> TensorSet:
        return commit(self.side(side), self.masters[side])

    @property
    def program(self) -> Program:
        return Program(
            root=self.program_root,
            rows=self.program_rows,
            trace_rows=len(self.rows),
            version=1,
        )

    @property
    def fields(self) -> dict[str, bytes]:
        """The receipt's fields that commit to the run."""
        return {
            "runtime": self.program.digest,
            "inputs": self.set(0).digest,
            "outputs": self.set(1).digest,
        }

    @property
    def trace(self) -> merkle.Tree:
        """The tree over the rows, filled up to a power of two."""
        full = 1 << (len(self.rows) - 1).bit_length()
        filled = self.rows + [b""] * (full - len(self.rows))
        return tree_of([keccak(b"\x00" + row) for row in filled])

    def set_tree(self, side: int) -> merkle.Tree:
        return tree_of([merkle.leaf(t.digest) for t in self.set(side).tensors])

    def chunk_tree(self, side: int, position: int) -> merkle.Tree:
        return chunk_tree(self.side(side)[position].data, self.masters[side], position)

    def sets(self) -> tuple[Any, ...]:
        """`Sets` as contracts take it."""
        return tuple(
            each
            for side in (0, 1)
            for each in (
                len(self.side(side)),
                self.set(side).root,
                self.masters[side] if self.side(side) else ZERO,
            )
        )

    def opening(self, side: int) -> tuple[Any, ...]:
        """Chunk 0 of tensor 0, as contracts take it."""
        if not self.side(side):
            return NO_OPENING
        return open_chunk(self.side(side), self.masters[side], 0, 0).abi()

    def tensor(self, side: int, position: int) -> tuple[Any, ...]:
        """`TensorShown`."""
        found = self.set(side).tensors[position]
        return (
            text(found.name),
            found.dtype,
            shape_hash(found.shape),
            found.byte_length,
            found.chunks,
        )


def height(size: int) -> int:
    return (size - 1).bit_length()


def node_of(tree: merkle.Tree, layer: int, index: int) -> tuple[Any, ...]:
    """A node and its path, as contracts take it: the layer is a tree of the same shape."""
    nodes = tree.layers[layer]
    return (layer, index, nodes[index].tobytes(), list(merkle.Tree(nodes).path(index)))


def below(tree: merkle.Tree, layer: int, index: int) -> list[bytes]:
    """What answers a demand of a node above the leaves."""
    down = min(5, layer)
    nodes = tree.layers[layer - down]
    return [each.tobytes() for each in nodes[index << down : (index + 1) << down]]


@dataclass
class Opened:
    """A case: what callers bring along."""

    run: Run
    settled: Settled
    facts: tuple[Any, ...]
    transaction: Any
    answer: tuple[Any, ...] | None = None
    demands: dict[tuple[int, ...], tuple[Any, ...]] = field(default_factory=dict)

    @property
    def receipt(self) -> bytes:
        return self.facts[0]

    @property
    def both(self) -> tuple[Any, Any]:
        return self.facts, self.answer


def named(transaction: Any, name: str) -> list[Any]:
    return [each for each in transaction.events if each.event_name == name]


def plain(value: Any) -> Any:
    """A decoded struct as nested tuples, as contracts take it."""
    if isinstance(value, tuple | list):
        return tuple(plain(each) for each in value)
    if isinstance(value, str):
        return to_checksum_address(value)
    return bytes(value) if isinstance(value, bytes) else value


class FaultDocket:
    """Settles runs of `book`'s log, opens cases for them, and plays both sides."""

    def __init__(self, court, clerk, judge, book: Book, chain, challenger):
        self.court, self.clerk, self.judge, self.book = court, clerk, judge, book
        self.chain, self.challenger = chain, challenger

    def settle(self, run: Run, **changes: Any) -> Settled:
        """A batch of three; the run's receipt is the middle one."""
        first = self.book.ledger.next_sequence(self.book.signer.address)
        receipts = self.book.receipts(3, first)
        receipts[1] = replace(receipts[1], **(run.fields | changes))
        return self.book.settle(receipts)

    def shown(self, run: Run, settled: Settled) -> list[Any]:
        """The arguments of a summons, behind the court."""
        program = run.program
        return [
            *settled.proof(settled.batch.first + 1),
            (program.root, program.rows, program.trace_rows),
            run.sets(),
            run.opening(0),
            run.opening(1),
        ]

    def summon(self, run: Run, settled: Settled | None = None, sender=None, fee=None) -> Opened:
        settled = settled or self.settle(run)
        if fee is None:
            fee = 2 * self.court.least_summons_fee(self.book.signer.address)
        transaction = self.clerk.summon(
            self.court,
            *self.shown(run, settled),
            sender=sender or self.challenger,
            value=fee,
        )
        (event,) = named(transaction, "Summoned")
        return Opened(run, settled, plain(event.facts), transaction)

    def signature(self, receipt: bytes, root: bytes, by: LocalAccount | None = None) -> bytes:
        domain = domain_separator(self.book.chain_id, Address(self.court.address))
        return sign(digest(domain, keccak(TRACE_TYPE + receipt + root)), by or self.book.signer)

    def answer(self, case: Opened, root: bytes | None = None, sender=None, signature=None) -> Any:
        root = case.run.trace.root if root is None else root
        if signature is None:
            signature = self.signature(case.receipt, root)
        transaction = self.court.answer(
            case.facts, root, signature, sender=sender or self.book.operator
        )
        case.answer = plain(named(transaction, "Answered")[0].answer)
        return transaction

    def opened(self, run: Run | None = None, **changes: Any) -> Opened:
        """An answered summons."""
        case = self.summon(run or Run.of(), **changes)
        self.answer(case)
        return case

    def assert_receipt(
        self, run: Run, settled: Settled | None = None, sender=None, bond=20 * CAP, signature=None
    ) -> Opened:
        settled = settled or self.settle(run)
        root = run.trace.root
        receipt = settled.receipts[1].digest(self.book.chain_id, self.book.ledger.address)
        transaction = self.clerk.assert_receipt(
            self.court,
            *self.shown(run, settled),
            root,
            self.signature(receipt, root) if signature is None else signature,
            sender=sender or self.book.operator,
            value=bond,
        )
        (event,) = named(transaction, "Answered")
        return Opened(run, settled, plain(event.facts), transaction, plain(event.answer))

    def tree(self, run: Run, tree: int, position: int = 0) -> merkle.Tree:
        if tree == TRACE:
            return run.trace
        if tree in (INPUTS, OUTPUTS):
            return run.set_tree(tree - INPUTS)
        return run.chunk_tree(tree - INPUT_CHUNKS, position)

    def demand(
        self,
        case: Opened,
        tree: int,
        layer: int,
        index: int,
        position: int = 0,
        sender=None,
        fee: int | None = None,
        node: Any = None,
    ) -> tuple[Any, ...]:
        """Demand a node; the demand, which `case` keeps too."""
        node = node or node_of(self.tree(case.run, tree, position), layer, index)
        if fee is None:
            fee = 2 * self.court.least_demand_fee(tree == TRACE and layer == 0)
        sent = {"sender": sender or self.challenger, "value": fee}
        run = case.run
        if tree == TRACE:
            transaction = self.clerk.demand_rows(self.court, *case.both, node, **sent)
        elif tree in (INPUTS, OUTPUTS):
            transaction = self.clerk.demand_tensors(
                self.court, *case.both, run.sets(), tree - INPUTS, node, **sent
            )
        else:
            side = tree - INPUT_CHUNKS
            transaction = self.clerk.demand_chunks(
                self.court,
                *case.both,
                run.sets(),
                side,
                position,
                run.tensor(side, position),
                run.set_tree(side).path(position),
                node,
                **sent,
            )
        (event,) = named(transaction, "NodeDemanded")
        made = plain(event.demand)
        case.demands[tree, position, layer, index] = made
        case.transaction = transaction
        return made

    def hashes(self, case: Opened, demand: tuple[Any, ...]) -> bytes:
        tree, position, layer, index = place_of(demand[1])
        return b"".join(below(self.tree(case.run, tree, position), layer, index))

    def reveal(self, case: Opened, *demands: tuple[Any, ...], sender=None) -> Any:
        """Answer demands of one kind honestly."""
        sent = {"sender": sender or self.book.operator}
        tree, _, layer, _ = place_of(demands[0][1])
        if layer > 0:
            return self.court.reveal_nodes([(d, self.hashes(case, d)) for d in demands], **sent)
        indices = [place_of(d[1])[3] for d in demands]
        if tree == TRACE:
            rows = case.run.rows
            return self.court.reveal_rows(
                [
                    (d, rows[i] if i < len(rows) else b"")
                    for d, i in zip(demands, indices, strict=True)
                ],
                **sent,
            )
        return self.court.reveal_tensors(
            [(d, case.run.tensor(tree - INPUTS, i)) for d, i in zip(demands, indices, strict=True)],
            **sent,
        )

    def evidence(self, case: Opened, kind: int = 1, place: int = 7, element: int = 3) -> bytes:
        return keccak(case.receipt + word(kind) + word(place) + word(element))

    def commitment(self, claimant: Any, evidence: bytes, salt: bytes = SALT) -> bytes:
        words = map(address_word, (Address(self.court.address), Address(claimant.address)))
        return keccak(b"".join(words) + evidence + salt)

    def commit(self, case: Opened, sender=None, **fault: int) -> Any:
        sender = sender or self.challenger
        return self.court.commit(
            self.commitment(sender, self.evidence(case, **fault)), sender=sender
        )

    def convict(self, case: Opened, sender=None, commit: bool = True, **fault: int) -> Any:
        """Let the harness's judge convict, after a commitment."""
        sender = sender or self.challenger
        fault = {"kind": 1, "place": 7, "element": 3} | fault
        if commit:
            self.commit(case, sender, **fault)
        return self.judge.convict(self.court, *case.both, *fault.values(), SALT, sender=sender)
