"""What the fault court's machine plays with: a small program, and runs told right or wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from counterfoil.chain import Answer, Facts, FaultDemand, Sets, TensorShown, TreeKind
from counterfoil.faults.docket import STEP_DOWN, Docket
from counterfoil.faults.proving import prove_call
from counterfoil.faults.run import Proof, Run
from counterfoil.formats.chunks import chunk_tree
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.hashing import merkle
from counterfoil.hashing.eip712 import digest, domain_separator
from counterfoil.hashing.keccak import keccak
from counterfoil.hashing.signature import checksummed
from counterfoil.hashing.types import ZERO, Digest
from counterfoil.programs import Builder, Executor, Weights, Window
from counterfoil.programs.builder import bits
from counterfoil.programs.rows import PADDING
from eth_abi import encode

from .court_cast import Log, Signed
from .fault_world import FaultWorld

TRACE_TYPE = keccak(b"Trace(bytes32 receipt,bytes32 root)")

MASTERS = Digest(keccak(b"inputs' master")), Digest(keccak(b"outputs' master"))

LIES = {
    "output": "LINK",
    "output and its row": "STEP",
    "byte": "STEP",
    "unlinked": "LINK",
    "length": "LENGTH",
    "filling": "FILLING",
    "index": "STEP",
    "tensor": "TENSOR",
    "count": "COUNT",
    "rows withheld": None,
    "all withheld": None,
    "invented root": None,
    "silence": None,
}
"""What a faulty operator does, and the proof that shows it; None: it withholds."""


@cache
def executor_of(tall: bool) -> Executor:
    """A program with operators of every kind: 43 trace rows, or 15."""
    places, columns, channels = (12, 6, 3) if tall else (2, 6, 3)
    rng = np.random.default_rng(5)
    builder = Builder()
    x = builder.input("x", NUMBERS["float32"], (places, columns))
    index = builder.input("i", NUMBERS["int64"], (1,))
    quantised = builder.quantise(x, np.float32(0.25), 128, width=columns)

    def weights(depth: int, multiplier: int) -> list[Weights]:
        return [
            Weights(
                zero=128,
                multiplier=multiplier,
                constant=int(rng.integers(-500, 500)),
                values=rng.integers(0, 256, depth, dtype=np.uint8).tobytes(),
            )
            for _ in range(channels)
        ]

    window = Window(source=(places, 1), out=(places, 1))
    scaled = weights(columns, bits(np.float32(0.01)))
    product = builder.dot(quantised, window, scaled, columns=columns, zero=100, pad=128)
    best = builder.arg_max(product)
    table = rng.permutation(256).astype(np.uint8)
    looked_up = builder.look_up(product, table, width=4)
    floats = (np.arange(256, dtype="<f4") - 100) / 8
    y = builder.look_up(looked_up, floats, width=places * channels)
    chosen = builder.gather(index, rng.integers(0, 256, (5, 4), dtype=np.uint8))
    first_two = Window(source=(places, 1), out=(1, 1), kernel=(2, 1))
    sums = builder.dot(product, first_two, weights(2 * channels, 0), columns=channels, wide=True)
    most = builder.max(product, first_two)
    rows, places_of = most.addresses()
    turned = np.append(rows[::-1], PADDING), np.append(places_of[::-1], 0)
    moved = builder.copy(*turned, width=channels + 1, pad=9)
    pairs = rng.integers(0, 256, (256, 256), dtype=np.uint8)
    both = builder.look_up_two(moved, chosen, pairs)
    builder.output("y", NUMBERS["float32"], (places, channels), y)
    builder.output("best", NUMBERS["int64"], (places,), best)
    builder.output("chosen", NUMBERS["uint8"], (1, 4), chosen)
    builder.output("sums", NUMBERS["int32"], (channels,), sums)
    builder.output("both", NUMBERS["uint8"], (channels + 1,), both)
    return Executor(builder.program())


@dataclass(frozen=True, eq=False)
class Told:
    """A run as its operator tells it.

    Attributes:
        lie: one of `LIES`, or empty.
        run: what a holder makes of the receipt: what is right, and what is wrong with it.
        rows: what the told trace's leaves hash, those behind the last row too.
    """

    lie: str
    run: Run
    rows: tuple[bytes, ...]

    @cached_property
    def tree(self) -> merkle.Tree:
        """The told trace's."""
        return merkle.tree_of([merkle.leaf(row) for row in self.rows])

    @cached_property
    def root(self) -> bytes:
        """What the operator signs."""
        return keccak(b"nothing") if self.lie == "invented root" else self.tree.root

    @property
    def answers(self) -> bool:
        """Whether the operator answers a summons at all."""
        return self.lie != "silence"

    def gives(self, tree: int, layer: int) -> bool:
        """Whether the operator gives out what is demanded there."""
        if self.lie == "all withheld":
            return False
        return tree != TreeKind.TRACE or not (
            self.lie == "invented root" or (self.lie == "rows withheld" and layer == 0)
        )

    @cached_property
    def program(self) -> tuple[bytes, int, int]:
        """As contracts take it."""
        made = self.run.program.commitment
        return made.root, made.rows, made.trace_rows

    @cached_property
    def sets(self) -> tuple[Any, ...]:
        """`Sets`, as contracts take them."""
        return self.run.sets.abi()

    @cached_property
    def sets_hash(self) -> bytes:
        """What a case keeps of them."""
        return keccak(encode(["uint32", "bytes32", "bytes32"] * 2, self.sets))

    @cached_property
    def first_chunks(self) -> tuple[Any, Any]:
        """The openings of a summons."""
        return tuple(self.run.opening(side).chunk(0, 0).abi() for side in (0, 1))

    # ---- what is demanded of it

    @cache  # noqa: B019 - runs are few and kept anyway
    def _tree(self, tree: int, position: int) -> merkle.Tree:
        if tree == TreeKind.TRACE:
            return self.tree
        side = (tree - 1) % 2
        if tree in (TreeKind.INPUT_CHUNKS, TreeKind.OUTPUT_CHUNKS):
            data = self.run.opening(side).tensors[position].data
            return chunk_tree(data, MASTERS[side], position)
        tensors = self.run.committed(side).tensors
        return merkle.tree_of([merkle.leaf(each.digest) for each in tensors])

    @cached_property
    def places(self) -> list[tuple[int, int, int, int]]:
        """Tree, position, layer and index of all that can be demanded."""
        trees = [(0, 0), (1, 0), (2, 0)]
        trees += [(3 + s, p) for s in (0, 1) for p in range(len(self.run.opening(s).tensors))]
        found = []
        for tree, position in trees:
            layers = self._tree(tree, position).layers
            top = len(layers) - 1
            for layer in range(top + 1):
                if (layer == 0 and tree < TreeKind.INPUT_CHUNKS) or (
                    layer and (top - layer) % STEP_DOWN == 0
                ):
                    found += [(tree, position, layer, i) for i in range(len(layers[layer]))]
        return found

    def node(self, place: tuple[int, int, int, int]) -> tuple[Any, ...]:
        """A node with its path, as contracts take it."""
        tree, position, layer, index = place
        nodes = self._tree(tree, position).layers[layer]
        if tree == TreeKind.TRACE and layer == len(self.tree.layers) - 1:
            return layer, 0, self.root, []
        return layer, index, nodes[index].tobytes(), merkle.Tree(nodes).path(index)

    def below(self, place: tuple[int, int, int, int]) -> list[bytes]:
        """The hashes that answer a demand above the leaves."""
        tree, position, layer, index = place
        down = min(STEP_DOWN, layer)
        nodes = self._tree(tree, position).layers[layer - down]
        return [each.tobytes() for each in nodes[index << down : (index + 1) << down]]

    def tensor(self, side: int, position: int) -> tuple[Any, ...]:
        """`TensorShown`."""
        return TensorShown.of(self.run.committed(side).tensors[position]).abi()

    def set_path(self, side: int, position: int) -> list[Digest]:
        """From a tensor to its set's root."""
        return self._tree(1 + side, 0).path(position)


