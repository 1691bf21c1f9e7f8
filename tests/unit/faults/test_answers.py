"""What demands are answered with: any tree's nodes, rows and tensors, as many as a call takes."""

from __future__ import annotations

import numpy as np
import pytest
from counterfoil.chain import FaultDemand, TensorShown, TreeKind
from counterfoil.faults.answers import hashes, reveals
from counterfoil.formats.chunks import chunk_tree
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.tensor import Tensor, commit
from counterfoil.hashing import merkle
from counterfoil.programs import Builder
from random_programs import random_run

from .court_of_paper import CHALLENGER, RECEIPT, run_of


class Court:
    """Takes note of what would be called."""

    def reveal_nodes_call(self, some):
        return ("nodes", [(d.place, list(h)) for d, h in some])

    def reveal_rows_call(self, some):
        return ("rows", [(d.place, row) for d, row in some])

    def reveal_tensors_call(self, some):
        return ("tensors", [(d.place, shown) for d, shown in some])


def demand(tree, layer, index, position=0) -> FaultDemand:
    return FaultDemand(
        receipt=RECEIPT,
        tree=tree,
        position=position,
        layer=layer,
        index=index,
        digest=bytes(32),
        count=0,
        demander=CHALLENGER,
        fee=1,
        deadline=9,
    )


@pytest.fixture(scope="module")
def run():
    """Three inputs of several chunks each, so that no tree but the trace's is full."""
    builder = Builder()
    blocks = [builder.input(f"in{n}", NUMBERS["uint8"], (300 * (n + 1),)) for n in range(3)]
    for n, block in enumerate(blocks):
        table = np.arange(256, dtype=np.uint8)[::-1].copy()
        builder.output(
            f"out{n}", NUMBERS["uint8"], (300 * (n + 1),), builder.look_up(block, table, 256)
        )
    rng = np.random.default_rng(4)
    inputs = [
        Tensor.of(f"in{n}", rng.integers(0, 256, 300 * (n + 1)).astype(np.uint8)) for n in range(3)
    ]
    return run_of(builder.program(), inputs)


def test_hashes__every_tree__give_the_node_above(run):
    """Whatever is demanded, the hashes lead to it as RFC 9162 joins them."""
    trees = {(TreeKind.TRACE, 0): run.trace.tree}
    for side, kinds in enumerate(
        ((TreeKind.INPUTS, TreeKind.INPUT_CHUNKS), (TreeKind.OUTPUTS, TreeKind.OUTPUT_CHUNKS))
    ):
        opening = run.opening(side)
        tensors = commit(opening.tensors, opening.master).tensors
        trees[kinds[0], 0] = merkle.tree_of([merkle.leaf(t.digest) for t in tensors])
        for position, tensor in enumerate(opening.tensors):
            trees[kinds[1], position] = chunk_tree(tensor.data, opening.master, position)
    seen = 0
    for (kind, position), tree in trees.items():
        for layer in range(1, len(tree.layers)):
            for index in range(len(tree.layers[layer])):
                found = hashes(run, demand(kind, layer, index, position))
                assert len(found) == min(
                    1 << min(5, layer),
                    len(tree.layers[layer - min(5, layer)]) - (index << min(5, layer)),
                )
                assert merkle.root_of(found) == tree.layers[layer][index].tobytes()
                seen += 1
    assert seen > 30


def test_reveals__many__as_few_calls_as_they_fit_into(run):
    wanted = [demand(TreeKind.TRACE, 1, n) for n in range(5)]
    wanted += [demand(TreeKind.TRACE, 0, n) for n in range(5)]
    wanted += [demand(TreeKind.OUTPUTS, 0, n) for n in range(3)]
    made = reveals(Court(), run, wanted)
    assert [(each.what, len(each.places)) for each in made] == [
        ("nodes", 4), ("nodes", 1), ("rows", 4), ("rows", 1), ("tensors", 3),
    ]  # fmt: skip
    assert [p for each in made for p in each.places] == [d.place for d in wanted]
    rows = [row for each in made if each.what == "rows" for _, row in each.call[1]]
    assert rows == [run.trace.row(n) for n in range(5)]
    shown = made[-1].call[1]
    assert [found for _, found in shown] == [
        TensorShown.of(tensor) for tensor in run.committed(1).tensors
    ]


def test_reveals__filling__an_empty_row():
    program, inputs = random_run(3)
    run = run_of(program, inputs)
    assert len(run.trace.tree.layers[0]) > program.trace_rows
    (made,) = reveals(Court(), run, [demand(TreeKind.TRACE, 0, program.trace_rows)])
    assert made.call[1][0][1] == b""
