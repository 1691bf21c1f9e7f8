"""Proofs' bytes, read by a slow verifier that is made of docs/faults.md §5 alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import judging
import numpy as np
import pytest
import slow_proofs
from counterfoil.errors import BadTrace
from counterfoil.programs import Executor, Kind, Trace
from counterfoil.programs.proving import StepProof, height, prove_step, shown, siblings
from counterfoil.programs.row_proofs import SIDE
from random_programs import random_run
from row_case import Case
from slow_proofs import BadProof, both_roots, full_root, leaf, parted, step_roots

KINDS = {kind for kind in Kind if 0x11 <= kind <= 0x19}


def sizes(trace: Trace) -> tuple[int, int]:
    return len(trace.program.rows), trace.program.trace_rows


def roots(trace: Trace) -> tuple[bytes, bytes]:
    """Of both trees, of all rows one by one."""
    program = trace.program
    return full_root(program.rows), full_root([trace.row(n) for n in range(program.trace_rows)])


def kind_of(trace: Trace, proof: StepProof) -> Kind:
    return trace.program.operators[proof.operator - trace.program.first_operator].kind


@pytest.mark.parametrize("first", [0, 20])
def test_prove_step__random_programs__both_roots_follow_from_its_bytes(first: int) -> None:
    kinds: Counter[Kind] = Counter()
    wrong: Counter[Kind] = Counter()
    for seed in range(first, first + 20):
        honest, rng = judging.run(seed), np.random.default_rng(seed)
        known = roots(honest)
        assert known == (honest.program.commitment.root, honest.tree.root)
        for row, element in judging.some(honest.program, rng, 6):
            proof = judging.proof(honest, row, element)
            assert (proof.row, proof.element, proof.wrong) == (row, element, False)
            assert step_roots(proof.abi(), sizes(honest)) == known
            kinds[kind_of(honest, proof)] += 1
        for _ in range(4):
            trace, row, element = judging.corrupted(honest, rng)
            proof = judging.proof(trace, row, element)
            assert proof.wrong
            assert step_roots(proof.abi(), sizes(trace)) == roots(trace)
            wrong[kind_of(trace, proof)] += 1
    assert kinds.keys() == KINDS
    assert len(wrong) >= 6


def test_prove_step__index_past_its_table__no_data_row() -> None:
    found = 0
    for seed in range(40):
        program, inputs = random_run(seed)
        for o in (each for each in program.operators if each.kind is Kind.GATHER):
            data = Executor(program).trace(inputs).data.copy()
            at = int(program.offsets[o.source])
            for past in (o.entries, -1):
                data[at : at + o.index_size] = np.frombuffer(
                    past.to_bytes(o.index_size, "little", signed=True), np.uint8
                )
                trace = Trace(program, data)
                proof = judging.proof(trace, o.out, 0)
                assert proof.wrong
                assert len(parted(proof.rows)) == 3  # descriptor, indices, what was written
                assert step_roots(proof.abi(), sizes(trace)) == roots(trace)
                found += 1
    assert found >= 10


def test_prove_step__any_byte_of_it_changed__other_roots_or_none() -> None:
    rng, told = np.random.default_rng(3), 0
    for seed in range(12):
        trace = judging.run(seed)
        known = roots(trace)
        (row, element), *_ = judging.some(trace.program, rng, 1)
        operator, _, _, rows, path = judging.proof(trace, row, element).abi()
        blob = rows + b"".join(path)
        for _ in range(40):
            changed = bytearray(blob)
            changed[int(rng.integers(len(blob)))] ^= int(rng.integers(1, 256))
            nodes = bytes(changed[len(rows) :])
            other = (
                operator, row, element, bytes(changed[: len(rows)]),
                [nodes[at : at + 32] for at in range(0, len(nodes), 32)],
            )  # fmt: skip
            try:
                found = step_roots(other, sizes(trace))
            except BadProof:
                continue
            assert found != known
            told += 1
    assert told > 200


def test_prove_step__a_sibling_too_many_or_too_few__none() -> None:
    trace = judging.run(7)
    proof = judging.proof(trace, *judging.cell(trace.program.operators[0], 0))
    for path in (proof.siblings[:-1], (*proof.siblings, bytes(32))):
        with pytest.raises(BadProof, match=r"too (few|many) siblings"):
            step_roots(replace(proof, siblings=path).abi(), sizes(trace))


def test_prove_step__no_such_element__refused() -> None:
    trace = judging.run(7)
    o = trace.program.operators[-1]
    last, layers = o.out + o.rows - 1, trace.tree.layers
    behind = o.count - (o.rows - 1) * o.width

    def node(layer: int, index: int) -> bytes:
        return layers[layer][index].tobytes()

    for element in (-1, behind, o.width):
        with pytest.raises(BadTrace, match="has no element"):
            prove_step(trace.program, trace, node, last, element)
    with pytest.raises(BadTrace):
        prove_step(trace.program, trace, node, trace.program.trace_rows, 0)


@pytest.mark.parametrize("h", [0, 1, 2, 3, 6])
def test_siblings__every_choice_of_leaves__the_root(h: int) -> None:
    """Of up to eight leaves all choices, of 64 some."""
    layers = [[leaf(bytes([n])) for n in range(2**h)]]
    while len(layers[-1]) > 1:
        pairs = zip(layers[-1][::2], layers[-1][1::2], strict=True)
        layers.append([slow_proofs.node(a, b) for a, b in pairs])
    rng = np.random.default_rng(h)
    masks = range(1, 2 ** (2**h)) if h <= 3 else map(int, rng.integers(1, 2**63, 200))
    for mask in masks:
        chosen = [n for n in range(2**h) if mask >> n & 1]
        path = list(siblings(lambda layer, index: layers[layer][index], chosen, h))
        found, _ = both_roots({n: layers[0][n] for n in chosen}, {}, path, (2**h, 1))
        assert found == layers[-1][0]


def test_shown__rows__travel_as_length_zero_and_bytes() -> None:
    rows = [b"", b"\x11", bytes(300)]
    assert shown(rows) == b"\0\0\0" + b"\0\x01\0\x11" + b"\x01\x2c\0" + bytes(300)
    assert parted(shown(rows)) == rows
    assert [height(n) for n in (1, 2, 3, 4, 5, 2**22)] == [0, 1, 2, 2, 3, 22]


# What RowJudge reads


def numbered(case: Case, proof: Any, program: Sequence[int], trace: Sequence[int]) -> None:
    """A proof shows these rows, in this order, and its siblings lead to both roots."""
    rows = parted(proof.rows)
    right = [case.program.rows[n] for n in program] + [case.rows.row(n) for n in trace]
    assert rows == right
    hashes = [leaf(row) for row in rows]
    size = len(case.program.rows), case.program.trace_rows
    found = both_roots(
        dict(zip(program, hashes, strict=False)),
        dict(zip(trace, hashes[len(program) :], strict=True)),
        proof.siblings,
        size,
    )
    tree = case.rows.root if trace else None
    assert found == (case.program.commitment.root, tree)


@pytest.mark.parametrize("seed", range(10, 18))
def test_row_proofs__random_programs__both_roots_follow_from_their_bytes(seed: int) -> None:
    honest, rng = judging.run(seed), np.random.default_rng(seed)
    some = int(rng.integers(honest.program.trace_rows))
    case = Case(seed, {some: honest.row(some) + b"\1"})
    program = case.program
    assert full_root([case.rows.row(n) for n in range(program.trace_rows)]) == case.rows.root
    inputs = len(program.inputs)
    for side, edges in enumerate((program.inputs, program.outputs)):
        numbered(case, case.count(side), [0], [])
        for position, edge in enumerate(edges):
            number = 1 + side * inputs + position
            last = -(-edge.length // 256) - 1
            numbered(case, case.tensor(side, position), [0, number], [])
            for chunk in {0, last}:
                proof = case.link(side, position, chunk)
                assert proof.position == side * SIDE + position
                numbered(case, proof, [0, number], [edge.base + chunk])
    for row in {0, some, program.trace_rows - 1}:
        owner = owner_of(program, row)
        proof = case.length(row)
        assert (proof.owner, proof.row) == (owner, row)
        numbered(case, proof, [owner], [row])


def owner_of(program: Any, row: int) -> int:
    """The program row whose rows of the trace begin at or before this one, the last of them."""
    begins = [(edge.base, 1 + n) for n, edge in enumerate(program.inputs)]
    begins += [(o.out, program.first_operator + n) for n, o in enumerate(program.operators)]
    return max(each for each in begins if each[0] <= row)[1]


def test_prove_filling__leaf_behind_the_rows__leads_to_the_root() -> None:
    found = 0
    for seed in range(10, 20):
        program = judging.run(seed).program
        count = program.trace_rows
        behind = range(count, 1 << (count - 1).bit_length())
        for row in {*behind[:1], *behind[-1:]}:
            case = Case(seed, {row: b"\1"})
            proof = case.filling(row)
            assert proof.leaf == leaf(b"\1")
            root = both_roots({}, {row: proof.leaf}, proof.siblings, (1, count))[1]
            assert root == case.rows.root
            found += 1
    assert found >= 8