@cache
def told(lie: str, tall: bool, seed: int) -> Told:
    """A run on inputs of a seed, with a lie that the seed places."""
    executor, rng = executor_of(tall), np.random.default_rng(seed)
    program = executor.program
    x = (rng.normal(size=program.inputs[0].shape) * 20).astype("<f4")
    index = np.array([7 if lie == "index" else rng.integers(5)], dtype="<i8")
    inputs = Tensor.of("x", x), Tensor.of("i", index)
    fine = executor.trace([inputs[0], Tensor.of("i", index % 5)])
    outputs = list(fine.outputs())
    rows = [fine.row(place) for place in range(program.trace_rows)]
    rows[program.inputs[1].base] = inputs[1].data
    rows += [b""] * ((1 << (len(rows) - 1).bit_length()) - len(rows))

    if lie in ("output", "output and its row"):
        which = int(rng.integers(len(outputs)))
        data = _other_byte(outputs[which].data, rng)
        outputs[which] = replace(outputs[which], data=data)
        if lie == "output and its row":
            rows[program.outputs[which].base] = data
    elif lie in ("byte", "rows withheld", "all withheld"):
        wrong = program.operators[int(rng.integers(len(program.operators)))]
        place = wrong.out + int(rng.integers(wrong.rows))
        rows[place] = _other_byte(rows[place], rng)
    elif lie == "unlinked":
        place = int(rng.integers(program.operators[0].out))
        rows[place] = _other_byte(rows[place], rng)
    elif lie == "length":
        place = int(rng.integers(program.trace_rows))
        rows[place] = rows[place][:-1] if rng.integers(2) else rows[place] + b"\0"
    elif lie == "filling":
        rows[int(rng.integers(program.trace_rows, len(rows)))] = b"\0"
    elif lie == "tensor":
        outputs[1] = replace(outputs[1], name="another")
    elif lie == "count":
        outputs = outputs[: int(rng.integers(1, 5))]
    run = Run(
        executor,
        SetOpening(master=MASTERS[0], tensors=inputs),
        SetOpening(master=MASTERS[1], tensors=tuple(outputs)),
    )
    if lie == "index":  # what nothing says is right is told as the holder would
        assert run.trace is not None
        rows[: program.trace_rows] = [run.trace.row(n) for n in range(program.trace_rows)]
    return Told(lie, run, tuple(rows))


