"""A small program cannot make a runner take gigabytes: its publisher may be anybody."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from counterfoil.formats.dtypes import NUMBERS
from counterfoil.formats.receipt import Receipt
from counterfoil.formats.receipt_file import Opening, ReceiptFile
from counterfoil.formats.set_opening import SetOpening
from counterfoil.formats.tensor import Tensor
from counterfoil.programs import Builder, ExactProgram, Executor
from counterfoil.programs.container import file_of, pack
from counterfoil.programs.rows import Edge, Header, Kind, Operator, index_rows
from counterfoil.replay import Replayer

SOMEBODY = "0x" + "11" * 20

SOMEBODY = "0x" + "11" * 20

MOST = 200 * 2**20
"""Bytes that one run may take beside its program."""


def program(operators: list[Operator], data: list[bytes], dtype: str = "uint8") -> ExactProgram:
    """One input of one element, and operators whose first row is the output."""
    size = {"uint8": 1, "int32": 4}[dtype]
    given = Edge(name="x", dtype=NUMBERS[dtype], shape=(1,), base=0, length=size)
    width = operators[0].width
    out = Edge(name="y", dtype=NUMBERS["uint8"], shape=(width,), base=1, length=width)
    return ExactProgram(
        [
            Header(inputs=1, outputs=1, operators=len(operators)).encode(),
            given.encode(Kind.INPUT),
            out.encode(Kind.OUTPUT),
            *(o.encode() for o in operators),
            *data,
        ]
    )


def many_taps() -> ExactProgram:
    return program(
        [
            Operator(
                kind=Kind.MAX, width=1, out=1, count=2**18, source=0, source_width=1,
                in_h=1, in_w=1, out_h=256, out_w=1024, k_h=8, k_w=8, stride_h=1, stride_w=1,
                dilation_h=1, dilation_w=1, columns=1, per_group=1,
            )
        ],
        [],
    )  # fmt: skip


def one_table_of_many() -> ExactProgram:
    count = 6000
    operators = [
        Operator(
            kind=Kind.LUT2, width=1, out=1 + n, count=1, source=0, source_width=1, second=0,
            second_width=1, divisor=1, modulus=1, table=3 + count + n % 7,
        )
        for n in range(count)
    ]  # fmt: skip
    return program(operators, [bytes([Kind.TABLE2]) + bytes(256)] * 262)


def one_embedding_of_many() -> ExactProgram:
    count, entries = 400, 2**14
    operators = [
        Operator(
            kind=Kind.GATHER, width=64, out=1 + n, count=64, source=0, source_width=1,
            table=3 + count, entries=entries, index_size=4,
        )
        for n in range(count)
    ]  # fmt: skip
    return program(operators, [bytes([Kind.EMBEDDING]) + bytes(64)] * entries, "int32")


def wide_copies() -> ExactProgram:
    size, count = 8, 2**21
    # one element of one byte is the output; behind it one of eight, copied many times
    first = Operator(
        kind=Kind.LUT1, width=1, out=1, count=1, source=0, source_width=1, size=1, table=7
    )
    wide = Operator(
        kind=Kind.LUT1, width=1, out=2, count=1, source=0, source_width=1, size=size, table=6
    )
    copied = Operator(kind=Kind.COPY, width=256, out=3, count=count, size=size, table=8)
    rows = index_rows(np.full(count, 2), np.zeros(count, np.int64))
    tables = [bytes([Kind.TABLE]) + bytes([7]) * 256 * s for s in (size, 1)]
    return program([first, wide, copied], [*tables, *rows])


def test_replay__thousands_of_outputs_in_the_same_rows__no_more_than_the_file():
    """A trace of two megabytes whose outputs are three gigabytes."""
    builder, length = Builder(), 2**20
    given = builder.input("x", NUMBERS["uint8"], (length,))
    block = builder.look_up(given, np.arange(256, dtype=np.uint8), 256)
    for number in range(3000):
        builder.output(f"y{number}", NUMBERS["uint8"], (length,), block)
    program = builder.program()
    inputs = [Tensor.of("x", np.zeros(length, np.uint8))]
    claimed = [Tensor.of(f"y{number}", np.zeros(1, np.uint8)) for number in range(2999)]
    claimed.append(Tensor.of("y2999", np.zeros(length, np.uint8)))
    zero = bytes(32)
    file = ReceiptFile(
        chain_id=1, ledger=SOMEBODY, signature=bytes(65),
        receipt=Receipt(
            signer=SOMEBODY, sequence=0, model=zero, runtime=program.commitment.digest,
            request=zero, inputs=zero, outputs=zero, issued_at=1, settle_by=0,
        ),
        opening=Opening(
            inputs=SetOpening(master=zero, tensors=tuple(inputs)),
            outputs=SetOpening(master=zero, tensors=tuple(claimed)),
        ),
    )  # fmt: skip

    class Found:
        graph = file_of(program)

        def find(self, *_: object) -> Found:
            return self

    replayer = Replayer(Found())
    tracemalloc.start()
    try:
        found = replayer.replay(file)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.verdict == "different"
    assert [each.equal for each in found.outputs] == [False] * 2999 + [True]
    assert most < MOST


@pytest.mark.parametrize("make", [many_taps, one_table_of_many, one_embedding_of_many, wide_copies])
def test_executor__small_program__takes_little_memory(make):
    made = make()
    assert len(pack(made)) < 100_000
    edge = made.inputs[0]
    tracemalloc.start()
    try:
        given = np.zeros(1, np.int32 if edge.length == 4 else np.uint8)
        trace = Executor(made).trace([Tensor.of("x", given)])
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(trace.data) == made.offsets[-1]
    assert most < MOST