def _other_byte(row: bytes, rng: np.random.Generator) -> bytes:
    """The same with one byte changed."""
    changed = bytearray(row)
    changed[int(rng.integers(len(row)))] ^= int(rng.integers(1, 256))
    return bytes(changed)


def issue(log: Log, world: FaultWorld, what: Told) -> Signed:
    """A receipt of a run, signed under the log's next number."""
    receipt = Receipt(
        signer=log.address,
        sequence=log.next_number,
        model=Digest(keccak(b"model")),
        runtime=what.run.program.commitment.digest,
        request=ZERO,
        inputs=what.run.committed(0).digest,
        outputs=what.run.committed(1).digest,
        issued_at=world.now,
        settle_by=0,
    )
    made = receipt.digest(world.chain_id, world.ledger_address)
    signed = Signed(receipt, log.sign(made), made)
    log.signed.append(signed)
    return signed


def sign_trace(log: Log, world: FaultWorld, receipt: bytes, root: bytes) -> bytes:
    """`Trace(receipt, root)` under the court's domain, by the log's key."""
    domain = domain_separator(world.chain_id, checksummed(world.court.address))
    return log.sign(digest(domain, Digest(keccak(TRACE_TYPE + receipt + root))))


def docket(receipt: Digest, what: Told, case: dict[str, Any] | None) -> Docket:
    """What a challenger reads in the chain's events of a case."""
    made = Docket(receipt=receipt)
    if case is None:
        return made
    made.facts = Facts.parse(case["facts"])
    made.sets = Sets.parse(what.sets)
    if case["answer"] is not None:
        made.answer = Answer.parse(case["answer"])
    for demand in [*case["open"].values(), *(each for each, _ in case["given"].values())]:
        parsed = FaultDemand.parse(demand)
        made.demands[parsed.place] = parsed
    for place, (_, shown) in case["given"].items():
        kind, _, layer, index = place
        made.answered.add((TreeKind(kind), *place[1:]))
        if kind == TreeKind.TRACE and layer:
            made.reveal(layer, index, [Digest(shown[i : i + 32]) for i in range(0, len(shown), 32)])
        elif kind == TreeKind.TRACE:
            made.rows[index] = shown
    return made


@dataclass(frozen=True)
class _Judge:
    name: str

    def call(self, function: str, *arguments: Any) -> tuple[str, str, tuple[Any, ...]]:
        return self.name, function, arguments


@dataclass(frozen=True)
class _Court:
    address: str
    step_judge: _Judge = field(default_factory=lambda: _Judge("step_judge"))
    row_judge: _Judge = field(default_factory=lambda: _Judge("row_judge"))


def shown(
    world: FaultWorld, run: Run, case: Docket, proof: Proof, salt: bytes
) -> tuple[str, str, tuple[Any, ...]]:
    """Judge, function and arguments that show a fault, as a challenger makes them."""
    court: Any = _Court(checksummed(world.court.address))
    made: Any = prove_call(court, run, case, proof, Digest(salt))
    return made
